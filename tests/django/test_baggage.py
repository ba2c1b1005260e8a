# -*- test-case-name: tests.django.test_baggage -*-
"""What goes along when a response goes on in another thread: here it is real threads, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from threading import Thread
from typing import TypeVar

from django.db import connections
from django.utils import timezone, translation
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.django.baggage import Baggage, settle
from tests.django import settings

T = TypeVar("T")

VARIABLE: ContextVar[str] = ContextVar("VARIABLE", default="unset")


def in_thread(call: Callable[[], T]) -> T:
    """Return what *call* returns in a thread of its own, or raise what it raises."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    thread = Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def count() -> Iterator[int]:
    """Make numbers out of one query."""
    with connections["default"].cursor() as cursor:
        cursor.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n")
        while row := cursor.fetchone():
            yield row[0]


class BaggageTests(SynchronousTestCase):
    """A response in several threads."""

    def setUp(self) -> None:
        settings.configure()
        options = connections.settings["default"]
        self.addCleanup(options.update, NAME=options["NAME"])
        options["NAME"] = self.mktemp()  # a database in memory is never closed

    def packed(self, prepare: Callable[[], object] = lambda: None) -> Baggage:
        """Return what a thread packed after it had prepared something, and ended."""

        def pack() -> Baggage:
            prepare()
            baggage = Baggage()
            baggage.run(lambda: None)
            baggage.pack()
            return baggage

        return in_thread(pack)

    def test_query_goes_on_in_another_thread(self) -> None:
        """Although the first thread has closed its connections meanwhile; nothing is lost between two."""
        numbers = count()

        def begin() -> Baggage:
            baggage = Baggage()
            self.assertEqual(baggage.run(lambda: next(numbers)), 1)
            baggage.pack()
            connections.close_all()  # as the end of the next request would
            return baggage

        baggage = in_thread(begin)
        self.assertEqual(in_thread(lambda: baggage.run(lambda: next(numbers))), 2)
        self.assertEqual(in_thread(lambda: baggage.run(lambda: list(numbers))), list(range(3, 1001)))
        baggage.drop()

    def test_connection_is_closed_in_the_end(self) -> None:
        """By whoever drops the baggage."""
        opened = []

        def connect() -> None:
            connections["default"].ensure_connection()
            opened.append(connections["default"])

        baggage = self.packed(connect)
        self.assertIsNotNone(opened[0].connection)
        in_thread(baggage.drop)
        self.assertIsNone(opened[0].connection)

    def test_connections_of_the_other_thread_are_its_own(self) -> None:
        """They are put aside, and are there again, also when it fails."""
        baggage = self.packed(lambda: connections["default"].ensure_connection())

        def other() -> None:
            connections["default"].ensure_connection()
            mine = connections["default"]
            self.assertIsNot(baggage.run(lambda: connections["default"]), mine)
            with self.assertRaises(ZeroDivisionError):
                baggage.run(lambda: 1 // 0)
            self.assertIs(connections["default"], mine)

        in_thread(other)
        baggage.drop()

    def test_connection_that_is_opened_later_goes_along(self) -> None:
        """From the thread where it was opened."""
        baggage = self.packed()
        numbers = count()
        self.assertEqual(in_thread(lambda: baggage.run(lambda: next(numbers))), 1)
        self.assertEqual(in_thread(lambda: baggage.run(lambda: next(numbers))), 2)
        numbers.close()
        baggage.drop()

    def test_manners_go_along(self) -> None:
        """Language and time zone, also those that were chosen on the way; the thread's own are as they were."""

        def speak_german() -> None:
            translation.activate("de")
            timezone.activate("Asia/Tokyo")

        def manners() -> tuple[str | None, str]:
            return translation.get_language(), timezone.get_current_timezone_name()

        baggage = self.packed(speak_german)

        def other() -> None:
            before = manners()
            self.assertEqual(baggage.run(manners), ("de", "Asia/Tokyo"))
            self.assertEqual(manners(), before)

        in_thread(other)
        in_thread(lambda: baggage.run(lambda: translation.activate("fr")))
        self.assertEqual(in_thread(lambda: baggage.run(manners)), ("fr", "Asia/Tokyo"))
        in_thread(lambda: baggage.run(translation.deactivate_all))
        self.assertEqual(in_thread(lambda: baggage.run(manners)), (None, "Asia/Tokyo"))

    def test_context_is_one_for_all_threads(self) -> None:
        """What a generator has set in one, it can reset in another."""
        VARIABLE.set("test")

        def parts() -> Iterator[str]:
            token = VARIABLE.set("mine")
            yield VARIABLE.get()
            yield VARIABLE.get()
            VARIABLE.reset(token)
            yield VARIABLE.get()

        made = parts()

        def begin() -> Baggage:
            VARIABLE.set("request")
            baggage = Baggage()
            self.assertEqual(baggage.run(lambda: next(made)), "mine")
            self.assertEqual(VARIABLE.get(), "request")
            baggage.pack()
            baggage.pack()
            return baggage

        baggage = in_thread(begin)
        self.assertEqual(in_thread(lambda: baggage.run(lambda: next(made))), "mine")
        self.assertEqual(in_thread(lambda: baggage.run(lambda: next(made))), "request")

    def test_thread_without_request_holds_no_old_connection(self) -> None:
        """Closed at once where the settings do not want it kept."""

        def settled() -> object:
            connections["default"].ensure_connection()
            settle()
            return connections["default"].connection

        self.assertIsNone(in_thread(settled))
