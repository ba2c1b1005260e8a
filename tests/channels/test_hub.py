# -*- test-case-name: tests.channels.test_hub -*-
"""Tests for sockjsd.channels.hub."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.channels.forms import BARE, PUSHES_WITH_JOINS
from sockjsd.channels.hub import CROWD, Hub, HubCounts
from sockjsd.channels.publications import ClientInfo, Item, Joined, Publication
from sockjsd.errors import StateError
from sockjsd.sockjs.batch import Batch as RealBatch
from sockjsd.sockjs.batch import Expendable
from sockjsd.sockjs.envelopes import WEBSOCKET
from sockjsd.sockjs.lanes import Lane
from sockjsd.stats import Tally

Batch = tuple[str, ...]
NEWS: list[Item] = [Publication("1")]


class RecordingFeed:
    """A broker that only remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def subscribe(self, channel: str) -> None:
        """Remember the wish."""
        self.asked.append("+" + channel)

    def unsubscribe(self, channel: str) -> None:
        """Remember the wish."""
        self.asked.append("-" + channel)


class Reader:
    """A subscriber that keeps what it got; *reaction* runs at each delivery, and at each reset."""

    def __init__(self, name: str, log: list[tuple[str, Batch]], reaction: Callable[[], None] | None = None) -> None:
        self.name = name
        self.log = log
        self.reaction = reaction
        self.resets: list[str] = []

    def deliver(self, batch: Batch) -> None:
        """Keep the batch, then react."""
        self.log.append((self.name, batch))
        if self.reaction is not None:
            self.reaction()

    def on_reset(self, channel: str) -> None:
        """Keep the channel, then react."""
        self.resets.append(channel)
        if self.reaction is not None:
            self.reaction()


def shouting(channel: str, items: list[Item]) -> Batch | None:
    """Publications in capitals: another form than the case's own; nothing for those of one letter."""
    return tuple(item.data.upper() for item in items if isinstance(item, Publication) and len(item.data) > 1) or None


def broken(channel: str, items: list[Item]) -> Batch | None:
    """A form with a bug."""
    raise ValueError(channel)


class HubCase(SynchronousTestCase):
    """A hub with a recording feed, and a log of who got what."""

    def setUp(self) -> None:
        """Build the hub."""
        self.feed = RecordingFeed()
        self.made: list[Batch] = []
        self.errors: list[Exception] = []
        self.log: list[tuple[str, Batch]] = []
        self.hub = Hub(self.feed, self.errors.append)
        self.form = self.plain  # one object: each access to a method makes another

    def plain(self, channel: str, items: list[Item]) -> Batch:
        """A batch that can be counted."""
        self.made.append(tuple(item.data for item in items if isinstance(item, Publication)))
        return self.made[-1]

    def reader(self, name: str, *channels: str, reaction: Callable[[], None] | None = None) -> Reader:
        """A subscriber of *channels*."""
        reader = Reader(name, self.log, reaction)
        for channel in channels:
            self.hub.subscribe(channel, reader, self.form, reader)
        return reader

    def publish(self, **channels: list[str]) -> None:
        """Let a run of these texts arrive."""
        self.hub.delivered({channel: [Publication(text) for text in texts] for channel, texts in channels.items()})


class InterestTests(HubCase):
    """What the hub asks of its feed."""

    def test_hub_asks_the_feed_once_when_two_subscribe(self) -> None:
        """The first subscriber of a channel brings it here, the second finds it."""
        self.reader("ann", "news")
        self.reader("bob", "news")
        self.assertEqual(self.feed.asked, ["+news"])

    def test_hub_leaves_the_channel_when_the_last_one_goes(self) -> None:
        """A channel is given back after its last subscriber, not before."""
        ann, bob = self.reader("ann", "news"), self.reader("bob", "news")
        self.hub.unsubscribe("news", ann)
        self.assertEqual(self.feed.asked, ["+news"])
        self.hub.unsubscribe("news", bob)
        self.assertEqual(self.feed.asked, ["+news", "-news"])

    def test_hub_keeps_the_channel_while_it_is_held(self) -> None:
        """A held channel stays although nobody listens, and goes with the last hold."""
        self.hub.hold("news")
        self.hub.hold("news")
        self.hub.unsubscribe_all(self.reader("ann", "news"))
        self.hub.release("news")
        self.assertEqual(self.feed.asked, ["+news"])
        self.hub.release("news")
        self.assertEqual(self.feed.asked, ["+news", "-news"])

    def test_hub_keeps_the_channel_when_it_is_released_with_subscribers(self) -> None:
        """A release takes nothing from those who listen."""
        self.hub.hold("news")
        self.reader("ann", "news")
        self.hub.release("news")
        self.assertEqual(self.feed.asked, ["+news"])

    def test_hub_refuses_a_release_when_nothing_is_held(self) -> None:
        """A release without a hold is a bug of ours, and is said."""
        self.assertRaises(StateError, self.hub.release, "news")
        self.reader("ann", "news")
        self.assertRaises(StateError, self.hub.release, "news")
        self.assertEqual(self.feed.asked, ["+news"])

    def test_subscriber_counts_once_when_it_subscribes_twice(self) -> None:
        """To ask again changes nothing."""
        ann = self.reader("ann", "news", "news")
        self.hub.unsubscribe("news", ann)
        self.assertEqual(self.feed.asked, ["+news", "-news"])

    def test_unsubscribe_does_nothing_when_not_subscribed(self) -> None:
        """Who leaves twice, or was never there, disturbs nobody."""
        ann = self.reader("ann", "news")
        stranger = Reader("eve", self.log)
        self.hub.unsubscribe("news", stranger)
        self.hub.unsubscribe_all(stranger)
        self.hub.unsubscribe("sport", ann)
        self.assertEqual(self.feed.asked, ["+news"])

    def test_subscriber_leaves_all_its_channels_when_it_goes(self) -> None:
        """A closed connection costs only its own channels."""
        ann = self.reader("ann", "news", "sport")
        self.reader("bob", "news")
        self.hub.unsubscribe_all(ann)
        self.assertEqual(self.feed.asked, ["+news", "+sport", "-sport"])

    def test_subscriber_keeps_its_other_channels_when_it_leaves_one(self) -> None:
        """One channel less is one channel less."""
        ann = self.reader("ann", "news", "sport")
        self.hub.unsubscribe("news", ann)
        self.publish(news=["1"], sport=["2"])
        self.assertEqual(self.log, [("ann", ("2",))])
        self.hub.unsubscribe_all(ann)
        self.assertEqual(self.feed.asked, ["+news", "+sport", "-news", "-sport"])


class DeliveryTests(HubCase):
    """What subscribers get."""

    def test_all_get_the_same_batch_when_a_run_arrives(self) -> None:
        """One batch is made for a channel, whoever listens, and given in the order of coming."""
        for name in ("ann", "bob", "cid"):
            self.reader(name, "news")
        self.publish(news=["1", "2"])
        self.assertEqual(self.log, [("ann", ("1", "2")), ("bob", ("1", "2")), ("cid", ("1", "2"))])
        self.assertEqual(self.made, [("1", "2")])
        self.assertTrue(all(batch is self.made[0] for _, batch in self.log))

    def test_channels_come_in_the_order_of_the_run(self) -> None:
        """A subscriber of two channels gets a batch of each."""
        self.reader("ann", "news", "sport")
        self.publish(sport=["goal"], news=["vote"])
        self.assertEqual(self.log, [("ann", ("goal",)), ("ann", ("vote",))])

    def test_no_batch_is_made_when_nobody_listens(self) -> None:
        """A channel that is only held, one that nobody wants any more, and an empty one cost nothing."""
        self.hub.hold("held")
        self.reader("ann", "empty")
        self.publish(held=["1"], gone=["2"], empty=[])
        self.assertEqual((self.made, self.log), ([], []))

    def test_others_get_theirs_when_one_raises(self) -> None:
        """The error of one subscriber is handed over and costs no other its batch."""
        error = ValueError("broken page")

        def fail() -> None:
            raise error

        self.reader("ann", "news", reaction=fail)
        self.reader("bob", "news", "sport")
        self.publish(news=["1"], sport=["2"])
        self.assertEqual(self.log[1:], [("bob", ("1",)), ("bob", ("2",))])
        self.assertEqual(self.errors, [error])

    def test_subscriber_gets_nothing_when_it_was_removed_meanwhile(self) -> None:
        """Who leaves during a delivery, before its turn, is not called any more."""
        self.reader("ann", "news", reaction=lambda: self.hub.unsubscribe_all(bob))
        bob = self.reader("bob", "news")
        self.reader("cid", "news")
        self.publish(news=["1"])
        self.assertEqual([name for name, _ in self.log], ["ann", "cid"])

    def test_delivery_goes_on_when_a_subscriber_removes_itself(self) -> None:
        """A connection that closes in answer to a batch leaves the others theirs."""
        ann = self.reader("ann", "news", reaction=lambda: self.hub.unsubscribe_all(ann))
        self.reader("bob", "news")
        self.publish(news=["1"])
        self.assertEqual([name for name, _ in self.log], ["ann", "bob"])

    def test_subscriber_gets_the_next_run_when_it_came_meanwhile(self) -> None:
        """Who comes during a delivery is not part of it."""
        late = Reader("late", self.log)
        self.reader("ann", "news", reaction=lambda: self.hub.subscribe("news", late, self.form))
        self.publish(news=["1"])
        self.assertEqual(self.log, [("ann", ("1",))])
        self.publish(news=["2"])
        self.assertEqual(self.log[1:], [("ann", ("2",)), ("late", ("2",))])


class FormTests(HubCase):
    """Who wants the same channel in another way."""

    def test_each_form_is_made_once_when_a_run_arrives(self) -> None:
        """Each subscriber gets the batch of its form, form by form."""
        self.reader("ann", "news")
        self.hub.subscribe("news", Reader("bob", self.log), shouting)
        self.reader("cid", "news")
        self.publish(news=["goal"])
        self.assertEqual(self.log, [("ann", ("goal",)), ("cid", ("goal",)), ("bob", ("GOAL",))])
        self.assertEqual(self.made, [("goal",)])

    def test_subscriber_gets_nothing_when_its_form_makes_nothing(self) -> None:
        """A form may leave a run out; the other form's subscribers get theirs, and only they are counted."""
        self.hub.subscribe("news", Reader("bob", self.log), shouting)
        self.reader("ann", "news")
        self.hub.delivered({"news": NEWS})
        self.assertEqual(self.log, [("ann", ("1",))])
        self.assertEqual(self.hub.counts.deliveries, 1)

    def test_form_is_replaced_when_the_subscriber_asks_again(self) -> None:
        """It gets each run once, in the form that it asked for last, and leaves once."""
        ann = self.reader("ann", "news")
        self.hub.subscribe("news", ann, shouting)
        self.publish(news=["goal"])
        self.assertEqual((self.log, self.hub.counts.subscriptions), ([("ann", ("GOAL",))], 1))
        self.hub.unsubscribe("news", ann)
        self.assertEqual((self.hub.counts.subscriptions, self.feed.asked), (0, ["+news", "-news"]))

    def test_others_get_theirs_when_a_form_raises(self) -> None:
        """The error is handed over, once for the run."""
        for name in ("ann", "bob"):
            self.hub.subscribe("news", Reader(name, self.log), broken)
        self.reader("cid", "news")
        self.hub.delivered({"news": NEWS})
        self.assertEqual((self.log, [str(error) for error in self.errors]), ([("cid", ("1",))], ["news"]))

    def test_delivery_goes_on_when_the_last_one_of_a_form_leaves(self) -> None:
        """Forms come and go in answer to a batch without costing the others theirs."""
        bob = Reader("bob", self.log)
        self.reader("ann", "news", reaction=lambda: self.hub.unsubscribe("news", bob))
        self.hub.subscribe("news", bob, shouting)
        self.publish(news=["goal"])
        self.assertEqual(self.log, [("ann", ("goal",))])
        self.assertEqual(self.hub.subscribers("news"), 1)

    def test_who_was_made_to_leave_gets_nothing_past_its_session_either(self) -> None:
        """A subscriber whose batch would go straight to its socket."""
        sent: list[bytes] = []

        class Quick(Reader):
            class line:  # an attribute of sessions
                fd = 7
                lane = Lane(WEBSOCKET, Tally(), lambda lines, fds, data: sent.append(data))

        bob = Quick("bob", self.log)
        self.reader("ann", "news", reaction=lambda: self.hub.unsubscribe("news", bob))
        self.hub.subscribe("news", bob, BARE)
        self.publish(news=["goal"])
        self.assertEqual((self.log, sent), ([("ann", ("goal",))], []))

    def test_hub_tells_who_wants_a_channel(self) -> None:
        """Held or heard, and by how many."""
        self.assertEqual((self.hub.wants("news"), self.hub.subscribers("news")), (False, 0))
        self.hub.hold("news")
        self.assertEqual((self.hub.wants("news"), self.hub.subscribers("news")), (True, 0))
        self.reader("ann", "news")
        self.hub.subscribe("news", Reader("bob", self.log), shouting)
        self.assertEqual(self.hub.subscribers("news"), 2)
        self.hub.hold("held")
        self.assertEqual(self.hub.listeners(), {"news": 2, "held": 0})


class Way:
    """A line that takes everything."""

    def __init__(self, lane: Lane, fd: int) -> None:
        self.lane: Lane | None = lane
        self.fd = fd


class Session(Reader):
    """A subscriber with a line."""

    def __init__(self, lane: Lane, fd: int) -> None:
        super().__init__(str(fd), [])
        self.line = Way(lane, fd)


class CrowdTests(HubCase):
    """So many subscribers of one channel that the hub remembers how they are sorted."""

    def setUp(self) -> None:
        super().setUp()
        self.sent: list[tuple[list[int], bytes]] = []
        self.lane = Lane(WEBSOCKET, Tally(), lambda lines, fds, data: self.sent.append((list(fds), data)))
        self.sessions = [Session(self.lane, number) for number in range(CROWD)]
        for session in self.sessions:
            self.hub.subscribe("news", session, BARE)
        self.assertEqual(self.receivers("1"), list(range(CROWD)))

    def receivers(self, text: str) -> list[int]:
        """Publish, and return the descriptors to which it was sent."""
        self.sent.clear()
        self.publish(news=[text])
        return self.sent[0][0] if self.sent else []

    def test_next_publication_reaches_the_same(self) -> None:
        """With its own bytes."""
        self.receivers("2")
        self.assertEqual(self.sent, [(list(range(CROWD)), b'\x81\x06a["2"]')])

    def test_who_comes_and_goes_is_noticed(self) -> None:
        """Also in one moment, when they are as many as before."""
        self.hub.unsubscribe("news", self.sessions[0])
        self.assertEqual(self.receivers("2"), list(range(1, CROWD)))
        self.hub.subscribe("news", Session(self.lane, 99), BARE)
        self.assertEqual(self.receivers("3"), [*range(1, CROWD), 99])

    def test_who_is_busy_gets_it_from_its_session_until_it_is_free(self) -> None:
        """Its lane tells of both."""
        line = self.sessions[3].line
        line.fd = -1
        self.lane.changes += 1
        self.assertNotIn(3, self.receivers("2"))
        self.assertEqual(len(self.sessions[3].log), 1)
        line.fd = 3
        self.lane.changes += 1
        self.assertEqual((self.receivers("3"), len(self.sessions[3].log)), (list(range(CROWD)), 1))

    def test_changes_of_other_lanes_do_not_matter(self) -> None:
        """Each lane has subscribers on many channels, and only its own sorting is in vain."""
        sorted_before = self.hub._interests["news"].groups[BARE].line_up()
        Lane(WEBSOCKET, Tally(), lambda lines, fds, data: None).changes += 1
        self.assertIs(self.hub._interests["news"].groups[BARE].line_up(), sorted_before)

    def test_subscribers_are_counted(self) -> None:
        """Each publication once for each."""
        self.assertEqual(self.hub.counts.deliveries, CROWD)


class ExpendableTests(HubCase):
    """Which batches may be dropped for slow clients."""

    def setUp(self) -> None:
        """Let those on prices be dropped."""
        super().setUp()
        self.terms = Expendable("prices", True)
        self.hub = Hub(self.feed, self.errors.append, lambda channel: self.terms if channel == "prices" else None)
        self.batches: list[RealBatch] = []

    def deliver(self, batch: RealBatch) -> None:
        """Keep the batch."""
        self.batches.append(batch)

    def test_batches_tell_it_when_the_channel_says_so(self) -> None:
        """Those of other channels do not."""
        for channel in ("prices", "news"):
            self.hub.subscribe(channel, self, BARE)
        self.publish(prices=["1"], news=["2"])
        self.assertEqual([batch.expendable for batch in self.batches], [self.terms, None])

    def test_batches_are_kept_when_somebody_joined(self) -> None:
        """The next one does not tell it again."""
        self.hub.subscribe("prices", self, PUSHES_WITH_JOINS)
        self.hub.delivered({"prices": [Publication("1"), Joined(ClientInfo("42", "c"))]})
        self.assertEqual([batch.expendable for batch in self.batches], [None])

    def test_forms_may_make_something_else(self) -> None:
        """What is no batch is left as it is."""
        self.reader("ann", "prices")
        self.publish(prices=["1"])
        self.assertEqual((self.log, self.errors), ([("ann", ("1",))], []))


class ResetTests(HubCase):
    """A history that ended."""

    def test_owners_are_told_when_a_channel_is_reset(self) -> None:
        """Those of this channel, in every form; who has no owner is passed over."""
        ann, bob, cid = (Reader(name, self.log) for name in ("ann", "bob", "cid"))
        self.hub.subscribe("news", ann, self.form, ann)
        self.hub.subscribe("news", bob, shouting, bob)
        self.hub.subscribe("sport", bob, shouting, bob)
        self.hub.subscribe("news", cid, self.form)
        self.hub.reset("news")
        self.assertEqual([reader.resets for reader in (ann, bob, cid)], [["news"], ["news"], []])

    def test_nobody_is_told_when_nobody_listens(self) -> None:
        """A channel that is not wanted any more has nobody to tell."""
        self.hub.reset("news")
        self.hub.hold("news")
        self.hub.reset("news")
        self.assertEqual(self.errors, [])

    def test_owner_is_not_told_when_it_left_meanwhile(self) -> None:
        """One owner's answer may end the subscription of another."""
        ann = self.reader("ann", "news", reaction=lambda: self.hub.unsubscribe_all(bob))
        bob = self.reader("bob", "news")
        self.hub.reset("news")
        self.assertEqual((ann.resets, bob.resets), (["news"], []))

    def test_others_are_told_when_one_owner_raises(self) -> None:
        """The error is handed over."""
        error = ValueError("broken page")

        def fail() -> None:
            raise error

        self.reader("ann", "news", reaction=fail)
        bob = self.reader("bob", "news")
        self.hub.reset("news")
        self.assertEqual((bob.resets, self.errors), (["news"], [error]))

    def test_owner_may_subscribe_again_when_it_is_told(self) -> None:
        """As a client does that recovers; it is told once."""

        def again() -> None:
            self.hub.unsubscribe("news", ann)
            self.hub.subscribe("news", ann, self.form, ann)

        ann = self.reader("ann", "news", reaction=again)
        self.hub.reset("news")
        self.assertEqual((ann.resets, self.hub.counts.subscriptions), (["news"], 1))


class CountTests(HubCase):
    """The numbers for the metrics."""

    def test_counts_tell_who_listens_and_what_was_handed_on(self) -> None:
        """Publications count once when they arrive, and once for each subscriber when they are handed on."""
        self.reader("ann", "news", "sport")
        bob = self.reader("bob", "news")
        self.hub.hold("held")
        self.publish(news=["1", "2"], held=["3"])
        self.assertEqual(self.hub.counts, HubCounts(channels=3, subscriptions=3, publications=3, deliveries=4))
        self.hub.unsubscribe_all(bob)
        self.assertEqual(self.hub.counts, HubCounts(channels=3, subscriptions=2, publications=3, deliveries=4))

    def test_counts_leave_out_what_raised(self) -> None:
        """A batch that a subscriber refused was not delivered."""

        def fail() -> None:
            raise ValueError

        self.reader("ann", "news", reaction=fail)
        self.publish(news=["1"])
        self.assertEqual(self.hub.counts, HubCounts(channels=1, subscriptions=1, publications=1, deliveries=0))

    def test_counts_leave_out_who_joined(self) -> None:
        """Only publications are publications."""
        self.reader("ann", "news")
        self.hub.delivered({"news": [Joined(ClientInfo("42", "c1")), Publication("1")]})
        self.assertEqual(self.hub.counts, HubCounts(channels=1, subscriptions=1, publications=1, deliveries=1))
