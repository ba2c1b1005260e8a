# -*- test-case-name: tests.benchmarks.test_catalog -*-
"""The rows fit together: systems, scenarios, clients, the command line, the load's words."""

from __future__ import annotations

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks import ceiling, native, node, own, pythons
from benchmarks.__main__ import chosen
from benchmarks.catalog import BASE, DEFAULT, PAIRED, SYSTEMS
from benchmarks.install import PEERS
from benchmarks.loading import triggers, words
from benchmarks.scenarios import SCENARIOS
from benchmarks.systems import Kind, Running
from benchmarks.wire import Client


class CatalogTests(SynchronousTestCase):
    """Who there is."""

    def test_names_are_those_of_the_systems(self) -> None:
        """And all that are named elsewhere are there."""
        for name, system in SYSTEMS.items():
            self.assertEqual(name, system.name)
            self.assertTrue(system.about and system.starts, name)
        for name in (BASE, *DEFAULT, *PAIRED):
            self.assertIn(name, SYSTEMS)

    def test_pairs_are_neighbours(self) -> None:
        """In the order in which all are measured."""
        places = sorted(list(SYSTEMS).index(name) for name in PAIRED)
        self.assertEqual(places, list(range(places[0], places[0] + len(PAIRED))))

    def test_ours_takes_part_in_everything(self) -> None:
        """Every scenario has ours, and every kind a scenario."""
        self.assertEqual(set(SYSTEMS[BASE].starts), set(Kind))
        self.assertEqual({scenario.kind for scenario in SCENARIOS.values()}, set(Kind))

    def test_the_ceiling_knows_every_load(self) -> None:
        """Each has a client of the right kind."""
        for kind, _, _ in ceiling.KINDS.values():
            self.assertIn(kind, own.CLIENTS)

    def test_lines_of_the_ceiling_tell_both_cores(self) -> None:
        """So that one sees who was the limit."""
        reached = {"echo": {"per_second": 250_000.0, "load_busy": 0.9, "server_busy": 0.98}}
        [line] = ceiling.lines(reached)
        self.assertIn("250,000 messages/s of 100 clients", line)
        self.assertIn("load 90% busy, server's core 98%", line)


class TriggerTests(SynchronousTestCase):
    """What is sent for publications at once."""

    def test_burst_is_the_trigger_many_times(self) -> None:
        """Also of one."""
        running = Running(None, trigger=b"T")  # type: ignore[arg-type]  # nothing runs
        self.assertEqual([triggers(running, 1), triggers(running, 100)], [(b"T", 1), (b"T", 100)])

    def test_burst_may_be_one_trigger_of_its_own(self) -> None:
        """Not that of a single publication."""
        running = Running(None, trigger=b"T", together=lambda count: b"(" + b"T" * count + b")")  # type: ignore[arg-type]
        self.assertEqual([triggers(running, 1), triggers(running, 3)], [(b"T", 1), (b"(TTT)", 1)])


class ClientsTests(SynchronousTestCase):
    """What clients of socket.io and Centrifugo say once they are through the door."""

    def test_socket_io_connects_to_its_namespace(self) -> None:
        """Packet 40, and it is connected when that is answered."""
        client = node._SOCKET_IO[Kind.ECHO]
        self.assertEqual(client.after[0][-2:], b"40")
        self.assertEqual(client.opened, '40{"sid"')
        self.assertIn(b'42["message", "x', client.message)

    def test_every_set_of_rooms_has_its_clients(self) -> None:
        """One way to begin for each."""
        clients: list[Client] = [
            own.CLIENTS[Kind.ROOMS],
            node._SOCKET_IO[Kind.ROOMS],
            pythons._CHANNELS[Kind.ROOMS],
            native._NCHAN[Kind.ROOMS][1],
        ]
        for client in clients:
            self.assertEqual(len(set(client.hello)), 100)
            self.assertLess(max(map(len, client.hello)), 1000)

    def test_centrifugo_subscribes_and_waits_for_the_last_answer(self) -> None:
        """Fifty channels are commands 2 to 51."""
        client = native._CENTRIFUGO[Kind.ROOMS][1]
        self.assertEqual(client.opened, '{"id":51,"subscribe":')
        frame = client.after[0]
        commands = [json.loads(line) for line in frame[8:].split(b"\n")]
        self.assertEqual(commands[0], {"id": 1, "connect": {}})
        self.assertEqual([command["id"] for command in commands], list(range(1, 52)))


class PeersTests(SynchronousTestCase):
    """The files of the peers."""

    def test_packages_are_pinned(self) -> None:
        """The same today and tomorrow."""
        packages = json.loads((PEERS / "package.json").read_text())["dependencies"]
        self.assertTrue(all(version[0].isdigit() for version in packages.values()), packages)
        lines = (PEERS / "requirements.txt").read_text().splitlines()
        self.assertTrue(all("==" in line for line in lines if not line.startswith("#")), lines)

    def test_configuration_of_nginx_is_filled_in(self) -> None:
        """No brace with a name in it is left."""
        text = native._nginx_conf(8000, Path("/tmp/x"), Path("/lib/nchan.so"))
        self.assertIn("listen 127.0.0.1:8000 ", text)
        self.assertIn("load_module /lib/nchan.so;", text)
        self.assertNotRegex(text.partition("\nload_module")[2], r"\{\w+\}")


class CommandLineTests(SynchronousTestCase):
    """What was asked for, and how it reaches the load."""

    def test_names_are_chosen_in_the_order_they_are_given(self) -> None:
        """Separated by commas."""
        self.assertEqual(chosen("b,a", {"a": 1, "b": 2, "c": 3}), {"b": 2, "a": 1})

    def test_all_is_everything(self) -> None:
        """In the order that it has."""
        self.assertEqual(list(chosen("all", {"b": 2, "a": 1})), ["b", "a"])

    def test_an_unknown_name_ends_with_those_that_there_are(self) -> None:
        """One sentence."""
        error = self.assertRaises(SystemExit, chosen, "x", {"a": 1, "b": 2})
        self.assertEqual(error.code, "bench: there is no x; there are a, b, all")

    def test_bytes_reach_the_load_as_files(self) -> None:
        """And a list as one word for each."""
        port, first, second = words(port=80, request=[b"one", b"two"])
        self.assertEqual(port, "port=80")
        self.assertEqual(
            [Path(word.removeprefix("request=")).read_bytes() for word in (first, second)], [b"one", b"two"]
        )

    def test_what_is_not_given_is_no_word(self) -> None:
        """An empty list says nothing."""
        self.assertEqual(words(after=[]), [])
