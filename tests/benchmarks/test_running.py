# -*- test-case-name: tests.benchmarks.test_running -*-
"""The order of things in one scenario, with servers that only keep a diary."""

from __future__ import annotations

import io
from itertools import count
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.loading import Result
from benchmarks.running import Brokers, Progress, Rounds, able, telling
from benchmarks.scenarios import Scenario
from benchmarks.systems import Kind, System
from tests.benchmarks.fakes import scenario, system


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


class Neighbours:
    """Everybody else on the machine, on a clock that goes on by a second whenever it is asked.

    :param busy: the cores that they have from one look to the next.
    """

    def __init__(self, *busy: float) -> None:
        self._busy = [0.0, *busy]
        self._seconds = 0.0
        self._computed = 0.0

    def clock(self) -> float:
        """Return the time, and let it go on."""
        self._seconds += 1.0
        return self._seconds

    def computed(self) -> float:
        """Return what they have computed."""
        self._computed += self._busy.pop(0) if self._busy else 0.0
        return self._computed


def rounds(asked: Scenario, *systems: System, neighbours: Neighbours | None = None) -> Rounds:
    """Return what measures these systems, without a line on a terminal."""
    beside = neighbours or Neighbours()
    progress = Progress(1, io.StringIO())
    return Rounds(
        asked, {each.name: each for each in systems}, lambda system: 6379, progress, beside.computed, beside.clock
    )


class Stoppable:
    """A server that only counts."""

    def __init__(self, port: int, stopped: list[int]) -> None:
        self.port = port
        self._stopped = stopped

    def stop(self) -> None:
        """Take note."""
        self._stopped.append(self.port)


class BrokersTests(SynchronousTestCase):
    """Which system has which Redis."""

    def test_each_system_has_its_own(self) -> None:
        """From when it is first asked for until the end."""
        stopped: list[int] = []
        ports = count(1)

        def start() -> Any:
            return Stoppable(next(ports), stopped)

        brokers = Brokers(start)
        self.assertEqual([brokers.port(name) for name in ("a", "b", "a")], [1, 2, 1])
        brokers.stop()
        self.assertEqual(sorted(stopped), [1, 2])
        self.assertEqual(brokers.port("a"), 3)


class RoundsTests(SynchronousTestCase):
    """Who is started, measured and stopped, and when."""

    def setUp(self) -> None:
        """Begin a diary."""
        self.diary: list[str] = []

    def test_servers_live_through_all_rounds_and_are_quiet_before_the_next_is_measured(self) -> None:
        """What one leaves behind is not charged to the other."""
        asked = rounds(scenario(), system("sockjsd", self.diary, 1.0, 2.0), system("ws", self.diary, 3.0, 4.0))
        asked.measure(2, 2)
        self.assertEqual(
            self.diary,
            [
                *("sockjsd starts beside 6379", "sockjsd is quiet", "sockjsd is measured", "sockjsd is quiet"),
                *("ws starts beside 6379", "ws is quiet", "ws is measured", "ws is quiet"),
                *("ws is measured", "ws is quiet", "sockjsd is measured", "sockjsd is quiet"),
                *("ws stops", "sockjsd stops"),
            ],
        )

    def test_fresh_servers_live_for_one_measurement(self) -> None:
        """Memory is compared with that of a server that has done nothing yet."""
        rounds(scenario(fresh=True), system("ws", self.diary, 1.0, 2.0)).measure(2, 2)
        self.assertEqual(self.diary, ["ws starts beside 6379", "ws is measured", "ws stops"] * 2)

    def test_first_run_of_who_warms_up_does_not_count(self) -> None:
        """A compiler that works meanwhile would make it another server's."""
        found = rounds(scenario(warm=True), system("ws", self.diary, 1.0, 2.0, 3.0)).measure(2, 2)
        self.assertEqual([result["per_second"] for result in found.rounds["ws"].values()], [2.0, 3.0])
        self.assertEqual(self.diary[1:], [*["ws is quiet", "ws is measured"] * 3, "ws is quiet", "ws stops"])

    def test_what_was_measured_is_kept_by_round(self) -> None:
        """So that neighbours in time can be compared."""
        found = rounds(scenario(), system("ws", self.diary, 1.0, 2.0)).measure(2, 2)
        figures = {number: result["per_second"] for number, result in found.rounds["ws"].items()}
        self.assertEqual(figures, {0: 1.0, 1: 2.0})

    def test_who_cannot_be_had_is_left_out_and_says_why(self) -> None:
        """The others are measured all the same."""
        here, missing = system("ws", self.diary, 1.0), system("nchan", self.diary, missing="no nginx")
        found = rounds(scenario(), here, missing).measure(1, 1)
        self.assertEqual(found.missing, {"nchan": "no nginx"})
        self.assertEqual(list(found.rounds), ["ws"])

    def test_who_fails_is_asked_no_more_and_stopped(self) -> None:
        """A failure is told, and costs the others nothing."""
        failing = system("ws", self.diary, 1.0, RuntimeError("load: 3 of 5 came"))
        found = rounds(scenario(), failing).measure(3, 3)
        self.assertEqual(found.missing, {"ws": "failed: load: 3 of 5 came"})
        self.assertEqual(self.diary.count("ws is measured"), 2)
        self.assertEqual(self.diary[-1], "ws stops")

    def test_who_does_no_such_thing_is_not_asked(self) -> None:
        """A server of sites has no echo."""
        site = System("waitress", "", {Kind.SITE: system("waitress", self.diary).starts[Kind.ECHO]})
        self.assertEqual(rounds(scenario(), site).measure(1, 1).rounds, {})
        self.assertEqual(self.diary, [])

    def test_a_scenario_can_be_for_some_only(self) -> None:
        """The profile of a program in C would say nothing about Python."""
        both = system("sockjsd", self.diary, 1.0), system("ws", self.diary, 1.0)
        found = rounds(scenario(only=("sockjsd",)), *both).measure(1, 1)
        self.assertEqual(list(found.rounds), ["sockjsd"])

    def test_a_scenario_can_need_fewer_rounds(self) -> None:
        """What is counted does not vary."""
        found = rounds(scenario(rounds=1), system("sockjsd", self.diary, 1.0)).measure(5, 3)
        self.assertEqual(list(found.rounds["sockjsd"]), [0])


class DisturbanceTests(SynchronousTestCase):
    """Others who compute meanwhile."""

    def measured(self, neighbours: Neighbours, *figures: float) -> Result:
        """Return the one result of one round."""
        return rounds(scenario(), system("ws", [], *figures), neighbours=neighbours).measure(1, 1).rounds["ws"][0]

    def test_an_undisturbed_measurement_counts_at_once(self) -> None:
        """With what others had of the machine."""
        self.assertEqual(self.measured(Neighbours(0.05), 7.0), {"per_second": 7.0, "others_busy": 0.05})

    def test_a_disturbed_one_is_repeated(self) -> None:
        """The second counts if it was disturbed less."""
        self.assertEqual(self.measured(Neighbours(0.9, 0, 0.2), 3.0, 7.0), {"per_second": 7.0, "others_busy": 0.2})

    def test_it_is_repeated_once(self) -> None:
        """A machine that is never quiet is measured all the same, and the less disturbed one counts."""
        self.assertEqual(self.measured(Neighbours(0.5, 0, 0.8), 3.0, 7.0), {"per_second": 3.0, "others_busy": 0.5})


class TellingTests(SynchronousTestCase):
    """Which scenarios are worth a run."""

    def test_a_scenario_that_compares_is_run(self) -> None:
        """Two systems are enough."""
        systems = {name: system(name, []) for name in ("sockjsd", "ws")}
        self.assertEqual(list(telling({"echo-1": scenario()}, systems)), ["echo-1"])

    def test_a_scenario_with_one_system_is_not(self) -> None:
        """Unless its figure says something alone, as bytes do."""
        systems = {"sockjsd": system("sockjsd", [])}
        self.assertEqual(list(telling({"echo-1": scenario(), "memory": scenario(alone=True)}, systems)), ["memory"])

    def test_a_scenario_that_nobody_is_able_to_do_is_not(self) -> None:
        """However much it would say."""
        self.assertEqual(telling({"memory": scenario(alone=True)}, {}), {})
        self.assertEqual(able(scenario(only=("nobody",)), {"ws": system("ws", [])}), {})


class ProgressTests(SynchronousTestCase):
    """The line that says what is being done."""

    def test_line_has_the_time_and_the_number_of_the_scenario(self) -> None:
        """On a terminal one line is written over and over."""
        stream, times = Terminal(), iter([100.0, 175.0])
        progress = Progress(17, stream, lambda: next(times))
        progress.scenario()
        progress.say("echo-100")
        self.assertEqual(stream.getvalue(), f"\r{'bench 1:15 1/17 echo-100':78}")

    def test_line_is_wiped_out_before_a_table(self) -> None:
        """Nothing of it is left behind."""
        stream = Terminal()
        Progress(1, stream).clear()
        self.assertEqual(stream.getvalue(), f"\r{'':78}\r")

    def test_nothing_is_said_in_a_file(self) -> None:
        """A log is for tables."""
        stream = io.StringIO()
        progress = Progress(1, stream)
        progress.say("echo-100")
        progress.clear()
        self.assertEqual(stream.getvalue(), "")
