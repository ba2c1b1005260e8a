# -*- test-case-name: tests.endpoints.test_event_listener -*-
"""A stream finds its place, and gets each publication once, or the word that something is missing."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.channels.event_ids import UNKNOWN
from sockjsd.channels.publications import Position
from sockjsd.endpoints.event_listener import AGAIN, ATTEMPTS, TOO_MUCH
from sockjsd.errors import BrokerUnavailable
from tests.endpoints.streams import Stage, Stream


def news(*numbers: float, channel: str = "news") -> list[str]:
    """Return the events of publications that are numbers."""
    return [f"event: {channel}|data: {number}" for number in numbers]


def lost(*channels: str) -> list[str]:
    """Return reset events."""
    return [f'event: reset|data: {{"channel":"{channel}"}}' for channel in channels]


class ListenerTestCase(SynchronousTestCase):
    """One node, and nothing raised or left at the end."""

    def setUp(self) -> None:
        """Build it."""
        self.stage = Stage()
        self.archive = self.stage.archive
        self.addCleanup(lambda: self.assertEqual([], self.stage.errors))

    def publish(self, *numbers: float, channel: str = "news") -> None:
        """Publish numbers."""
        self.stage.publish(channel, *map(str, numbers))

    def open(self, stream: Stream) -> list[str]:
        """Return what came after the opening, which has to be there."""
        opening, *events = stream.texts()
        self.assertRegex(opening, r"\Aretry: [12]\d\d\d\Z")
        return events

    def back(self, stream: Stream, *channels: str) -> Stream:
        """Cut *stream*, and return the one that its browser opens next."""
        positions = stream.positions
        stream.cut()
        return self.stage.stream(*(channels or tuple(positions)), since=positions)


class OpeningTests(ListenerTestCase):
    """New streams."""

    def test_begins_where_the_history_ends(self) -> None:
        """What was published before is not for it; its first id says where it stands."""
        self.publish(1, 2)
        stream = self.stage.stream("news")
        self.assertEqual([], self.open(stream))
        self.assertEqual({"news": self.archive.top("news")}, stream.positions)

    def test_hears_what_follows(self) -> None:
        """Each event with the position right after it."""
        stream = self.stage.stream("news")
        self.publish(1, 2)
        self.assertEqual(news(1, 2), self.open(stream))
        self.assertEqual({"news": self.archive.top("news")}, stream.positions)

    def test_opens_when_its_place_is_known(self) -> None:
        """Whoever publishes after the open event is heard."""
        self.archive.slow = True
        stream = self.stage.stream("news")
        self.assertEqual([], stream.texts())
        self.archive.answer()
        self.publish(1)
        self.assertEqual(news(1), self.open(stream))

    def test_channel_without_history_only_waits_for_confirmation(self) -> None:
        """Nothing is read, and there is no id."""
        stream = self.stage.stream("chat", plain=("chat",))
        self.stage.publish_plain("chat", "1")
        self.assertEqual(news(1, channel="chat"), self.open(stream))
        self.assertEqual(([], ""), (self.archive.reads, stream.last_id))

    def test_plain_publications_are_held_back_and_come(self) -> None:
        """They are in no history, so nobody else would bring them."""
        self.archive.slow = True
        stream = self.stage.stream("chat", "news", plain=("chat",))
        self.stage.publish_plain("chat", "1")
        self.stage.publish_plain("news", "2")
        self.archive.answer()
        self.assertEqual(news(1, channel="chat") + news(2), self.open(stream))

    def test_joins_those_who_are_behind(self) -> None:
        """The history may be read ahead of what arrives; what arrives then comes once."""
        first = self.stage.stream("news")
        self.publish(1)
        self.stage.behind = True
        self.publish(2)
        second = self.stage.stream("news")
        self.stage.arrive()
        self.assertEqual(news(1, 2), self.open(first))
        self.assertEqual(news(2), self.open(second))

    def test_first_of_all_skips_what_it_has_read_past(self) -> None:
        """It began after that publication."""
        self.stage.behind = True
        self.publish(1)
        stream = self.stage.stream("news")
        self.publish(2)
        self.stage.arrive()
        self.assertEqual(news(2), self.open(stream))


class ComingBackTests(ListenerTestCase):
    """Streams that were cut."""

    def test_gets_what_it_missed(self) -> None:
        """Once, in order, and then what follows."""
        stream = self.stage.stream("news")
        self.publish(1)
        positions = stream.positions
        stream.cut()
        self.publish(2, 3)
        again = self.stage.stream("news", since=positions)
        self.publish(4)
        self.assertEqual(news(2, 3, 4), self.open(again))

    def test_each_missed_event_has_its_own_id(self) -> None:
        """Cut among them, it comes back right there."""
        self.publish(1, 2, 3)
        stream = self.stage.stream("news", since={"news": Position(1, "one", "00000001")})
        _, second, _ = stream.session.sent
        stream.session.sent = [second]
        again = self.back(stream)
        self.assertEqual(news(3), self.open(again))

    def test_gets_what_it_missed_on_all_channels(self) -> None:
        """In the order of each channel."""
        stream = self.stage.stream("news", "sport")
        self.publish(1)
        self.publish(2, channel="sport")
        positions = stream.positions
        stream.cut()
        self.publish(3, channel="sport")
        self.publish(4)
        again = self.stage.stream("news", "sport", since=positions)
        self.assertEqual(news(4) + news(3, channel="sport"), self.open(again))
        self.assertEqual({name: self.archive.top(name) for name in ("news", "sport")}, again.positions)

    def test_channel_that_is_new_begins_where_it_ends(self) -> None:
        """A page may come back for one more."""
        stream = self.stage.stream("news")
        self.publish(1)
        self.publish(2, channel="sport")
        positions = stream.positions
        stream.cut()
        self.publish(3)
        self.assertEqual(news(3), self.open(self.stage.stream("news", "sport", since=positions)))

    def test_missed_and_live_meet(self) -> None:
        """Publications that arrive while the history is read are neither lost nor repeated."""
        self.publish(1, 2)
        self.archive.slow = True
        stream = self.stage.stream("news", since={"news": Position(1, "one", "00000001")})
        self.publish(3)
        self.archive.answer()
        self.publish(4)
        self.assertEqual(news(2, 3, 4), self.open(stream))

    def test_reads_one_more_than_the_limit(self) -> None:
        """The entry that it has seen comes along, to be compared."""
        self.publish(1, 2)
        self.stage.stream("news", since={"news": Position(2, "one", "00000002")})
        self.assertEqual([("news", 1, 301)], self.archive.reads)

    def test_same_place_is_written_once(self) -> None:
        """After a cut a thousand come back from there: all get the same object."""
        self.publish(1, 2)
        since = {"news": Position(1, "one", "00000001")}
        selection = self.stage.stream("news", since=since).listener._selection
        batches = [selection.missed(since, {}) for _ in range(2)]
        self.assertIs(batches[0], batches[1])
        self.assertEqual(news(2), self.open(self.stage.stream("news", since=since)))

    def test_stream_ahead_of_this_node_waits(self) -> None:
        """It has heard more through another node: what it has seen does not come again."""
        first = self.stage.stream("news")
        self.publish(1)
        self.stage.behind = True
        self.publish(2)
        self.publish(2.5)
        stream = self.stage.stream("news", since={"news": self.archive.top("news")})
        self.assertEqual([], stream.texts())
        self.stage.publish_plain("news", "0")
        self.assertEqual([], stream.texts())
        self.stage.arrive()
        self.stage.behind = False
        self.publish(3)
        self.assertEqual(news(0, 3), self.open(stream))
        self.assertEqual(news(1, 0, 2, 2.5, 3), self.open(first))

    def test_stream_ahead_of_all_is_told(self) -> None:
        """Nobody will ever say what it has seen: Redis came back older."""
        self.publish(1)
        stream = self.stage.stream("news", since={"news": Position(9, "one", "00000009")})
        self.stage.pass_time(AGAIN * (ATTEMPTS - 2))
        self.assertEqual([], stream.texts())
        self.stage.pass_time(AGAIN * 6)
        self.assertEqual(lost("news"), self.open(stream))


class ResetTests(ListenerTestCase):
    """What is no longer to be had."""

    def assert_reset(self, position: Position) -> None:
        """A stream that comes back from *position* is told, once, and goes on."""
        stream = self.stage.stream("news", since={"news": position})
        self.assertEqual(lost("news"), self.open(stream))
        again = self.back(stream)
        self.publish(7)
        self.assertEqual(news(7), self.open(again))

    def test_trimmed_history(self) -> None:
        """The entry that it saw is gone."""
        self.publish(1, 2, 3)
        del self.archive.entries["news"][:2]
        self.assert_reset(Position(1, "one", "00000001"))

    def test_another_history(self) -> None:
        """The epoch has changed."""
        self.publish(1)
        self.assert_reset(Position(1, "zero", "00000001"))

    def test_another_entry_at_its_place(self) -> None:
        """The same number of another Redis."""
        self.publish(1)
        self.assert_reset(Position(1, "one", "ffffffff"))

    def test_unknown_position(self) -> None:
        """An id that could not be read."""
        self.publish(1)
        self.assert_reset(UNKNOWN)

    def test_more_than_the_limit(self) -> None:
        """All or nothing."""
        self.stage = Stage(recovery_limit=2)
        self.archive = self.stage.archive
        self.publish(1, 2, 3, 4)
        self.assert_reset(Position(1, "one", "00000001"))
        stream = self.stage.stream("news", since={"news": Position(3, "one", "00000003")})
        self.assertEqual(news(4, 7), self.open(stream))

    def test_only_its_channel_is_reset(self) -> None:
        """The others get what they missed."""
        self.publish(1, 2)
        self.publish(3, channel="sport")
        since = {"news": Position(1, "one", "00000001"), "sport": UNKNOWN}
        self.assertEqual(lost("sport") + news(2), self.open(self.stage.stream("news", "sport", since=since)))

    def test_history_that_ends_while_live(self) -> None:
        """All who listen are told, each once, and hear the new one."""
        streams = [self.stage.stream("news", "sport") for _ in range(3)]
        self.publish(1)
        self.archive.begin_anew("news", "two")
        self.stage.hub.reset("news")
        self.publish(2)
        self.publish(3, channel="sport")
        for stream in streams:
            self.assertEqual(news(1) + lost("news") + news(2) + news(3, channel="sport"), self.texts(stream))
            self.assertEqual("two", stream.positions["news"].epoch)

    def texts(self, stream: Stream) -> list[str]:
        """Return its events; where it stands is told again after a reset."""
        return [text for text in self.open(stream) if text]

    def test_history_that_ends_while_live_and_redis_answers_late(self) -> None:
        """What arrives meanwhile is held back, and comes once."""
        stream = self.stage.stream("news", "sport")
        self.archive.slow = True
        self.archive.begin_anew("news", "two")
        self.stage.hub.reset("news")
        self.publish(1)
        self.publish(2, channel="sport")
        self.archive.answer()
        self.publish(3)
        self.assertEqual(lost("news") + news(2, channel="sport") + news(3), self.texts(stream))

    def test_who_comes_after_a_reset_costs_the_others_nothing(self) -> None:
        """It reads ahead of what arrives, and they have not got that yet."""
        first = self.stage.stream("news")
        self.archive.begin_anew("news", "two")
        self.stage.hub.reset("news")
        self.stage.behind = True
        self.publish(1)
        second = self.stage.stream("news")
        self.stage.arrive()
        self.assertEqual(lost("news") + news(1), self.texts(first))
        self.assertEqual(news(1), self.open(second))

    def test_reset_while_finding_its_place(self) -> None:
        """The answer that was asked for before does not count."""
        self.publish(1)
        self.archive.slow = True
        stream = self.stage.stream("news", since={"news": self.archive.top("news")})
        self.archive.begin_anew("news", "two")
        self.stage.hub.reset("news")
        self.archive.answer()
        self.assertEqual(lost("news"), self.open(stream))

    def test_reset_of_channel_without_history_is_nothing(self) -> None:
        """There is nothing to come back to."""
        stream = self.stage.stream("chat", plain=("chat",))
        self.stage.hub.reset("chat")
        self.assertEqual([], self.open(stream))


class LatestTests(ListenerTestCase):
    """Channels of which only the latest publication counts."""

    def stream(self, since: Position | None = None) -> Stream:
        """Begin one."""
        return self.stage.stream("price", cached=("price",), since={} if since is None else {"price": since})

    def test_new_stream_gets_the_latest(self) -> None:
        """And then what follows."""
        self.publish(1, 2, channel="price")
        stream = self.stream()
        self.publish(3, channel="price")
        self.assertEqual(news(2, 3, channel="price"), self.open(stream))

    def test_stream_that_comes_back_gets_the_latest(self) -> None:
        """Unless it has seen it; however much it missed, there is no reset."""
        self.publish(1, 2, 3, channel="price")
        self.assertEqual(news(3, channel="price"), self.open(self.stream(Position(1, "zero", "00000001"))))
        self.assertEqual([], self.open(self.stream(Position(3, "one", "00000003"))))

    def test_history_that_ends_while_live(self) -> None:
        """The latest of the new one counts, for each who listens."""
        streams = [self.stream() for _ in range(3)]
        self.publish(1, channel="price")
        self.archive.begin_anew("price", "two")
        self.archive.keep("price", "2")
        self.stage.hub.reset("price")
        for stream in streams:
            self.assertEqual(news(1, 2, channel="price"), [text for text in self.open(stream) if text])


class TroubleTests(ListenerTestCase):
    """Redis is away, or too much arrives."""

    def test_stream_opens_and_tries_again(self) -> None:
        """Another status would end a browser's attempts for good."""
        self.publish(1)
        self.archive.away = True
        stream = self.stage.stream("news", since={"news": self.archive.top("news")})
        self.assertEqual([], self.open(stream))
        self.stage.pass_time(AGAIN * 3)
        self.assertEqual([], stream.texts())
        self.archive.away = False
        self.publish(2)
        self.stage.pass_time(AGAIN)
        self.assertEqual(news(2), [text for text in stream.texts() if text])

    def test_new_stream_is_told_afterwards(self) -> None:
        """It was open, and nobody knows what was published until its place was found."""
        self.archive.away = True
        stream = self.stage.stream("news")
        self.assertEqual([], self.open(stream))
        self.archive.away = False
        self.stage.pass_time(AGAIN)
        self.assertEqual(lost("news"), [text for text in stream.texts() if text])

    def test_read_that_fails_is_repeated(self) -> None:
        """Also when only the second step fails."""
        self.publish(1)
        self.archive.slow = True
        stream = self.stage.stream("news", since={"news": self.archive.top("news")})
        ((deferred, _),) = self.archive._waiting
        self.archive._waiting.clear()
        self.archive.slow = False
        deferred.errback(BrokerUnavailable("gone"))
        self.publish(2)
        self.stage.pass_time(AGAIN)
        self.assertEqual(news(2), [text for text in self.open(stream) if text])

    def test_failure_of_an_attempt_that_does_not_count_is_nothing(self) -> None:
        """The one after it has succeeded."""
        self.archive.slow = True
        stream = self.stage.stream("news")
        ((deferred, _),) = self.archive._waiting
        self.archive._waiting.clear()
        self.archive.slow = False
        self.stage.hub.reset("news")
        self.assertEqual(lost("news"), self.open(stream))
        deferred.errback(BrokerUnavailable("gone"))
        self.publish(1)
        self.assertEqual(news(1), stream.texts())

    def test_fault_of_ours_ends_the_stream(self) -> None:
        """It is logged; the browser comes back by itself."""
        self.archive.slow = True
        stream = self.stage.stream("news")
        ((deferred, _),) = self.archive._waiting
        self.archive._waiting.clear()
        deferred.errback(LookupError("a bug"))
        self.assertEqual(1011, stream.session.close_code)
        self.assertEqual(1, len(self.flushLoggedErrors(LookupError)))

    def test_too_much_ends_the_stream(self) -> None:
        """What is held is bounded; the browser comes back from where it was."""
        self.archive.slow = True
        stream = self.stage.stream("news")
        for number in range(100):
            self.publish(number)
        self.assertEqual(TOO_MUCH, (stream.session.close_code, stream.session.close_reason))

    def test_nothing_is_left_of_a_stream_that_went(self) -> None:
        """At whatever step it was."""
        live = self.stage.stream("news")
        self.archive.slow = True
        reading = self.stage.stream("news")
        self.archive.slow = False
        self.archive.away = True
        waiting = self.stage.stream("news")
        for stream in (live, reading, waiting):
            stream.cut()
        self.archive.answer()
        self.stage.pass_time(AGAIN * 3)
        self.assertEqual((0, 0, 0), (len(self.stage.wheel), self.stage.hub.counts.channels, len(self.stage.selections)))
        self.assertEqual(["", []], ["".join(reading.texts()), self.stage.errors])
