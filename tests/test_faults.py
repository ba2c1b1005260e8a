# -*- test-case-name: tests.test_faults -*-
"""What a client may claim in the programs that kill things: an account that forgives nothing."""

from __future__ import annotations

import asyncio
import io
import sys
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.faults import crowd
from benchmarks.faults.chaos import VARIANTS, Outcome, Size, make_stage, parse
from benchmarks.faults.crowd import Account
from benchmarks.faults.harm import Harm
from benchmarks.faults.ledger import Ledger
from benchmarks.faults.listeners import Listener, Speaker
from benchmarks.faults.quick import Quick, text_frame
from benchmarks.faults.stalled import Times


def account(*numbers: int | None) -> Ledger:
    """Return the account of a client that heard *numbers*; ``None``: it was told that something is missing."""
    ledger = Ledger()
    for number in numbers:
        if number is None:
            ledger.tell()
        else:
            ledger.hear(number)
    return ledger


class LedgerTests(SynchronousTestCase):
    """One client's account."""

    def test_everything_once_and_in_order_is_good(self) -> None:
        """Nothing at all too, where nothing was published."""
        for ledger, acknowledged in ((account(0, 1, 2), 3), (account(), 0)):
            self.assertTrue(ledger.is_complete(acknowledged) and ledger.is_honest(acknowledged))

    def test_end_that_is_missing_is_not_complete(self) -> None:
        """Nor honest: nobody said so."""
        ledger = account(0, 1)
        self.assertFalse(ledger.is_complete(3))
        self.assertFalse(ledger.is_honest(3))
        self.assertFalse(account().is_honest(1))

    def test_gap_is_counted(self) -> None:
        """Each number that was left out, whatever comes after."""
        ledger = account(0, 3, 4)
        self.assertEqual((ledger.missing, ledger.gaps), (2, [(1, 3)]))
        self.assertTrue(ledger.is_complete(5))
        self.assertFalse(ledger.is_honest(5))

    def test_repetition_is_counted(self) -> None:
        """Also one that comes late."""
        ledger = account(0, 1, 1, 2, 0)
        self.assertEqual((ledger.twice, ledger.missing, ledger.next), (2, 0, 3))
        self.assertFalse(ledger.is_honest(3))

    def test_first_publication_may_not_be_missing(self) -> None:
        """The client was there before it."""
        self.assertEqual(account(1).missing, 1)

    def test_client_that_was_told_begins_anew(self) -> None:
        """Anywhere; from there on nothing may be missing."""
        ledger = account(0, 1, None, 5, 6)
        self.assertEqual((ledger.told, ledger.missing, ledger.twice), (1, 0, 0))
        self.assertTrue(ledger.is_honest(7) and ledger.is_complete(7))
        self.assertEqual(account(0, None, 5, 7).missing, 1)
        self.assertEqual(account(5, None, 3, 4).twice, 0)

    def test_client_that_was_told_last_is_honest_but_not_complete(self) -> None:
        """It knows that it has to look."""
        ledger = account(0, None)
        self.assertTrue(ledger.is_honest(9))
        self.assertFalse(ledger.is_complete(9))


class OutcomeTests(SynchronousTestCase):
    """What must not be."""

    GOOD = dict.fromkeys("twice missing told heard connects".split(), 0) | dict.fromkeys(
        "clients complete honest untold".split(), 5
    )

    def outcome(self, variant: str, **changes: int) -> list[str]:
        """Return the problems of a run with two kinds of clients, one of them as *changes* say."""
        accounts: dict[str, dict[str, Any]] = {"good": dict(self.GOOD), "other": {**self.GOOD, **changes}}
        if variant != "killed":
            accounts["good"]["untold"] = 0
        run = Outcome(variant, {"c:0": 3}, 3, 0.1, accounts, 0.1, [], [])
        self.assertEqual(len(run.lines()), 6 + len(run.problems()))
        return run.problems()

    def test_good_run_has_no_problems(self) -> None:
        """Where Redis keeps everything nobody is told anything; where it does not, everybody is."""
        self.assertEqual(self.outcome("killed"), [])
        self.assertEqual(self.outcome("wiped", untold=0, told=5), [])

    def test_each_fault_is_a_problem(self) -> None:
        """One client is enough."""
        for change in ({"complete": 4}, {"honest": 4}, {"twice": 1}, {"missing": 1}, {"told": 1}):
            self.assertEqual(len(self.outcome("killed", **change)), 1, change)
        self.assertEqual(len(self.outcome("snapshot", untold=1)), 1)

    def test_what_was_not_heard_has_to_be_counted(self) -> None:
        """Without history: not more, and not less."""
        accounts: dict[str, dict[str, Any]] = {"only": {**self.GOOD, "unheard": 10}}
        for counted, problems in ((10, 0), (9, 1), (11, 1)):
            run = Outcome("plain", {"c:0": 10}, 10, 0.1, accounts, 0.1, [], [], counted)
            self.assertEqual(len(run.problems()), problems)
            self.assertIn(f"not heard: 10; counted: {counted}", run.lines())

    def test_clients_have_to_know_what_they_did_not_hear(self) -> None:
        """Where the daemon that could have counted is gone."""
        for unaware, problems in ((0, 0), (1, 1)):
            only = {**self.GOOD, "unheard": 7, "skipped": 7, "unaware": unaware}
            run = Outcome("orphaned", {"c:0": 10}, 10, 0.1, {"only": only}, 0.1, [], [])
            self.assertEqual(len(run.problems()), problems)
            self.assertIn("not heard: 7; clients know of: 7", run.lines())


class CommandLineTests(SynchronousTestCase):
    """What ``make chaos`` takes."""

    def test_nothing_said_is_everything_in_full(self) -> None:
        """All variants, with 1,000 clients for three minutes."""
        self.assertEqual(parse([]), (list(VARIANTS), Size(1000, 20, 200.0, 180.0)))

    def test_run_may_be_smaller(self) -> None:
        """Some variants, fewer clients, less time."""
        words = "--variants wiped,failover --clients 40 --seconds 12.5".split()
        self.assertEqual(parse(words), (["wiped", "failover"], Size(40, seconds=12.5)))

    def test_variant_that_does_not_exist_is_refused(self) -> None:
        """Before anything is started."""
        self.patch(sys, "stderr", io.StringIO())
        self.assertRaises(SystemExit, parse, ["--variants", "killed,tired"])
        self.assertIn("no variants: tired", sys.stderr.getvalue())  # type: ignore[attr-defined]


class SpeakerTests(SynchronousTestCase):
    """Clients that speak the client protocol."""

    def speaker(self, *offsets: int, result: dict[str, Any] | None = None) -> Speaker:
        """Return one that has subscribed and heard publications with *offsets*."""
        speaker = Speaker(None, ["http://127.0.0.1"], "c:0")  # type: ignore[arg-type]  # it never connects
        speaker._subscribed(result or {})
        for number, offset in enumerate(offsets):
            speaker._published({"data": {"n": number}, **({"offset": offset} if offset else {})})
        return speaker

    def test_numbers_tell_what_was_not_heard(self) -> None:
        """Without history: those before the first one too, and none where there are no numbers."""
        for offsets, skipped in (((1, 2, 3), 0), ((3, 4, 7), 4), ((0, 0), 0), ((), 0)):
            self.assertEqual(self.speaker(*offsets).skipped, skipped, offsets)

    def test_position_follows_where_there_is_a_history(self) -> None:
        """Nothing is skipped then, because it is asked for."""
        speaker = self.speaker(8, 9, result={"offset": 7, "epoch": "e"})
        self.assertEqual((speaker.skipped, speaker._position), (0, {"offset": 9, "epoch": "e"}))


class QuickTests(SynchronousTestCase):
    """Clients that look for marks."""

    def test_mark_is_seen_however_it_is_cut(self) -> None:
        """Once."""
        data = b"\x81\x20" + b'{"push":{"pub":{"data":{"n": 7}}}}' + b"\x81\x05"
        for cut in range(len(data)):
            seen: list[float] = []
            client = Quick(b"", b'"n": 7}', lambda client, now, seen=seen: seen.append(now))
            client.data_received(data[:cut])
            client.data_received(data[cut:])
            self.assertEqual(len(seen), 1, cut)

    def test_other_number_is_no_mark(self) -> None:
        """70 is not 7."""
        client = Quick(b"", b'"n": 7}', self.fail)
        client.data_received(b'{"n": 70}{"n": 17}{"n":7}')

    def test_frame_is_one_that_servers_read(self) -> None:
        """Masked with zeros (RFC 6455 section 5.2)."""
        self.assertEqual(text_frame("{}"), b"\x81\x82\0\0\0\0{}")
        long = text_frame("x" * 200)
        self.assertEqual((long[:4], len(long)), (b"\x81\xfe\x00\xc8", 208))


class AccountTests(SynchronousTestCase):
    """Clients of one kind, added up."""

    def test_what_was_not_heard_is_counted_for_each_client(self) -> None:
        """Repetitions are not heard twice."""
        sums = Account()
        for numbers, acknowledged in (((0, 1, 1, 4), 6), ((0, 1), 2)):
            listener = Listener(None, ["http://127.0.0.1"], "c:0")  # type: ignore[arg-type]  # it never connects
            listener.ledger = account(*numbers)
            sums.add(listener, acknowledged)
        self.assertEqual((sums.clients, sums.unheard, sums.twice, sums.missing), (2, 3, 1, 2))
        self.assertEqual((sums.complete, sums.honest, len(sums.faults)), (1, 1, 1))
        self.assertEqual((sums.skipped, sums.unaware), (0, 1))


class HarmTests(SynchronousTestCase):
    """What is done while publications go on."""

    def test_each_variant_has_its_faults(self) -> None:
        """In order, and none in the last fifth of the time: what comes after the last one is looked at too."""
        harm = Harm(make_stage("killed"), None, "c:0")  # type: ignore[arg-type]  # nothing happens
        for variant in VARIANTS:
            shares = [share for share, _ in harm.schedule(variant)]
            self.assertEqual(shares, sorted(shares))
            self.assertTrue(shares and shares[-1] < 0.8, variant)


class CrowdTests(SynchronousTestCase):
    """Clients that go away and come back."""

    def test_only_one_channel_leaves_and_all_of_it_comes_back_elsewhere(self) -> None:
        """What the others do goes on."""
        asyncio.run(self.leave_and_come_back())

    def test_client_that_loses_a_cancellation_is_cancelled_again(self) -> None:
        """Until it has ended; one that ended by itself is a fault of the program."""

        async def stubborn() -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                await asyncio.sleep(60)

        async def short() -> None:
            pass

        async def try_both() -> None:
            task = asyncio.create_task(stubborn())
            await asyncio.sleep(0)
            await crowd.end([task])
            self.assertTrue(task.cancelled())
            ended = asyncio.create_task(short())
            await ended
            with self.assertRaises(RuntimeError):
                await crowd.end([ended])

        asyncio.run(try_both())

    async def leave_and_come_back(self) -> None:
        """Two channels, of which one is left."""
        listening: list[str] = []

        class Idle(Listener):
            """One that listens to nothing."""

            async def listen(self, url: str) -> None:
                """Stay until cancelled."""
                self.live()
                listening.append(url)
                await asyncio.get_running_loop().create_future()

        self.patch(crowd, "KINDS", {"idle": Idle})
        order = {"kinds": ["idle"], "clients": 4, "channels": 2, "urls": ["a", "b"]}
        clients = crowd.Crowd(None, order)  # type: ignore[arg-type]  # nobody connects
        self.assertEqual(await clients.begin(), 4)
        before = list(listening)
        self.assertEqual(await crowd.obey(clients, {"leave": "c:1"}), {"live": 2})
        await crowd.obey(clients, {"come_back": "c:1"})
        await asyncio.sleep(0)
        self.assertEqual(clients.live, 4)
        self.assertEqual([before[1], before[3]], ["ba"["ab".index(url)] for url in listening[4:]])
        accounts = (await crowd.obey(clients, {"finish": {}, "patience": 0}))["accounts"]
        self.assertEqual((accounts["idle"]["clients"], accounts["idle"]["connects"]), (4, 6))


class TimesTests(SynchronousTestCase):
    """Many times in three."""

    def test_times_are_ordered_first(self) -> None:
        """Whatever order they came in."""
        times = Times.of([0.001 * number for number in reversed(range(1000))])
        self.assertEqual((times.p50, round(times.p99, 3), round(times.worst, 3)), (0.5, 0.99, 0.999))
        self.assertIn("500.0 ms", str(times))
