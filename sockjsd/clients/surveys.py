# -*- test-case-name: tests.clients.test_surveys -*-
"""Questions to all nodes of the cluster, whose answers are added up.

A survey waits for the nodes that were known when it was asked.  One that goes meanwhile is waited for no
longer; one that is there and does not answer in time fails the survey, because a sum that lacks something would
be wrong without looking so.

Answers come in numbered parts, because one message to hold a hundred thousand channels would stall a node.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sockjsd.errors import BrokerUnavailable, StateError

#: Seconds for all answers: more than the time in which a node that fell silent is noticed.  As Centrifugo's.
TIMEOUT = 10.0
#: Surveys under way at once from one node.
MOST = 32
#: Channels in one part of an answer: with the longest names a message of 260 KB.
PART = 1000


@dataclass(slots=True)
class _Survey:
    """One question under way: whose answer is missing, and the sum so far."""

    missing: set[str]
    total: Counter[str]
    done: Deferred[dict[str, int]]
    timer: IDelayedCall
    # Parts of each node that came.
    parts: dict[str, set[int]] = field(default_factory=dict)


class Surveys:
    """The questions of this node.

    :param clock: the reactor.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._asked = 0
        self._open: dict[int, _Survey] = {}

    def open(self, own: Mapping[str, int], nodes: Iterable[str]) -> tuple[int, Deferred[dict[str, int]]]:
        """Begin a survey; the caller's duty is to send the question with its number to *nodes*.

        :param own: this node's own answer.
        :returns: the number, and what fires with the sum of all answers, or fails with
            :class:`sockjsd.errors.BrokerUnavailable`: not all answered, or too many are asking.
        """
        self._asked += 1
        if len(self._open) >= MOST:
            return self._asked, fail(BrokerUnavailable(f"{MOST} surveys of this node are under way already"))
        done: Deferred[dict[str, int]] = Deferred()
        timer = self._clock.callLater(TIMEOUT, self._timed_out, self._asked)
        self._open[self._asked] = _Survey(set(nodes), Counter(own), done, timer)
        self._close_if_complete(self._asked)
        return self._asked, done

    def answered(self, number: int, node: str, message: Mapping[str, Any]) -> None:
        """Take one part of *node*'s answer, as :func:`parts` made it; one that comes too late does nothing.

        :raises StateError: it is no part of an answer.
        """
        part, last, counts = message.get("part"), message.get("last"), message.get("counts")
        if not isinstance(part, int) or not isinstance(last, int) or not isinstance(counts, dict):
            raise StateError("a part of an answer lacks its number, the last number, or its counts")
        survey = self._open.get(number)
        if survey is None:
            return
        survey.total.update(counts)
        parts = survey.parts.setdefault(node, set())
        parts.add(part)
        if len(parts) > last:
            survey.missing.discard(node)
            self._close_if_complete(number)

    def left(self, nodes: Iterable[str]) -> None:
        """Wait no longer for *nodes*: they are gone."""
        for number, survey in list(self._open.items()):
            survey.missing.difference_update(nodes)
            self._close_if_complete(number)

    def fail(self, number: int, error: Exception) -> None:
        """End a survey whose question could not be sent."""
        survey = self._open.pop(number, None)
        if survey is not None:
            survey.timer.cancel()
            survey.done.errback(error)

    def stop(self) -> None:
        """End all surveys."""
        for number in list(self._open):
            self.fail(number, BrokerUnavailable("this node stops"))

    def _close_if_complete(self, number: int) -> None:
        survey = self._open[number]
        if not survey.missing:
            del self._open[number]
            survey.timer.cancel()
            survey.done.callback(dict(survey.total))

    def _timed_out(self, number: int) -> None:
        survey = self._open.pop(number)
        survey.done.errback(BrokerUnavailable(f"{len(survey.missing)} nodes did not answer within {TIMEOUT:.0f} s"))


def parts(counts: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """Divide a node's answer: ``{"part": number from 0, "last": number of the last, "counts": {channel: int}}``."""
    entries = iter(counts.items())
    last = max(len(counts) - 1, 0) // PART
    for part in range(last + 1):
        yield {"part": part, "last": last, "counts": dict(islice(entries, PART))}
