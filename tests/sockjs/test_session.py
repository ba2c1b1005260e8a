# -*- test-case-name: tests.sockjs.test_session -*-
"""A session's life, as columns of what happens and what is sent."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from unittest import TestCase

from sockjsd.sockjs.batch import OVERHEAD, Batch, Expendable
from sockjsd.sockjs.envelopes import WEBSOCKET
from sockjsd.sockjs.lanes import Lane
from sockjsd.sockjs.session import Session, SessionOptions
from sockjsd.stats import Tally
from tests.sockjs.fakes import (
    FakeKeeper,
    Life,
    RecordingHandler,
    RecordingReceiver,
    closes,
    drains,
    loses,
    play,
    poll,
    says,
    sends,
    stalls,
    stream,
    time_comes,
)

OPENED = "app: opened"
GO_AWAY = 'c[3000,"Go away!"]'
GONE = "app: closed 3000 Go away!"


class PollingTests(TestCase):
    """Receivers that carry one frame."""

    def test_messages_wait_between_polls(self) -> None:
        """The first poll opens, the next one gets all that was sent meanwhile, in order and at once."""
        play(
            self,
            Life(),
            (poll("1"), ["1: o", OPENED]),
            (sends("a", "b"), []),
            (sends("c"), []),
            (poll("2"), ['2: a["a","b","c"]']),
            (poll("3"), []),
            (sends("d"), ['3: a["d"]']),
            (sends("e"), []),
            (poll("4"), ['4: a["e"]']),
        )

    def test_second_poll_is_refused_while_one_waits(self) -> None:
        """2010 for whoever comes second; the first one stays (section "Handling close")."""
        play(
            self,
            Life(),
            (poll("1"), ["1: o", OPENED]),
            (poll("2"), []),
            (poll("3"), ['3: c[2010,"Another connection still open"]']),
            (sends("a"), ['2: a["a"]']),
        )

    def test_messages_of_client_reach_application_in_order(self) -> None:
        """Arrays come apart; an empty one is nothing."""
        play(
            self,
            Life(),
            (poll("1"), ["1: o", OPENED]),
            (says("a", "b"), ["app: received a", "app: received b"]),
            (says(), []),
            (says("c"), ["app: received c"]),
        )

    def test_attached_tells_whether_a_frame_could_go(self) -> None:
        """Only while a receiver waits."""
        life = Life()
        seen = []
        for event in (poll("1"), poll("2"), sends("a")):
            event(life)
            seen.append(life.session.attached)
        self.assertEqual(seen, [False, True, False])


class StreamingTests(TestCase):
    """Receivers that carry many frames, and back-pressure."""

    def test_messages_leave_at_once(self) -> None:
        """One frame for each."""
        play(
            self,
            Life(),
            (stream("s"), ["s: o", OPENED]),
            (sends("a", "b"), ['s: a["a"]', 's: a["b"]']),
        )

    def test_messages_wait_while_receiver_is_not_writable(self) -> None:
        """They leave as one batch when it has drained, and later ones do not overtake them."""
        play(
            self,
            Life(),
            (stream("s"), ["s: o", OPENED]),
            (stalls("s"), []),
            (sends("a", "b"), []),
            (drains("s"), ['s: a["a","b"]']),
            (sends("c"), ['s: a["c"]']),
            (drains("s"), []),
        )

    def test_messages_do_not_overtake_those_that_wait(self) -> None:
        """Between "writable" and "drained" the queue comes first."""
        life = Life()
        play(self, life, (stream("s"), ["s: o", OPENED]), (stalls("s"), []), (sends("a"), []))
        life.receivers["s"].writable = True
        play(self, life, (sends("b"), []), (drains("s"), ['s: a["a","b"]']))

    def test_drained_is_ignored_while_still_not_writable(self) -> None:
        """A receiver that takes nothing gets nothing."""
        life = Life()
        play(self, life, (stream("s"), ["s: o", OPENED]), (stalls("s"), []), (sends("a"), []))
        life.session.drained(life.receivers["s"])
        self.assertEqual(life.lines, [])

    def test_messages_wait_when_next_receiver_is_not_writable(self) -> None:
        """A receiver may be attached before its socket takes anything."""
        play(
            self,
            Life(),
            (poll("1"), ["1: o", OPENED]),
            (sends("a"), []),
            (stream("s", writable=False), []),
            (drains("s"), ['s: a["a"]']),
        )

    def test_order_holds_when_stream_reaches_its_limit(self) -> None:
        """What the full stream no longer takes is what the next one begins with."""
        play(
            self,
            Life(),
            (stream("s", 2), ["s: o", OPENED]),
            (sends("a", "b", "c"), ['s: a["a"]']),
            (stream("t", 2), ['t: a["b","c"]']),
            (sends("d", "e"), ['t: a["d"]']),
            (poll("p"), ['p: a["e"]']),
        )

    def test_old_receiver_has_no_say_after_release(self) -> None:
        """Whatever a released receiver reports changes nothing for its successor."""
        life = Life()
        play(self, life, (poll("1"), ["1: o", OPENED]), (stream("s", writable=False), []), (sends("a"), []))
        play(self, life, (drains("1"), []), (loses("1"), []), (drains("s"), ['s: a["a"]']))
        life.session.release(life.receivers["1"])
        self.assertTrue(life.session.attached)


class LimitTests(TestCase):
    """`output_limit`: bytes of JSON that may wait, and what two messages take beside."""

    OPTIONS = SessionOptions(output_limit=10 + 2 * OVERHEAD)
    SLOW = "app: closed 3008 Connection too slow"

    def test_session_ends_when_too_much_waits_between_polls(self) -> None:
        """The last byte is the one too many; the client is told when it comes back."""
        for last in ("defg", "efgh"):
            play(
                self,
                Life(self.OPTIONS),
                (poll("1"), ["1: o", OPENED]),
                (sends("abc"), []),
                (sends(last), [self.SLOW]),
                (poll("2"), ['2: c[3008,"Connection too slow"]']),
            )

    def test_session_ends_when_too_many_small_messages_wait(self) -> None:
        """They have hardly any bytes, and still take memory."""
        play(self, Life(self.OPTIONS), (poll("1"), ["1: o", OPENED]), (sends("", ""), []), (sends(""), [self.SLOW]))

    def test_bytes_that_wait_count_without_json(self) -> None:
        """Where receivers take them; elsewhere they are refused, and the session goes on."""
        life = Life(self.OPTIONS)
        poll("1")(life)
        with self.assertRaises(TypeError):
            life.session.send(b"abc")
        self.assertEqual(life.session.close_code, 0)
        options = SessionOptions(output_limit=1000)
        session = Session(RecordingHandler(), FakeKeeper(), options, resumable=False, binary=True)
        receiver = RecordingReceiver(session, capacity=1)
        session.attach(receiver)
        size = Batch([b""]).size(binary=True) + Batch(["a"]).size(binary=True)
        session.send("a")
        session.send(bytes(1000 - size))
        self.assertEqual(session.close_code, 0)
        session.send(b"")
        self.assertEqual(session.close_code, 3008)

    def test_session_keeps_what_just_fits(self) -> None:
        """Ten bytes are not more than ten, and a delivery makes room for the next ten."""
        play(
            self,
            Life(self.OPTIONS),
            (poll("1"), ["1: o", OPENED]),
            (sends("abc", "def"), []),
            (poll("2"), ['2: a["abc","def"]']),
            (sends("abc", "def"), []),
            (poll("3"), ['3: a["abc","def"]']),
        )

    def test_session_ends_when_too_much_waits_for_a_stalled_stream(self) -> None:
        """What waited is dropped, and the client is told so at once."""
        play(
            self,
            Life(self.OPTIONS),
            (stream("s"), ["s: o", OPENED]),
            (stalls("s"), []),
            (sends("abcdef", ""), []),
            (sends("i"), ['s: c[3008,"Connection too slow"]', self.SLOW]),
            (sends("j"), []),
        )

    def test_session_counts_what_it_did_not_deliver(self) -> None:
        """Two messages waited when it was too slow, one came too much; what was delivered is not counted."""
        life = Life(self.OPTIONS)
        play(self, life, (poll("1"), ["1: o", OPENED]), (sends("a"), []), (poll("2"), ['2: a["a"]']))
        self.assertEqual(life.session.dropped, 0)
        play(self, life, (sends("abc", "de"), []), (sends("f"), [self.SLOW]))
        self.assertEqual(life.session.dropped, 3)

    def test_limit_does_not_hold_for_what_leaves_at_once(self) -> None:
        """A large message to a writable receiver does not wait."""
        play(
            self,
            Life(self.OPTIONS),
            (stream("s"), ["s: o", OPENED]),
            (sends("x" * 999), [f's: a["{"x" * 999}"]']),
        )


class PolicyTests(TestCase):
    """`output_limit` where publications may be dropped instead of the client."""

    SIZE = Batch(["x"]).size()
    SLOW = "app: closed 3008 Connection too slow"

    def stalled(self, limit: int = 8) -> Life:
        """Return a life with a receiver that takes nothing, for which *limit* messages of one letter may wait."""
        life = Life(SessionOptions(output_limit=limit * self.SIZE), resumable=False)
        life.offer("r", None, writable=False)
        life.lines.clear()
        return life

    def publish(self, life: Life, texts: str, *, latest_only: bool = False, channel: str = "news") -> None:
        """Deliver a batch for each letter."""
        for text in texts:
            batch = Batch([text])
            batch.expendable = Expendable(channel, latest_only)
            life.session.deliver(batch)

    def drain(self, life: Life) -> None:
        """Let the receiver take what waits."""
        receiver = life.receivers["r"]
        receiver.writable = True
        life.session.drained(receiver)

    def test_oldest_are_dropped_when_too_much_waits(self) -> None:
        """With a quarter of the limit more than has to go, so that the next ones cost nothing; the client stays."""
        life = self.stalled()
        self.publish(life, "abcdefgh")
        self.assertEqual(life.lines, [])
        self.publish(life, "i")
        self.assertEqual(life.lines, ["skipped 3"])
        self.publish(life, "jk")
        self.assertEqual(life.lines, ["skipped 3"])
        self.drain(life)
        self.assertEqual(life.lines[1:], ['r: a["d","e","f","g","h","i","j","k"]'])

    def test_latest_is_kept_when_only_that_counts(self) -> None:
        """One of each channel, in order."""
        life = self.stalled(limit=4)
        self.publish(life, "ab", latest_only=True)
        self.publish(life, "c", latest_only=True, channel="sport")
        self.publish(life, "de", latest_only=True)
        self.assertEqual(life.lines, ["skipped 3"])
        self.drain(life)
        self.assertEqual(life.lines[1:], ['r: a["c","e"]'])

    def test_client_is_dropped_when_what_is_left_is_too_much(self) -> None:
        """Messages that may not be dropped, or too many channels of which the latest is kept; all is counted."""
        life = self.stalled(limit=4)
        self.publish(life, "a")
        for text in "bcde":
            life.session.send(text)
        life.session.send("f")
        self.assertEqual(
            [line for line in life.lines if not line.startswith("r:")], ["skipped 1", self.SLOW, "forgotten"]
        )
        self.assertEqual(life.session.dropped, 5)
        life = self.stalled(limit=4)
        for channel in "vwxyz":
            self.publish(life, "a", latest_only=True, channel=channel)
        self.assertEqual((life.session.close_code, life.session.dropped), (3008, 5))

    def test_buffer_of_a_stalled_client_is_bounded_for_ever(self) -> None:
        """However much is published, never more than the limit waits, and no message is uncounted."""
        life = self.stalled(limit=100)
        self.publish(life, "x" * 10_000)
        skipped = sum(int(line.split()[1]) for line in life.lines)
        self.drain(life)
        delivered = life.lines[-1].count("x")
        self.assertLessEqual(delivered, 100)
        self.assertEqual(skipped + delivered, 10_000)
        self.assertLess(len(life.lines), 10_000 // 20)

    def test_client_that_reads_gets_everything(self) -> None:
        """A policy is for the slow ones."""
        life = self.stalled(limit=2)
        self.drain(life)
        self.publish(life, "abcd", latest_only=True)
        self.assertEqual(life.lines, [f'r: a["{text}"]' for text in "abcd"])


class TimeTests(TestCase):
    """Heartbeats and the wait for a client that does not come back."""

    OPTIONS = SessionOptions(heartbeat=25.0, disconnect_delay=5.0)

    def test_stream_gets_heartbeats_for_ever(self) -> None:
        """One each time, whether or not there were messages."""
        play(
            self,
            Life(self.OPTIONS),
            (stream("s"), ["s: o", OPENED]),
            (time_comes(25.0), ["s: h"]),
            (sends("a"), ['s: a["a"]']),
            (time_comes(25.0), ["s: h"]),
        )

    def test_heartbeat_answers_a_poll(self) -> None:
        """Then the client has the delay to come back."""
        play(
            self,
            Life(self.OPTIONS),
            (poll("1"), ["1: o", OPENED]),
            (poll("2"), []),
            (time_comes(25.0), ["2: h"]),
            (poll("3"), []),
            (time_comes(25.0), ["3: h"]),
            (time_comes(5.0), ["app: closed 1006 No receiver came back in time", "forgotten"]),
        )

    def test_session_is_forgotten_when_nobody_comes_back(self) -> None:
        """What waits is dropped with it, and what is sent afterwards is ignored."""
        play(
            self,
            Life(self.OPTIONS),
            (poll("1"), ["1: o", OPENED]),
            (sends("a"), []),
            (time_comes(5.0), ["app: closed 1006 No receiver came back in time", "forgotten"]),
            (sends("b"), []),
            (says("c"), []),
            (poll("2"), ['2: c[1006,"No receiver came back in time"]']),
        )

    def test_close_frame_is_on_offer_for_the_delay(self) -> None:
        """To everybody who asks, then the session is forgotten."""
        play(
            self,
            Life(self.OPTIONS),
            (poll("1"), ["1: o", OPENED]),
            (closes(), [GONE]),
            (poll("2"), [f"2: {GO_AWAY}"]),
            (stream("3"), [f"3: {GO_AWAY}"]),
            (time_comes(5.0), ["forgotten"]),
        )

    def test_session_is_forgotten_when_nobody_ever_came(self) -> None:
        """The application never heard of it, so it hears no end."""
        life = Life()
        life.session.timed_out()
        self.assertEqual(life.lines, ["forgotten"])
        play(self, life, (poll("1"), ['1: c[1006,"No receiver came back in time"]']))

    def test_late_time_out_changes_nothing(self) -> None:
        """A keeper that calls once too often does no harm."""
        life = Life()
        life.session.timed_out()
        life.session.timed_out()
        self.assertEqual(life.lines, ["forgotten"])


class CloseTests(TestCase):
    """The end: told once, to both sides."""

    def test_client_is_told_before_application(self) -> None:
        """The frame is on its way when the application may already do something else."""
        play(
            self,
            Life(),
            (stream("s"), ["s: o", OPENED]),
            (closes(3001, 'a "reason"'), ['s: c[3001,"a \\"reason\\""]', 'app: closed 3001 a "reason"']),
        )

    def test_second_close_changes_nothing(self) -> None:
        """The first code stays."""
        play(
            self,
            Life(),
            (poll("1"), ["1: o", OPENED]),
            (closes(), [GONE]),
            (closes(4000, "again"), []),
            (poll("2"), [f"2: {GO_AWAY}"]),
        )

    def test_session_without_client_is_forgotten_at_once(self) -> None:
        """A daemon that stops leaves nothing behind, and a late client is told why."""
        life = Life()
        play(self, life, (closes(1001, "bye"), ["forgotten"]), (poll("1"), ['1: c[1001,"bye"]']))
        self.assertEqual(life.session.close_code, 1001)

    def test_websocket_is_forgotten_at_its_end(self) -> None:
        """Nobody can come back to it."""
        play(
            self,
            Life(resumable=False),
            (stream("s"), ["s: o", OPENED]),
            (closes(), [f"s: {GO_AWAY}", GONE, "forgotten"]),
        )

    def test_interruption_ends_the_session(self) -> None:
        """Whoever asks again is told 1002; what waited is dropped, nobody knows what arrived."""
        play(
            self,
            Life(),
            (stream("s"), ["s: o", OPENED]),
            (stalls("s"), []),
            (sends("a"), []),
            (loses("s"), ["app: closed 1002 Connection interrupted"]),
            (poll("1"), ['1: c[1002,"Connection interrupted"]']),
            (loses("s"), []),
        )

    def test_interruption_carries_the_code_of_a_websocket(self) -> None:
        """The application learns what the client said."""
        life = Life(resumable=False)
        stream("s")(life)
        life.session.interrupted(life.receivers["s"], 4001, "done")
        self.assertEqual(life.lines, ["s: o", OPENED, "app: closed 4001 done", "forgotten"])

    def test_nothing_changes_when_close_cannot_be_said(self) -> None:
        """A wrong kind of argument is the application's error, and the session lives on."""
        life = Life()
        play(self, life, (stream("s"), ["s: o", OPENED]))
        for code, reason in (("bye", "reason"), (3000, None), (3000, b"bytes")):
            with self.subTest(code=code, reason=reason), self.assertRaises(TypeError):
                life.session.close(code, reason)  # type: ignore[arg-type]  # what untyped code does
        play(self, life, (sends("a"), ['s: a["a"]']))


class FarewellTests(TestCase):
    """What was sent before the end arrives before it."""

    def test_stalled_stream_gets_what_waits_then_close_frame(self) -> None:
        """The socket's buffer takes this one batch more."""
        play(
            self,
            Life(),
            (stream("s"), ["s: o", OPENED]),
            (stalls("s"), []),
            (sends("a", "b"), []),
            (closes(), ['s: a["a","b"]', f"s: {GO_AWAY}", GONE]),
            (poll("1"), [f"1: {GO_AWAY}"]),
        )

    def test_next_poll_gets_what_waits_and_another_one_the_close_frame(self) -> None:
        """A poll carries one frame; each one gives the client the delay to send the next."""
        play(
            self,
            Life(),
            (poll("1"), ["1: o", OPENED]),
            (sends("a"), []),
            (closes(), [GONE]),
            (sends("b"), []),
            (poll("2"), ['2: a["a"]']),
            (poll("3"), [f"3: {GO_AWAY}"]),
            (time_comes(5.0), ["forgotten"]),
        )

    def test_next_stream_gets_both(self) -> None:
        """A stream carries the messages and the close frame."""
        play(
            self,
            Life(),
            (poll("1"), ["1: o", OPENED]),
            (sends("a"), []),
            (closes(), [GONE]),
            (stream("s"), ['s: a["a"]', f"s: {GO_AWAY}"]),
        )

    def test_stream_at_its_limit_leaves_close_frame_to_the_next(self) -> None:
        """It is full after the messages."""
        play(
            self,
            Life(),
            (stream("s", 2), ["s: o", OPENED]),
            (stalls("s"), []),
            (sends("a"), []),
            (closes(), ['s: a["a"]', GONE]),
            (poll("1"), [f"1: {GO_AWAY}"]),
        )

    def test_interruption_while_taking_leave_is_no_second_end(self) -> None:
        """A socket that fails under the last messages changes neither code nor number of ends."""
        life = Life()
        play(self, life, (stream("s"), ["s: o", OPENED]), (stalls("s"), []), (sends("a"), []))
        life.receivers["s"].then = lambda: loses("s")(life)
        play(self, life, (closes(), ['s: a["a"]', GONE]))

    def test_what_waits_is_gone_when_session_is_forgotten(self) -> None:
        """A client that is too late gets the close frame alone."""
        play(
            self,
            Life(),
            (poll("1"), ["1: o", OPENED]),
            (sends("a"), []),
            (closes(), [GONE]),
            (time_comes(5.0), ["forgotten"]),
            (poll("2"), [f"2: {GO_AWAY}"]),
        )


class CallbackTests(TestCase):
    """The application acts inside its own callbacks."""

    def test_application_sends_when_opened(self) -> None:
        """The message follows the open frame: at once on a stream, with the next poll otherwise."""
        streaming, polling = Life(), Life()
        for life in (streaming, polling):
            life.handler.on_opened = lambda session: session.send("hello")
        play(self, streaming, (stream("s"), ["s: o", OPENED, 's: a["hello"]']))
        play(self, polling, (poll("1"), ["1: o", OPENED]), (poll("2"), ['2: a["hello"]']))

    def test_application_closes_when_opened(self) -> None:
        """It hears of the end once it has returned, and never of messages."""
        life = Life()

        def refuse(session: Session) -> None:
            session.close()
            life.lines.append("app: returned")

        life.handler.on_opened = refuse
        play(
            self,
            life,
            (stream("s"), ["s: o", OPENED, f"s: {GO_AWAY}", "app: returned", GONE]),
            (says("a"), []),
            (poll("1"), [f"1: {GO_AWAY}"]),
            (time_comes(5.0), ["forgotten"]),
        )

    def test_websocket_is_forgotten_after_closing_when_opened(self) -> None:
        """The end of a session that never got further."""
        life = Life(resumable=False)
        life.handler.on_opened = lambda session: session.close()
        play(self, life, (stream("s"), ["s: o", OPENED, f"s: {GO_AWAY}", GONE, "forgotten"]))

    def test_application_closes_when_a_message_comes(self) -> None:
        """It hears no other message of the same array."""
        life = Life()
        life.handler.on_received = lambda session, text: session.close()
        play(
            self,
            life,
            (stream("s"), ["s: o", OPENED]),
            (says("a", "b"), ["app: received a", f"s: {GO_AWAY}", GONE]),
        )

    def test_application_answers_and_closes_when_a_message_comes(self) -> None:
        """The answer is not lost on a client that polls."""
        life = Life()

        def answer(session: Session, text: str) -> None:
            session.send(text.upper())
            session.close()

        life.handler.on_received = answer
        play(
            self,
            life,
            (poll("1"), ["1: o", OPENED]),
            (says("a"), ["app: received a", GONE]),
            (poll("2"), ['2: a["A"]']),
            (poll("3"), [f"3: {GO_AWAY}"]),
        )

    def test_application_sends_and_closes_when_closed(self) -> None:
        """Both are ignored: it is over."""
        life = Life()

        def cling(session: Session) -> None:
            session.send("a")
            session.deliver(Batch(["b"]))
            session.close(4000, "again")

        life.handler.on_closed = cling
        play(self, life, (stream("s"), ["s: o", OPENED]), (closes(), [f"s: {GO_AWAY}", GONE]))

    def test_application_ends_as_too_slow_inside_a_callback(self) -> None:
        """An application that sends more than it may hears so after it has returned."""
        life = Life(SessionOptions(output_limit=5 + OVERHEAD))

        def flood(session: Session, text: str) -> None:
            for _ in range(3):
                session.send("abc")
            life.lines.append("app: returned")

        life.handler.on_received = flood
        play(
            self,
            life,
            (poll("1"), ["1: o", OPENED]),
            (says("x"), ["app: received x", "app: returned", "app: closed 3008 Connection too slow"]),
        )


class ReentryTests(TestCase):
    """A frame on its way makes the client's next request run, before the session's call has returned."""

    def test_next_poll_comes_inside_deliver(self) -> None:
        """It is kept, and takes the next message."""
        life = Life()
        play(self, life, (poll("1"), ["1: o", OPENED]), (poll("2"), []))
        life.receivers["2"].then = lambda: poll("3")(life)
        play(self, life, (sends("a", "b"), ['2: a["a"]', '3: a["b"]']))

    def test_next_poll_comes_inside_deliver_of_what_waited(self) -> None:
        """Nothing is delivered twice."""
        life = Life()
        play(self, life, (stream("s", 2), ["s: o", OPENED]), (stalls("s"), []), (sends("a", "b"), []))
        life.receivers["s"].then = lambda: poll("1")(life)
        play(self, life, (drains("s"), ['s: a["a","b"]']), (sends("c"), ['1: a["c"]']))

    def test_next_poll_comes_inside_the_farewell(self) -> None:
        """It gets the close frame."""
        life = Life()
        play(self, life, (stream("s", 2), ["s: o", OPENED]), (stalls("s"), []), (sends("a"), []))
        life.receivers["s"].then = lambda: poll("1")(life)
        play(self, life, (closes(), ['s: a["a"]', f"1: {GO_AWAY}", GONE]))

    def test_next_poll_comes_inside_a_heartbeat(self) -> None:
        """The timer is the new poll's."""
        life = Life()
        play(self, life, (poll("1"), ["1: o", OPENED]), (poll("2"), []))
        life.receivers["2"].then = lambda: poll("3")(life)
        play(self, life, (time_comes(25.0), ["2: h"]), (time_comes(25.0), ["3: h"]))

    def test_message_comes_inside_a_callback(self) -> None:
        """It waits for its turn: the application is never called from within itself."""
        life = Life()
        play(self, life, (poll("1"), ["1: o", OPENED]), (poll("2"), []))
        life.receivers["2"].then = lambda: says("c", "d")(life)

        def answer(session: Session, text: str) -> None:
            session.send(text)
            life.lines.append("app: returned")

        life.handler.on_received = answer
        texts = ["app: received b", "app: received c", "app: received d"]
        rest = [line for text in texts for line in (text, "app: returned")]
        play(self, life, (says("a", "b"), ["app: received a", '2: a["a"]', "app: returned", *rest]))

    def test_message_that_came_inside_a_callback_is_dropped_after_the_end(self) -> None:
        """Nothing follows the end."""
        life = Life()
        play(self, life, (poll("1"), ["1: o", OPENED]), (poll("2"), []))
        life.receivers["2"].then = lambda: says("b")(life)

        def answer(session: Session, text: str) -> None:
            session.send("x")
            session.close()

        life.handler.on_received = answer
        play(self, life, (says("a"), ["app: received a", '2: a["x"]', GONE]), (says("c"), []))

    def test_socket_is_lost_under_the_open_frame(self) -> None:
        """The application hears the beginning before the end."""
        life = Life()
        play(
            self,
            life,
            (
                lambda life: life.offer("s", None, then=lambda: loses("s")(life)),
                ["s: o", OPENED, "app: closed 1002 Connection interrupted"],
            ),
        )


class BrokenCodeTests(TestCase):
    """What untyped applications do."""

    def test_message_that_is_no_string_is_refused(self) -> None:
        """Whether a receiver takes it or it would wait; the messages around it arrive."""
        for text, offered in product((b"bytes", 7, None, {"a": 1}, float("nan")), (True, False)):
            life = Life()
            play(self, life, (poll("1"), ["1: o", OPENED]))
            if offered:
                play(self, life, (stream("s"), []))
            with self.subTest(text=text, offered=offered), self.assertRaises(TypeError):
                life.session.send(text)  # type: ignore[arg-type]  # the point of this test
            if not offered:
                play(self, life, (sends("a"), []), (stream("s"), ['s: a["a"]']))
            play(self, life, (sends("b"), ['s: a["b"]']))


class LineTests(TestCase):
    """The way straight to a receiver's socket."""

    class Way:
        """A line, of a lane of its own."""

        fd = 7

        def __init__(self) -> None:
            self.lane: Lane | None = Lane(WEBSOCKET, Tally(), lambda lines, fds, data: None)

    def setUp(self) -> None:
        self.life = Life()
        self.session = self.life.session
        self.receiver = RecordingReceiver(self.session)
        self.receiver.line = way = self.Way()
        assert way.lane is not None
        self.lane = way.lane

    def test_session_shows_the_line_of_its_receiver(self) -> None:
        """As soon as the application has been told."""
        self.assertIsNone(self.session.line)
        self.session.attach(self.receiver)
        self.assertIs(self.session.line, self.receiver.line)

    def test_line_ends_with_the_receiver(self) -> None:
        """Whoever ends it."""
        ends: list[Callable[[], object]] = [
            lambda: self.session.close(),
            lambda: self.session.interrupted(self.receiver),
            lambda: self.session.release(self.receiver),
        ]
        for number, end in enumerate(ends):
            with self.subTest(number):
                self.setUp()
                self.session.attach(self.receiver)
                before = self.lane.changes
                end()
                self.assertIsNone(self.session.line)
                self.assertGreater(self.lane.changes, before)

    def test_line_without_a_lane_ends_too(self) -> None:
        """Of a receiver that nothing may be sent past."""
        assert self.receiver.line is not None
        self.receiver.line.lane = None
        self.session.attach(self.receiver)
        self.session.close()
        self.assertIsNone(self.session.line)

    def test_receiver_that_came_later_has_no_line(self) -> None:
        """Polls and streams: what they send is their own."""
        self.session.attach(self.receiver)
        self.session.release(self.receiver)
        self.session.attach(RecordingReceiver(self.session))
        self.assertIsNone(self.session.line)
