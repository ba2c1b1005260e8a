"""What every broker does, as tests that run against each: the one of memory, and a real Redis.

A test case that has them as a base sets ``broker`` and says in ``pass_time`` how time passes.
They are written for Deferreds that may fire later.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twisted.internet.defer import Deferred, gatherResults, inlineCallbacks

from sockjsd.brokers.interface import Broker
from sockjsd.brokers.values import Keeping, Once, Published
from sockjsd.channels.publications import ClientInfo, Item, Joined, Left, Position, Publication, Run

Steps = Generator[Deferred[Any], Any, None]

ANN = ClientInfo("1", "a")
ANNS_PHONE = ClientInfo("1", "p", '{"é":1}')
BOB = ClientInfo("2", "b", "", "[1]")

#: Keeps more than any test publishes, for longer than any test takes.
KEEP = Keeping(100, 60.0, 600.0)
#: Seconds that are over soon, but not before a test has looked.
SHORT = 0.4


class BrokerContract:
    """What all of them need."""

    broker: Broker
    runs: list[Run]
    assertEqual: Any
    assertNotEqual: Any
    assertRegex: Any
    assertFalse: Any
    assertTrue: Any

    def pass_time(self, seconds: float) -> Deferred[None]:
        """Let *seconds* pass."""
        raise NotImplementedError

    def arrived(self, channel: str, count: int) -> Deferred[list[Item]]:
        """Wait for *count* items on *channel* and fire with all that arrived on it."""
        raise NotImplementedError

    def items(self, channel: str) -> list[Item]:
        """What has arrived on *channel*."""
        return [item for run in self.runs for item in run.get(channel, [])]

    @inlineCallbacks
    def kept(self, channel: str, since: Position | None = None, limit: int = -1, reverse: bool = False) -> Any:
        """The data in a part of the history."""
        history = yield self.broker.history(channel, since, limit, reverse=reverse)
        return [publication.data for publication in history.publications]

    @inlineCallbacks
    def fill(self, channel: str, *texts: str, keeping: Keeping = KEEP) -> Any:
        """Publish *texts* into a history and fire with the last position."""
        for text in texts:
            published = yield self.broker.publish(channel, Publication(text), keeping)
        return published.position


class HistoryContract(BrokerContract):
    """Positions, and what is kept."""

    @inlineCallbacks
    def test_publication_gets_the_next_position(self) -> Steps:
        """Offsets count from 1, the epoch stays, tags differ, and channels have nothing to do with each other."""
        first = yield self.fill("a", "1")
        second = yield self.fill("a", "2")
        other = yield self.fill("b", "1")
        self.assertEqual((first.offset, second.offset, other.offset), (1, 2, 1))
        self.assertEqual(first.epoch, second.epoch)
        self.assertNotEqual(first.epoch, other.epoch)
        self.assertNotEqual(first.tag, second.tag)
        self.assertRegex(first.epoch, r"\A[A-Za-z0-9]{4,8}\Z")
        self.assertRegex(first.tag, r"\A[0-9a-f]{8}\Z")

    @inlineCallbacks
    def test_subscriber_and_history_get_the_same(self) -> Steps:
        """Data, position, who published it and its tags."""
        self.broker.subscribe("a")
        yield self.broker.subscribed("a")
        published = yield self.broker.publish("a", Publication('"é😀"', info=BOB, tags={"k": "v"}), KEEP)
        bare = yield self.broker.publish("a", Publication("2"), KEEP)
        self.assertEqual((published.receivers, published.duplicate), (1, False))
        place = published.position
        expected = [
            Publication('"é😀"', 1, place.epoch, place.tag, BOB, {"k": "v"}),
            Publication("2", 2, place.epoch, bare.position.tag),
        ]
        heard = yield self.arrived("a", 2)
        self.assertEqual(heard, expected)
        history = yield self.broker.history("a")
        self.assertEqual((history.publications, history.position), (expected, bare.position))

    @inlineCallbacks
    def test_publication_without_history_has_no_position(self) -> Steps:
        """Nothing is kept of it, its position is empty, and one that it brings is not believed."""
        self.broker.subscribe("a")
        yield self.broker.subscribed("a")
        published = yield self.broker.publish("a", Publication("1", 7, "Ab3d", "00000001"))
        yield self.broker.publish("a", Publication("pear", info=ANN))
        self.assertEqual((published.receivers, published.position), (1, Position()))
        heard = yield self.arrived("a", 2)
        self.assertEqual(heard, [Publication("1"), Publication("pear", info=ANN)])
        texts = yield self.kept("a")
        self.assertEqual(texts, [])

    @inlineCallbacks
    def test_history_is_read_in_parts(self) -> Steps:
        """After a position or before it, forward or backward, some or all or none."""
        top = yield self.fill("a", *"12345")
        table = [
            (None, -1, False, "12345"),
            (None, 2, False, "12"),
            (None, 2, True, "54"),
            (None, 0, False, ""),
            (Position(2, top.epoch), -1, False, "345"),
            (Position(2, top.epoch), 2, False, "34"),
            (Position(4, top.epoch), -1, True, "321"),
            (Position(4, top.epoch), 1, True, "3"),
            (Position(0), -1, False, "12345"),
            (Position(5), -1, False, ""),
            (Position(9), -1, False, ""),
            (Position(9), -1, True, "54321"),
            (Position(0), -1, True, ""),
            (Position(1), -1, True, ""),
        ]
        for since, limit, reverse, expected in table:
            texts = yield self.kept("a", since, limit, reverse)
            self.assertEqual("".join(texts), expected, (since, limit, reverse))
            history = yield self.broker.history("a", since, limit, reverse=reverse)
            self.assertEqual(history.position, top)

    @inlineCallbacks
    def test_history_begins_an_epoch_where_there_is_none(self) -> Steps:
        """Whoever reads first knows the epoch in which the first publication will be."""
        empty = yield self.broker.history("a")
        again = yield self.broker.history("a", limit=0)
        first = yield self.fill("a", "1")
        self.assertEqual((empty.publications, empty.position), ([], Position(0, first.epoch)))
        self.assertEqual(again.position, empty.position)

    @inlineCallbacks
    def test_history_keeps_the_newest(self) -> Steps:
        """As many as there may be, exactly; the number may change with each publication."""
        yield self.fill("a", *"12345", keeping=Keeping(3, 60.0))
        self.assertEqual((yield self.kept("a")), ["3", "4", "5"])
        self.assertEqual((yield self.kept("a", Position(1))), ["3", "4", "5"])
        yield self.fill("a", "6", keeping=Keeping(2, 60.0))
        self.assertEqual((yield self.kept("a")), ["5", "6"])
        yield self.fill("a", "7", keeping=Keeping(3, 60.0))
        self.assertEqual((yield self.kept("a")), ["5", "6", "7"])

    @inlineCallbacks
    def test_publications_may_be_numbered_without_being_kept(self) -> Steps:
        """They go on where a history left off, so that whoever listens can tell how many were missed."""
        first = yield self.fill("a", "1")
        second = yield self.fill("a", "2", keeping=Keeping(0, 0.0))
        history = yield self.broker.history("a")
        self.assertEqual([each.data for each in history.publications], ["1"])
        self.assertEqual((history.position, second.offset, second.epoch), (second, 2, first.epoch))

    @inlineCallbacks
    def test_history_is_forgotten_after_its_time_and_the_position_later(self) -> Steps:
        """Publications end with the ttl, the epoch with its own, which each use renews."""
        position = yield self.fill("a", "1", keeping=Keeping(9, SHORT, 3 * SHORT))
        yield self.pass_time(1.5 * SHORT)
        history = yield self.broker.history("a", meta_ttl=3 * SHORT)
        self.assertEqual((history.publications, history.position), ([], position))
        yield self.pass_time(2 * SHORT)
        again = yield self.fill("a", "2", keeping=Keeping(9, 60.0, 3 * SHORT))
        self.assertEqual((again.offset, again.epoch), (2, position.epoch))
        yield self.pass_time(3.5 * SHORT)
        # The epoch is gone, and what is left of the history goes with it.
        history = yield self.broker.history("a")
        self.assertEqual((history.publications, history.position.offset), ([], 0))
        self.assertNotEqual(history.position.epoch, position.epoch)

    @inlineCallbacks
    def test_removed_history_goes_on_in_its_epoch(self) -> Steps:
        """Only the publications are gone."""
        before = yield self.fill("a", "1", "2")
        yield self.broker.remove_history("a")
        yield self.broker.remove_history("never")
        history = yield self.broker.history("a")
        self.assertEqual((history.publications, history.position), ([], before))
        after = yield self.fill("a", "3")
        self.assertEqual((after.offset, after.epoch), (3, before.epoch))
        self.assertEqual((yield self.kept("a", Position(1))), ["3"])

    @inlineCallbacks
    def test_renew_begins_one_new_epoch_however_many_ask(self) -> Steps:
        """The first one that names the epoch that holds wins, the others learn what holds now."""
        before = yield self.fill("a", "1", "2")
        first = yield self.broker.renew("a", before.epoch)
        second = yield self.broker.renew("a", before.epoch)
        self.assertEqual((first.offset, first.tag, first), (0, "", second))
        self.assertNotEqual(first.epoch, before.epoch)
        self.assertEqual((yield self.kept("a")), [])
        after = yield self.fill("a", "3")
        self.assertEqual((after.offset, after.epoch), (1, first.epoch))
        unknown = yield self.broker.renew("never", "Ab3d")
        self.assertEqual(unknown.offset, 0)
        self.assertNotEqual(unknown.epoch, "Ab3d")


class OnceContract(BrokerContract):
    """Repetitions."""

    @inlineCallbacks
    def test_repetition_changes_nothing(self) -> Steps:
        """The same key on the same channel: the first position comes back, nobody hears it again."""
        self.broker.subscribe("a")
        yield self.broker.subscribed("a")
        once = Once("k")
        first = yield self.broker.publish("a", Publication("1"), KEEP, once)
        yield self.fill("a", "2")
        again = yield self.broker.publish("a", Publication("1"), KEEP, once)
        other = yield self.broker.publish("b", Publication("1"), KEEP, once)
        yield self.fill("a", "3")
        self.assertEqual((again.duplicate, again.receivers, again.position), (True, 0, first.position))
        self.assertFalse(first.duplicate or other.duplicate)
        yield self.arrived("a", 3)
        self.assertEqual([item.data for item in self.items("a")], ["1", "2", "3"])  # type: ignore[union-attr]
        self.assertEqual((yield self.kept("a")), ["1", "2", "3"])

    @inlineCallbacks
    def test_repetition_is_found_without_history(self) -> Steps:
        """A channel that keeps nothing remembers keys nevertheless, for their time."""
        once = Once("k", ttl=SHORT)
        first = yield self.broker.publish("a", Publication("1"), None, once)
        again = yield self.broker.publish("a", Publication("1"), None, once)
        yield self.pass_time(1.5 * SHORT)
        later = yield self.broker.publish("a", Publication("1"), None, once)
        self.assertEqual([each.duplicate for each in (first, again, later)], [False, True, False])
        self.assertEqual(again.position, Position())

    @inlineCallbacks
    def test_stale_version_is_not_published(self) -> Steps:
        """A version not above the last one of its epoch; without a version anything goes."""
        table = [
            (0, "", False),
            (5, "", False),
            (5, "", True),
            (4, "", True),
            (0, "", False),
            (6, "", False),
            (1, "e", False),
            (1, "e", True),
            (2, "", False),
            (2**53 - 1, "", False),
            (2**53 - 2, "", True),
        ]
        offset = 0
        for version, version_epoch, stale in table:
            once = Once(version=version, version_epoch=version_epoch)
            published = yield self.broker.publish("a", Publication("1"), KEEP, once)
            offset += not stale
            self.assertEqual(
                (published.duplicate, published.position.offset), (stale, offset), (version, version_epoch)
            )

    @inlineCallbacks
    def test_stale_publication_does_not_use_up_its_key(self) -> Steps:
        """What was refused may be tried again with another version."""
        yield self.broker.publish("a", Publication("1"), KEEP, Once(version=2))
        stale = yield self.broker.publish("a", Publication("2"), KEEP, Once("k", version=1))
        fresh = yield self.broker.publish("a", Publication("2"), KEEP, Once("k", version=3))
        self.assertEqual((stale.duplicate, fresh.duplicate), (True, False))


class TogetherContract(BrokerContract):
    """What is published without waiting for answers, which a broker may handle together."""

    def together(self, *said: tuple[str, Publication, Keeping | None, Once | None]) -> Deferred[list[Published]]:
        """Publish all of it at once; fires with what became of each."""
        return gatherResults([self.broker.publish(*each) for each in said])

    @inlineCallbacks
    def test_publications_made_at_once_keep_their_order(self) -> Steps:
        """On each channel, kept or not; positions have no holes, and the answers are those of their publications."""
        for channel in ("a", "b"):
            self.broker.subscribe(channel)
            yield self.broker.subscribed(channel)
        said = [("ab"[number % 3 == 2], Publication(str(number)), KEEP, None) for number in range(250)]
        published = yield self.together(*said)
        for channel, count in (("a", 167), ("b", 83)):
            mine = [
                (each[1].data, one.position) for each, one in zip(said, published, strict=True) if each[0] == channel
            ]
            self.assertEqual([position.offset for _, position in mine], list(range(1, count + 1)))
            heard = yield self.arrived(channel, count)
            self.assertEqual([(item.data, item.position) for item in heard], mine)
            history = yield self.broker.history(channel)
            self.assertEqual(history.publications, heard[-KEEP.size :])
            self.assertEqual(history.position, mine[-1][1])

    @inlineCallbacks
    def test_history_has_what_was_published_before_it_was_asked_for(self) -> Steps:
        """Nobody has to wait for an answer first; and what is removed is all of that."""
        replies = [self.broker.publish("a", Publication(text), KEEP) for text in "12"]
        history = yield self.broker.history("a")
        self.assertEqual([each.data for each in history.publications], ["1", "2"])
        replies.append(self.broker.publish("a", Publication("3"), KEEP))
        yield self.broker.remove_history("a")
        yield gatherResults(replies)
        history = yield self.broker.history("a")
        self.assertEqual((history.publications, history.position.offset), ([], 3))

    @inlineCallbacks
    def test_publications_made_at_once_are_each_what_they_say(self) -> Steps:
        """Kept, numbered, plain, who left, all on one channel and in order."""
        self.broker.subscribe("a")
        yield self.broker.subscribed("a")
        numbered = Keeping(0, 0.0)
        replies = [
            self.broker.publish("a", Publication("1"), KEEP),
            self.broker.publish("a", Publication("2"), numbered),
            self.broker.publish("a", Publication("3", info=BOB, tags={"k": "v"})),
            self.broker.announce("a", Left(BOB)),
            self.broker.publish("a", Publication("4"), KEEP),
            self.broker.publish("a", Publication('"é😀"', tags={"k": "é"}), KEEP),
        ]
        answers = yield gatherResults(replies)
        heard = yield self.arrived("a", 6)
        self.assertEqual([item.offset for item in heard if isinstance(item, Publication)], [1, 2, 0, 3, 4])
        self.assertEqual(heard[2:4], [Publication("3", info=BOB, tags={"k": "v"}), Left(BOB)])
        self.assertEqual([heard[0].position, heard[5].position], [answers[0].position, answers[5].position])
        self.assertEqual((yield self.broker.history("a")).publications, [heard[0], heard[4], heard[5]])

    @inlineCallbacks
    def test_repetition_made_at_once_is_found(self) -> Steps:
        """Behind the first one in the same turn, on its channel only, with and without history."""
        once = Once("k")
        said = [
            ("a", Publication("1"), KEEP, once),
            ("a", Publication("2"), KEEP, None),
            ("a", Publication("1"), KEEP, once),
            ("b", Publication("1"), None, once),
            ("b", Publication("1"), None, once),
            ("a", Publication("3"), KEEP, Once("l")),
        ]
        published = yield self.together(*said)
        self.assertEqual([one.duplicate for one in published], [False, False, True, False, True, False])
        self.assertEqual([one.position.offset for one in published], [1, 2, 1, 0, 0, 3])
        self.assertEqual(published[2].position, published[0].position)
        self.assertEqual((yield self.kept("a")), ["1", "2", "3"])
        again = yield self.together(*said)
        self.assertEqual([one.position.offset for one in again], [1, 4, 1, 0, 0, 3])

    @inlineCallbacks
    def test_stale_version_made_at_once_is_not_published(self) -> Steps:
        """Behind a newer one in the same turn, where it is kept and where it is only numbered."""
        for channel, keeping in (("a", KEEP), ("b", Keeping(0, 0.0))):
            versions = [(5, ""), (4, ""), (6, "e"), (6, "e"), (5, "f"), (1, ""), (0, ""), (7, "")]
            onces = [Once(version=version, version_epoch=epoch) for version, epoch in versions]
            said = [(channel, Publication("1"), keeping, once) for once in onces]
            published = yield self.together(*said)
            self.assertEqual(
                [one.duplicate for one in published], [False, True, False, True, False, True, False, False]
            )
            self.assertEqual([one.position.offset for one in published], [1, 1, 2, 2, 3, 3, 4, 5])
            stale = yield self.broker.publish(channel, Publication("1"), keeping, Once(version=7))
            self.assertEqual((stale.duplicate, stale.position), (True, published[-1].position))

    @inlineCallbacks
    def test_stale_publication_made_at_once_does_not_use_up_its_key(self) -> Steps:
        """A later one of the same turn may have it."""
        versions = [Once(version=2), Once("k", version=1), Once("k", version=3)]
        published = yield self.together(*[("a", Publication("1"), KEEP, once) for once in versions])
        self.assertEqual([one.duplicate for one in published], [False, True, False])

    @inlineCallbacks
    def test_history_keeps_the_newest_of_those_made_at_once(self) -> Steps:
        """As many as there may be, exactly."""
        yield self.fill("a", "1", "2")
        for size, texts, expected in ((3, "345", "345"), (3, "67", "567"), (2, "8", "78"), (9, "90", "7890")):
            said: list[Any] = [("a", Publication(text), Keeping(size, 60.0), None) for text in texts]
            yield self.together(*said, ("b", Publication("1"), KEEP, None))
            self.assertEqual("".join((yield self.kept("a"))), expected)


class PresenceContract(BrokerContract):
    """Leases."""

    @inlineCallbacks
    def test_presence_tells_who_is_there(self) -> Steps:
        """Connections with all that is known of them; users are counted once."""
        yield self.broker.add_presence("a", "a", ANN, 60)
        yield self.broker.add_presence("a", "p", ANNS_PHONE, 60)
        yield self.broker.add_presence("a", "b", BOB, 60)
        yield self.broker.add_presence("a", "b", BOB, 60)
        yield self.broker.add_presence("other", "b", BOB, 60)
        self.assertEqual((yield self.broker.presence("a")), {"a": ANN, "p": ANNS_PHONE, "b": BOB})
        self.assertEqual((yield self.broker.presence_stats("a")), (3, 2))
        self.assertEqual((yield self.broker.presence("never")), {})
        self.assertEqual((yield self.broker.presence_stats("never")), (0, 0))

    @inlineCallbacks
    def test_presence_ends_when_it_is_removed(self) -> Steps:
        """At once, and harmlessly where there is none."""
        yield self.broker.add_presence("a", "a", ANN, 60)
        yield self.broker.add_presence("a", "p", ANNS_PHONE, 60)
        yield self.broker.remove_presence("a", "a")
        yield self.broker.remove_presence("a", "a")
        yield self.broker.remove_presence("never", "a")
        self.assertEqual((yield self.broker.presence_stats("a")), (1, 1))
        yield self.broker.remove_presence("a", "p")
        self.assertEqual((yield self.broker.presence_stats("a")), (0, 0))

    @inlineCallbacks
    def test_presence_ends_with_its_lease(self) -> Steps:
        """Who is not renewed is forgotten, who is stays, and what is known may change."""
        yield self.broker.add_presence("a", "a", ANN, SHORT)
        yield self.broker.add_presence("a", "b", BOB, SHORT)
        yield self.pass_time(0.75 * SHORT)
        yield self.broker.add_presence("a", "b", ANNS_PHONE, SHORT)
        yield self.pass_time(0.5 * SHORT)
        self.assertEqual((yield self.broker.presence("a")), {"b": ANNS_PHONE})
        self.assertEqual((yield self.broker.presence_stats("a")), (1, 1))
        yield self.pass_time(SHORT)
        self.assertEqual((yield self.broker.presence_stats("a")), (0, 0))

    @inlineCallbacks
    def test_short_lease_does_not_end_a_long_one(self) -> Steps:
        """Each has its own time."""
        yield self.broker.add_presence("a", "a", ANN, 60)
        yield self.broker.add_presence("a", "b", BOB, SHORT)
        yield self.pass_time(1.5 * SHORT)
        self.assertEqual((yield self.broker.presence("a")), {"a": ANN})


class CarrierContract(BrokerContract):
    """Comings and goings, and the other nodes."""

    @inlineCallbacks
    def test_announcement_arrives_in_order(self) -> Steps:
        """Between publications, as it was sent."""
        self.broker.subscribe("a")
        yield self.broker.subscribed("a")
        yield self.broker.announce("a", Joined(BOB))
        yield self.broker.publish("a", Publication("1"))
        yield self.broker.announce("a", Left(BOB))
        self.assertEqual((yield self.arrived("a", 3)), [Joined(BOB), Publication("1"), Left(BOB)])

    @inlineCallbacks
    def test_channels_are_those_that_somebody_wants(self) -> Steps:
        """With the number of nodes, all or those that fit a pattern."""
        for channel in ("news", "news:a", "news:b", "sport"):
            self.broker.subscribe(channel)
            yield self.broker.subscribed(channel)
        self.assertEqual((yield self.broker.channels()), {"news": 1, "news:a": 1, "news:b": 1, "sport": 1})
        self.assertEqual((yield self.broker.channels("news:*")), {"news:a": 1, "news:b": 1})
        self.assertEqual((yield self.broker.channels("news:[ax]")), {"news:a": 1})
        self.assertEqual((yield self.broker.channels("s?ort")), {"sport": 1})
        self.assertEqual((yield self.broker.channels("none")), {})
