# -*- test-case-name: tests.django.test_api -*-
"""Tests of ``sockjsd.django.api``: what somebody notices who calls ``publish()``."""

from __future__ import annotations

import asyncio
import os
from typing import Any, ClassVar

from asgiref.sync import async_to_sync
from django.db import transaction
from django.db.utils import ConnectionDoesNotExist

from sockjsd.django import apublish, apublish_many, publish, publish_failed, publish_many, publishing
from sockjsd.django.api import outage_log
from sockjsd.django.letters import Said, make_letter
from sockjsd.django.outages import PublishCounts
from sockjsd.errors import (
    BrokerUnavailable,
    ChannelNameError,
    NobodyListens,
    NotAllPublished,
    NotJSON,
    OddPublication,
)
from tests.django.fakes import LogLines, PublishingTestCase, run_child

_PUBLISH_WITHOUT_DATABASES = """
from django.conf import settings
settings.configure(DATABASES={}, INSTALLED_APPS=["sockjsd.django"])
import django; django.setup()
from sockjsd.django import publish, publishing
class Printing:
    def publish(self, channel, publication, once=None, *, keep=True):
        print(channel, publication.data)
        return 1
publishing.install(Printing())
publish("news", {"n": 1})
"""

_PUBLISH_WITHOUT_SETTINGS = "from sockjsd" + _PUBLISH_WITHOUT_DATABASES.partition("from sockjsd")[2]

_PUBLISH_BESIDE_DATABASE = """
from django.db import connection
from tests.django import settings, fakes
from sockjsd.django import publish, publishing
settings.configure()
publishing.install(fakes.RecordingPublisher())
publish("news", 1)
print(connection.connection)
"""

_PUBLISH_IN_FORKED_CHILD = """
import os
from sockjsd.django import publish, publishing
from sockjsd.errors import NobodyListens
class Daemon:
    def publish(self, channel, publication, once=None, *, keep=True):
        raise AssertionError("the reactor of the parent does not run here")
publishing.install(Daemon())
child = os.fork()
if not child:
    try:
        publish("news", 1)
    except NobodyListens:
        os._exit(7)
    os._exit(8)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


class Undo(Exception):
    """Makes a transaction roll back."""


class CommitTests(PublishingTestCase):
    """When a publication goes out."""

    def test_publish_goes_out_at_once_without_transaction(self) -> None:
        """There is no commit to wait for."""
        publish("news", {"title": "é"})
        self.assert_sent(("news", '{"title":"é"}'))

    def test_publish_hands_over_all_that_was_said(self) -> None:
        """Key, tags, version and whether to keep it, now or on commit, from a view and from a coroutine."""
        said: dict[str, Any] = {
            "idempotency_key": "k",
            "tags": {"a": "b"},
            "version": 2,
            "version_epoch": "e",
            "keep": False,
        }
        expected = make_letter("news", 1, "k", {"a": "b"}, 2, "e", False)
        publish("news", 1, **said)
        with transaction.atomic():
            publish("news", 1, **said)
        async_to_sync(apublish)("news", 1, immediate=True, **said)
        self.assertEqual(self.publisher.letters, [expected] * 3)

    def test_publish_refuses_what_is_none_at_once(self) -> None:
        """An error of the call is raised at the call, not on commit."""
        with transaction.atomic():
            self.assertRaises(OddPublication, publish, "news", 1, idempotency_key="")

    def test_publish_opens_no_connection_to_database(self) -> None:
        """A view that uses no database does not begin to by publishing."""
        self.assertEqual(run_child(_PUBLISH_BESIDE_DATABASE), "None")

    def test_publish_waits_for_commit_inside_atomic_block(self) -> None:
        """Nobody hears of rows that cannot be read yet."""
        with transaction.atomic():
            publish("news", 1)
            self.assert_sent()
        self.assert_sent(("news", "1"))

    def test_publish_sends_nothing_when_transaction_rolls_back(self) -> None:
        """What did not happen is not told."""
        with self.assertRaises(Undo), transaction.atomic():
            publish("news", 1)
            raise Undo
        self.assert_sent()
        self.assertEqual(outage_log.counts, PublishCounts())

    def test_publish_keeps_order_across_savepoints_without_those_rolled_back(self) -> None:
        """Nested blocks send in the order of the calls, and only what was kept."""
        with transaction.atomic():
            publish("news", 1)
            with transaction.atomic():
                publish("news", 2)
            with self.assertRaises(Undo), transaction.atomic():
                publish("news", "undone")
                raise Undo
            publish("news", 3)
        self.assert_sent(("news", "1"), ("news", "2"), ("news", "3"))

    def test_publish_waits_for_transaction_of_named_database_only(self) -> None:
        """``using`` says whose commit counts."""
        with transaction.atomic():
            publish("other", 1, using="other")
            self.assert_sent(("other", "1"))
        with transaction.atomic(using="other"):
            publish("mine", 2, using="other")
            self.assertEqual(len(self.publisher.sent), 1)
        self.assert_sent(("other", "1"), ("mine", "2"))

    def test_publish_raises_for_unknown_database(self) -> None:
        """A slip in ``using`` is an error of the call."""
        self.assertRaises(ConnectionDoesNotExist, publish, "news", 1, using="no-such")

    def test_publish_goes_out_after_failing_robust_hook(self) -> None:
        """Another hook that fails robustly does not cost the publication."""
        LogLines(self, "django.db.backends.base")

        def fail() -> None:
            raise Undo

        with transaction.atomic():
            transaction.on_commit(fail, robust=True)
            publish("news", 1)
        self.assert_sent(("news", "1"))

    def test_publish_that_fails_on_commit_spares_later_hooks(self) -> None:
        """The caller, and whoever else waits for the commit, does not notice."""
        ran: list[str] = []
        self.publisher.error = BrokerUnavailable("away")
        with transaction.atomic():
            publish("news", 1)
            transaction.on_commit(lambda: ran.append("later hook"))
        self.assertEqual(ran, ["later hook"])

    def test_publish_sends_data_as_they_were_at_the_call(self) -> None:
        """Changing them afterwards changes nothing."""
        data = {"n": 1}
        with transaction.atomic():
            publish("news", data)
            data["n"] = 2
        self.assert_sent(("news", '{"n":1}'))

    def test_publish_works_in_project_without_databases(self) -> None:
        """``DATABASES = {}`` is a project too."""
        self.assertEqual(run_child(_PUBLISH_WITHOUT_DATABASES), 'news {"n":1}')

    def test_publish_works_without_django_settings(self) -> None:
        """A script that has no Django project has no transaction either."""
        self.assertEqual(run_child(_PUBLISH_WITHOUT_SETTINGS), 'news {"n":1}')


class WrongCallTests(PublishingTestCase):
    """What is raised at the call, in every mode."""

    def assert_raised_at_call(self, error: type[Exception], channel: str, data: object) -> None:
        """The call raises *error*, inside a transaction, outside of one, and immediately."""
        with transaction.atomic():
            self.assertRaises(error, publish, channel, data)
        self.assertRaises(error, publish, channel, data)
        self.assertRaises(error, publish, channel, data, immediate=True)
        self.assertRaises(error, async_to_sync(apublish), channel, data)
        self.assert_sent()

    def test_publish_raises_for_impossible_channel(self) -> None:
        """A name that nobody can subscribe to is a slip."""
        self.assert_raised_at_call(ChannelNameError, "no spaces please", 1)

    def test_publish_raises_for_data_that_json_cannot_hold(self) -> None:
        """The traceback points to the call, not to the commit."""
        self.assert_raised_at_call(NotJSON, "news", object())

    def test_publish_raises_where_nobody_listens(self) -> None:
        """The memory broker in another process than the daemon's is a mistake of configuration, and says the cure."""
        publishing.uninstall()
        publishing.forget()
        self.addCleanup(publishing.forget)
        self.patch(os, "environ", {})
        self.assert_raised_at_call(NobodyListens, "news", 1)
        error = self.assertRaises(NobodyListens, publish, "news", 1)
        self.assertIn("url = redis://", str(error))
        self.assertIn("SOCKJSD_BROKER_URL", str(error))

    def test_publish_raises_in_child_forked_by_daemon(self) -> None:
        """The child's copy of the daemon's publisher leads to a reactor that does not run."""
        self.assertEqual(run_child(_PUBLISH_IN_FORKED_CHILD), "7")


class FailureTests(PublishingTestCase):
    """What happens when the broker does not take it."""

    def setUp(self) -> None:
        super().setUp()
        self.signals: list[dict[str, Any]] = []
        publish_failed.connect(self.remember)
        self.addCleanup(publish_failed.disconnect, self.remember)
        self.publisher.error = BrokerUnavailable("Redis is away")

    def remember(self, **keywords: Any) -> None:
        """Be a receiver of the signal."""
        self.signals.append(keywords)

    def test_publish_spares_the_caller_and_counts(self) -> None:
        """A view does not break because Redis did; the number says what was lost."""
        publish("news", 1)
        with transaction.atomic():
            publish("news", 2)
        self.assertEqual(outage_log.counts, PublishCounts(lost=2))

    def test_publish_spares_the_caller_whatever_is_raised(self) -> None:
        """Also an error that no publisher should raise."""
        self.publisher.error = ZeroDivisionError("a bug")
        publish("news", 1)
        self.assertEqual(outage_log.counts.lost, 1)

    def test_publish_logs_one_line_when_outage_begins_and_one_when_it_ends(self) -> None:
        """Ten lost publications are two lines."""
        for number in range(10):
            publish("news", number)
        self.publisher.error = None
        publish("news", 10)
        self.assertEqual(
            self.log.lines,
            [
                ("ERROR", "Publications are being lost from now on: Redis is away"),
                ("INFO", "Publications go out again; lost in between: 10"),
            ],
        )

    def test_signal_tells_channel_payload_and_error(self) -> None:
        """A project may keep what was lost and send it again."""
        publish("news", [1])
        (signal,) = self.signals
        self.assertIs(signal["sender"], publish)
        self.assertEqual((signal["channel"], signal["payload"]), ("news", "[1]"))
        self.assertIs(signal["error"], self.publisher.error)

    def test_signal_receiver_that_fails_is_logged_and_spares_the_caller(self) -> None:
        """A receiver's own bug is Django's to log."""
        log = LogLines(self, "django.dispatch")

        def broken(**keywords: Any) -> None:
            raise ZeroDivisionError

        publish_failed.connect(broken)
        self.addCleanup(publish_failed.disconnect, broken)
        publish("news", 1)
        self.assertEqual([level for level, _ in log.lines], ["ERROR"])
        self.assertEqual(len(self.signals), 1)

    def test_signal_receiver_that_publishes_does_not_call_itself(self) -> None:
        """A receiver that tries again loses again; that is counted, not signalled."""

        def again(channel: str, **keywords: Any) -> None:
            publish(channel, "again")

        publish_failed.connect(again)
        self.addCleanup(publish_failed.disconnect, again)
        publish("news", 1)
        publish("news", 2)
        self.assertEqual(outage_log.counts.lost, 4)
        self.assertEqual([signal["payload"] for signal in self.signals], ["1", "2"])


class ImmediateTests(PublishingTestCase):
    """``immediate=True``: now, and with an exception."""

    def test_publish_immediately_does_not_wait_for_commit(self) -> None:
        """It goes out even if the transaction is rolled back."""
        with self.assertRaises(Undo), transaction.atomic():
            publish("news", 1, immediate=True)
            raise Undo
        self.assert_sent(("news", "1"))
        self.assertEqual(outage_log.counts, PublishCounts(sent=1))

    def test_publish_immediately_raises_and_logs_nothing(self) -> None:
        """The caller knows, so nobody else is told."""
        self.publisher.error = BrokerUnavailable("away")
        self.assertIs(self.assertRaises(BrokerUnavailable, publish, "news", 1, immediate=True), self.publisher.error)
        self.assertEqual(outage_log.counts, PublishCounts(raised=1))
        self.assertEqual(self.log.lines, [])


class ManyTests(PublishingTestCase):
    """``publish_many()``: in order, in one question, each for itself."""

    #: Three publications, the second of which the publisher refuses when :meth:`refuse` says so.
    THREE: ClassVar[list[Said]] = [
        {"channel": "news", "data": 1},
        {"channel": "other", "data": {"n": 2}, "idempotency_key": "k", "tags": {"a": "b"}, "version": 3, "keep": False},
        {"channel": "news", "data": 3},
    ]

    def refuse(self) -> BrokerUnavailable:
        """Let the second one be refused."""
        error = BrokerUnavailable("WRONGTYPE")
        self.publisher.refusals['{"n":2}'] = error
        return error

    def test_publish_many_hands_over_all_that_was_said_at_once(self) -> None:
        """In order, now or on commit, from a view and from a coroutine, and of any iterable."""
        expected = [make_letter(**said) for said in self.THREE]
        publish_many(iter(self.THREE))
        with transaction.atomic():
            publish_many(self.THREE)
            self.assertEqual(self.publisher.calls, 1)
        asyncio.run(apublish_many(self.THREE))
        async_to_sync(apublish_many)(self.THREE, immediate=True)
        self.assertEqual((self.publisher.letters, self.publisher.calls), (expected * 4, 4))
        self.assertEqual(outage_log.counts, PublishCounts(sent=12))

    def test_publish_many_of_nothing_does_nothing(self) -> None:
        """No error, whatever the mode."""
        publish_many([])
        publish_many([], immediate=True)
        self.assert_sent()

    def test_publish_many_sends_nothing_when_transaction_rolls_back(self) -> None:
        """What did not happen is not told; immediately it goes out nevertheless."""
        with self.assertRaises(Undo), transaction.atomic():
            publish_many(self.THREE)
            raise Undo
        self.assert_sent()
        with self.assertRaises(Undo), transaction.atomic():
            publish_many(self.THREE[:1], immediate=True)
            raise Undo
        self.assert_sent(("news", "1"))

    def test_publish_many_goes_out_in_order_with_its_neighbours(self) -> None:
        """On commit, between the publications before and behind it."""
        with transaction.atomic():
            publish("news", 0)
            publish_many(self.THREE)
            publish("news", 4)
        self.assertEqual([data for _, data in self.publisher.sent], ["0", "1", '{"n":2}', "3", "4"])

    def test_publish_many_sends_data_as_they_were_at_the_call(self) -> None:
        """Changing them afterwards changes nothing."""
        data = {"n": 1}
        with transaction.atomic():
            publish_many([{"channel": "news", "data": data}])
            data["n"] = 2
        self.assert_sent(("news", '{"n":1}'))

    def test_publish_many_raises_for_one_wrong_publication_before_any_goes_out(self) -> None:
        """An impossible channel, data or key, something misspelt, something missing."""
        table: list[tuple[type[Exception], Any]] = [
            (ChannelNameError, {"channel": "no spaces please", "data": 1}),
            (NotJSON, {"channel": "news", "data": object()}),
            (OddPublication, {"channel": "news", "data": 1, "version": -1}),
            (TypeError, {"channel": "news", "data": 1, "tag": {}}),
            (TypeError, {"channel": "news"}),
        ]
        for error, wrong in table:
            for immediate in (False, True):
                self.assertRaises(error, publish_many, [*self.THREE, wrong], immediate=immediate)
                self.assertRaises(error, async_to_sync(apublish_many), [*self.THREE, wrong], immediate=immediate)
        self.assert_sent()

    def test_lost_one_of_many_is_counted_and_signalled_alone(self) -> None:
        """The others went out."""
        error = self.refuse()
        signals: list[dict[str, Any]] = []

        def remember(**keywords: Any) -> None:
            signals.append(keywords)

        publish_failed.connect(remember)
        self.addCleanup(publish_failed.disconnect, remember)
        publish_many(self.THREE)
        self.assert_sent(("news", "1"), ("news", "3"))
        self.assertEqual(outage_log.counts, PublishCounts(sent=2, lost=1))
        (signal,) = signals
        self.assertEqual((signal["channel"], signal["payload"], signal["error"]), ("other", '{"n":2}', error))
        self.assertIs(signal["sender"], publish)

    def test_some_lost_of_many_are_one_outage_in_the_log(self) -> None:
        """However they lie between those that went out."""
        self.refuse()
        publish_many(self.THREE * 3)
        begin = "Publications are being lost from now on: WRONGTYPE"
        end = "Publications go out again; lost in between: 3"
        self.assertEqual(self.log.lines, [("ERROR", begin), ("INFO", end)])

    def test_publish_many_immediately_says_which_did_not_go_out(self) -> None:
        """By their numbers; the log is silent."""
        error = self.refuse()
        raised = self.assertRaises(NotAllPublished, publish_many, self.THREE, immediate=True)
        self.assertEqual((raised.errors, str(raised)), ({1: error}, "1 of 3 publications did not go out: WRONGTYPE"))
        self.assertIs(raised.__cause__, error)
        self.assertEqual(outage_log.counts, PublishCounts(sent=2, raised=1))
        self.assertEqual(self.log.lines, [])

    def test_publisher_that_raises_lost_all(self) -> None:
        """Also with an error that no publisher should raise."""
        self.publisher.error = ZeroDivisionError("a bug")
        publish_many(self.THREE)
        self.assertEqual(outage_log.counts, PublishCounts(lost=3))
        raised = self.assertRaises(NotAllPublished, publish_many, self.THREE, immediate=True)
        self.assertEqual(list(raised.errors), [0, 1, 2])


class AsyncTests(PublishingTestCase):
    """``apublish()`` does the same from a coroutine."""

    def test_apublish_goes_out_at_once_without_transaction(self) -> None:
        """In any event loop."""
        asyncio.run(apublish("news", {"n": 1}))
        self.assert_sent(("news", '{"n":1}'))

    def test_apublish_waits_for_commit_of_the_thread_that_orm_uses(self) -> None:
        """The transaction around the coroutine counts."""
        with transaction.atomic():
            async_to_sync(apublish)("news", 1)
            self.assert_sent()
        self.assert_sent(("news", "1"))

    def test_apublish_raises_when_immediate(self) -> None:
        """Keywords mean what they mean in ``publish()``."""
        self.publisher.error = BrokerUnavailable("away")
        self.assertRaises(BrokerUnavailable, async_to_sync(apublish), "news", 1, immediate=True)

    def test_apublish_sends_data_as_they_were_at_the_call(self) -> None:
        """Another task that changes them while this one waits changes nothing."""

        async def publish_and_change() -> None:
            data = {"n": 1}
            task = asyncio.create_task(apublish("news", data))
            await asyncio.sleep(0)
            data["n"] = 2
            await task

        async_to_sync(publish_and_change)()
        self.assert_sent(("news", '{"n":1}'))
