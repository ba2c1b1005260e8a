# -*- test-case-name: tests.django.test_api -*-
"""``publish()`` and ``publish_many()``: when a publication goes out, and what happens when it does not.

A publication belongs to the data that it tells about: inside a transaction it goes out on commit, and
after a rollback never.  What is wrong with the *call* is raised at the call: the name, the data, a broker that
nobody listens to.  What is wrong with the *world* never breaks a view: it is logged once per outage, counted
in :data:`outage_log` and sent as the signal :data:`publish_failed`.  ``immediate=True`` asks for the
opposite: now, and with an exception.
"""

from __future__ import annotations

import contextvars
import functools
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence

from asgiref.sync import sync_to_async
from django.db import transaction
from django.dispatch import Signal

from sockjsd.django.letters import Letter, Said, make_letter
from sockjsd.django.outages import OutageLog
from sockjsd.django.publishing import Publisher, django_is_configured, find_publisher
from sockjsd.errors import NotAllPublished

#: Sent when a publication is lost, in the thread that published it; the sender is :func:`publish`.
#: Keywords: ``channel``, ``payload`` (JSON text), ``error``.  What its receivers raise is logged by Django.
publish_failed = Signal()

#: ``outage_log.counts`` says what became of the publications of this process.
outage_log = OutageLog(logging.getLogger("sockjsd.publish"))

os.register_at_fork(after_in_child=outage_log.reset)

#: Whether a receiver of the signal is running: one that publishes in turn would never come to an end.
_telling: contextvars.ContextVar[bool] = contextvars.ContextVar("sockjsd_telling", default=False)


def publish(
    channel: str,
    data: object,
    *,
    immediate: bool = False,
    using: str | None = None,
    idempotency_key: str | None = None,
    tags: Mapping[str, str] | None = None,
    version: int = 0,
    version_epoch: str = "",
    keep: bool = True,
) -> None:
    """Send *data* to everybody who listens to *channel*, and keep it where the channel has a history.

    It goes out when the transaction of *using* is committed; at once where there is none.
    Code that manages transactions without ``atomic`` has none in this sense.

    :param data: anything that Django's JSON encoder takes; later changes to it change nothing.
    :param immediate: now, transaction or not, and failures are raised.
    :param using: the database whose transaction counts, the default one when ``None``.
    :param idempotency_key: for five minutes nothing else with this key goes out on this channel, so that
        what may have gone out can be published again.
    :param tags: what receivers get beside the data; texts by their names.
    :param version: from 1; where the channel has a history, a publication whose version is not above the last one
        does not go out, so that an old state never follows a new one.  0 for none.
    :param version_epoch: versions are compared only within one epoch; ``""`` compares with any.
    :param keep: false for what shall not be kept although the channel has a history.
    :raises ChannelNameError: *channel* cannot be a channel's name.
    :raises NotJSON: *data* cannot be written as JSON.
    :raises OddPublication: key, tags or version are none.
    :raises NobodyListens: the memory broker, in a process that is not the daemon.
    :raises ConfigurationError: the configuration cannot be used.
    :raises BrokerUnavailable: only with *immediate*: the broker did not take it.
    """
    _send(make_letter(channel, data, idempotency_key, tags, version, version_epoch, keep), immediate, using)


async def apublish(
    channel: str,
    data: object,
    *,
    immediate: bool = False,
    using: str | None = None,
    idempotency_key: str | None = None,
    tags: Mapping[str, str] | None = None,
    version: int = 0,
    version_epoch: str = "",
    keep: bool = True,
) -> None:
    """Do what :func:`publish` does, from a coroutine: the network does not hold up the event loop.

    The transaction that counts is the one of ``sync_to_async``'s thread, where Django's ORM runs for coroutines.
    """
    # Before anything is awaited, so that later changes change nothing.
    letter = make_letter(channel, data, idempotency_key, tags, version, version_epoch, keep)
    await sync_to_async(_send, thread_sensitive=True)(letter, immediate, using)


def publish_many(publications: Iterable[Said], *, immediate: bool = False, using: str | None = None) -> None:
    """Do what :func:`publish` does with each of *publications*, in their order, in as few questions as possible.

    ::

        publish_many([{"channel": "orders", "data": {"id": order.pk}} for order in orders])

    :param publications: dicts of what :func:`publish` takes: ``channel``, ``data``, and what there is of
        ``idempotency_key``, ``tags``, ``version``, ``version_epoch`` and ``keep``.
    :param immediate: as in :func:`publish`.
    :param using: as in :func:`publish`.
    :raises NotAllPublished: only with *immediate*: the broker did not take some; its ``errors`` say which.  The
        others went out.
    :raises PublishError: what is wrong with the call, as in :func:`publish`; so are ``ChannelNameError``,
        ``ConfigurationError``, and ``TypeError`` for a name in a dict that there is not.  Nothing went out then.
    """
    _send_many([make_letter(**said) for said in publications], immediate, using)


async def apublish_many(publications: Iterable[Said], *, immediate: bool = False, using: str | None = None) -> None:
    """Do what :func:`publish_many` does, from a coroutine; see :func:`apublish`."""
    letters = [make_letter(**said) for said in publications]
    await sync_to_async(_send_many, thread_sensitive=True)(letters, immediate, using)


def _send_many(letters: list[Letter], immediate: bool, using: str | None) -> None:
    publisher = find_publisher()
    if immediate:
        _send_all_or_raise(publisher, letters)
    else:
        _on_commit(functools.partial(_send_all_or_tell, publisher, letters), using)


def _send_all_or_raise(publisher: Publisher, letters: list[Letter]) -> None:
    outcomes = _send_all(publisher, letters)
    errors = {number: outcome for number, outcome in enumerate(outcomes) if isinstance(outcome, Exception)}
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            outage_log.raised()
        else:
            outage_log.sent()
    if errors:
        raise NotAllPublished(errors, len(letters)) from next(iter(errors.values()))


def _send_all_or_tell(publisher: Publisher, letters: list[Letter]) -> None:
    outcomes = _send_all(publisher, letters)
    for letter, outcome in zip(letters, outcomes, strict=True):
        if isinstance(outcome, Exception):
            outage_log.lost(outcome)
            _tell_receivers(letter, outcome)
    # Behind those that are lost, or each would be an outage with two lines of its own.
    for outcome in outcomes:
        if not isinstance(outcome, Exception):
            outage_log.sent()


def _send_all(publisher: Publisher, letters: list[Letter]) -> Sequence[int | Exception]:
    try:
        return publisher.publish_many(letters)
    except Exception as error:  # an installed publisher may raise anything
        return [error] * len(letters)


def _send(letter: Letter, immediate: bool, using: str | None) -> None:
    publisher = find_publisher()
    if immediate:
        _send_or_raise(publisher, letter)
    else:
        _on_commit(functools.partial(_send_or_tell, publisher, letter), using)


def _on_commit(send: Callable[[], None], using: str | None) -> None:
    """Call *send* when the transaction is committed, and never if it is rolled back; at once where there is none."""
    if _in_transaction(using):
        transaction.on_commit(send, using=using, robust=True)
    else:
        send()


def _in_transaction(using: str | None) -> bool:
    """Say whether there is an atomic block, without opening a connection (``on_commit`` alone would)."""
    return django_is_configured() and transaction.get_connection(using).in_atomic_block


def _publish(publisher: Publisher, letter: Letter) -> None:
    publisher.publish(letter.channel, letter.publication, letter.once, keep=letter.keep)


def _send_or_raise(publisher: Publisher, letter: Letter) -> None:
    try:
        _publish(publisher, letter)
    except Exception:
        outage_log.raised()
        raise
    outage_log.sent()


def _send_or_tell(publisher: Publisher, letter: Letter) -> None:
    try:
        _publish(publisher, letter)
    except Exception as error:  # an installed publisher may raise anything, and the view is done with it
        outage_log.lost(error)
        _tell_receivers(letter, error)
    else:
        outage_log.sent()


def _tell_receivers(letter: Letter, error: Exception) -> None:
    if _telling.get():
        return
    token = _telling.set(True)
    try:
        payload = letter.publication.data
        publish_failed.send_robust(sender=publish, channel=letter.channel, payload=payload, error=error)
    finally:
        _telling.reset(token)
