"""What the tests of publishing share: a publisher that only remembers, a log that can be read, a child process."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers.values import Once
from sockjsd.channels.publications import Publication
from sockjsd.django import publishing
from sockjsd.django.api import outage_log
from sockjsd.django.letters import Letter
from sockjsd.errors import PublishError
from tests.django import settings

ROOT = Path(__file__).resolve().parent.parent.parent


class RecordingPublisher:
    """Remembers what is published; raises :attr:`error` instead while there is one.

    :ivar sent: channels and data.
    :ivar letters: all that was said.
    :ivar refusals: errors of single publications among many, by their data.
    :ivar calls: how often many were published.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.letters: list[Letter] = []
        self.error: BaseException | None = None
        self.refusals: dict[str, PublishError] = {}
        self.calls = 0

    def publish(self, channel: str, publication: Publication, once: Once | None = None, *, keep: bool = True) -> int:
        if self.error is not None:
            raise self.error
        self.sent.append((channel, publication.data))
        self.letters.append(Letter(channel, publication, once, keep))
        return 1

    def publish_many(self, letters: Sequence[Letter]) -> list[int | PublishError]:
        self.calls += 1
        outcomes: list[int | PublishError] = []
        for letter in letters:
            refusal = self.refusals.get(letter.publication.data)
            if refusal is None:
                self.publish(letter.channel, letter.publication, letter.once, keep=letter.keep)
            outcomes.append(refusal or 1)
        return outcomes


class LogLines(logging.Handler):
    """Collects ``(level, text)`` of a logger for one test, and keeps them from the screen."""

    def __init__(self, test: SynchronousTestCase, name: str) -> None:
        super().__init__()
        self.lines: list[tuple[str, str]] = []
        logger = logging.getLogger(name)
        before = (logger.level, logger.propagate, logger.disabled)
        logger.addHandler(self)
        logger.level, logger.propagate, logger.disabled = logging.INFO, False, False
        test.addCleanup(self._restore, logger, before)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.levelname, record.getMessage()))

    def _restore(self, logger: logging.Logger, before: tuple[int, bool, bool]) -> None:
        logger.removeHandler(self)
        logger.level, logger.propagate, logger.disabled = before


class PublishingTestCase(SynchronousTestCase):
    """A process that publishes to a :class:`RecordingPublisher`, with Django configured."""

    def setUp(self) -> None:
        settings.configure()
        self.publisher = RecordingPublisher()
        publishing.install(self.publisher)
        self.addCleanup(publishing.uninstall)
        outage_log.reset()
        self.addCleanup(outage_log.reset)
        self.log = LogLines(self, "sockjsd.publish")

    def assert_sent(self, *expected: tuple[str, str]) -> None:
        """Exactly these publications went out, in this order."""
        self.assertEqual(self.publisher.sent, list(expected))


def run_child(code: str, **environment: str) -> str:
    """Run *code* in a fresh Python with warnings as errors and return what it prints; fails with its traceback."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SOCKJSD_", "DJANGO_"))}
    child = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=kept | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if child.returncode:
        raise AssertionError(child.stderr)
    return child.stdout.strip()
