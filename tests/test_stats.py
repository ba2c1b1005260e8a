# -*- test-case-name: tests.test_stats -*-
"""The numbers of an endpoint: their arithmetic, and who counts when."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.stats import StatsCollector
from tests.transports.server import Server, WebSocket


class StatsCollectorTests(SynchronousTestCase):
    """Sums and averages."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.sessions = 0
        self.stats = StatsCollector(self.clock, ["websocket", "xhr"], lambda: self.sessions)
        self.stats.sample()

    def run_for(self, seconds: int, *, sent: int = 0, received: int = 0) -> None:
        """Let seconds go by, in each of which so many messages come and go."""
        for _ in range(seconds):
            self.clock.advance(1)
            self.stats.tallies["xhr"].sent += sent
            self.stats.received += received
            self.stats.sample()

    def test_names_are_those_of_sockjs_tornado(self) -> None:
        """Whoever plots them has them by name; a transport that nobody uses has its row."""
        self.assertEqual(
            self.stats.dump(),
            {
                "sessions_active": 0,
                "connections_active": 0,
                "connections_ps": 0.0,
                "packets_sent_ps": 0.0,
                "packets_recv_ps": 0.0,
                "transp_websocket": 0,
                "transp_xhr": 0,
            },
        )

    def test_rates_are_zero_before_time_is_kept(self) -> None:
        """A router can be asked before anybody listens; its clock does not tell the time then."""
        clock = Clock()
        clock.seconds = None  # type: ignore[method-assign,assignment]
        dump = StatsCollector(clock, [], lambda: 0).dump()
        self.assertEqual((dump["connections_ps"], dump["packets_sent_ps"], dump["packets_recv_ps"]), (0.0, 0.0, 0.0))

    def test_connections_are_the_sum_of_all_transports(self) -> None:
        """What has ended is in it no more."""
        self.sessions = 7
        for tally, opened, ended in ((self.stats.tallies["websocket"], 3, 1), (self.stats.tallies["xhr"], 5, 2)):
            for _ in range(opened):
                tally.connected()
            for _ in range(ended):
                tally.disconnected()
        dump = self.stats.dump()
        self.assertEqual((dump["transp_websocket"], dump["transp_xhr"], dump["connections_active"]), (2, 3, 5))
        self.assertEqual(dump["sessions_active"], 7)
        self.assertEqual(dump["connections_ps"], 8.0, "those that ended were connections too")

    def test_steady_rate_is_told_as_it_is(self) -> None:
        """From the first seconds on, and however long it lasts."""
        for seconds in (2, 8, 100):
            self.run_for(seconds, sent=20, received=5)
            dump = self.stats.dump()
            self.assertEqual((dump["packets_sent_ps"], dump["packets_recv_ps"]), (20.0, 5.0))

    def test_burst_is_forgotten_after_ten_seconds(self) -> None:
        """It counts as its tenth until then."""
        self.run_for(20)
        self.run_for(1, sent=50)
        self.run_for(9)
        self.assertEqual(self.stats.dump()["packets_sent_ps"], 5.0)
        self.run_for(1)
        self.assertEqual(self.stats.dump()["packets_sent_ps"], 0.0)

    def test_first_moment_has_no_rate_of_thousands(self) -> None:
        """One message after a millisecond is not a thousand a second."""
        self.clock.advance(0.001)
        self.stats.received += 1
        self.assertEqual(self.stats.dump()["packets_recv_ps"], 1.0)

    def test_stall_is_averaged_over_its_length(self) -> None:
        """The rate stays true when the process slept for a minute."""
        self.run_for(20, received=1)
        self.clock.advance(59)
        self.run_for(1, received=60)
        self.assertEqual(self.stats.dump()["packets_recv_ps"], 1.0)

    def test_long_life_keeps_few_samples(self) -> None:
        """As many as the window has seconds, and one."""
        self.run_for(1000)
        self.assertEqual(len(self.stats._samples), 11)


class CountingTests(SynchronousTestCase):
    """Who counts: the endpoint's own transports."""

    def numbers(self, server: Server, *names: str) -> tuple[int | float, ...]:
        """Return these numbers of the endpoint."""
        dump = server.endpoint.stats.dump()
        return tuple(dump[name] for name in names)

    def test_websocket_counts_from_handshake_to_loss(self) -> None:
        """Framed and raw ones apart."""
        server = Server()
        names = ("sessions_active", "connections_active", "transp_websocket", "transp_raw_websocket")
        framed, raw = WebSocket(server), WebSocket(server, "/websocket")
        self.assertEqual(self.numbers(server, *names), (2, 2, 1, 1))
        framed.client.lose()
        self.assertEqual(self.numbers(server, *names), (1, 1, 0, 1))
        raw.client.lose()
        self.assertEqual(self.numbers(server, *names), (0, 0, 0, 0))

    def test_poll_counts_while_it_waits(self) -> None:
        """Between two polls there is a session and no connection."""
        server = Server()
        names = ("sessions_active", "connections_active", "transp_xhr")
        server.ask("POST", "/0/s/xhr")
        self.assertEqual(self.numbers(server, *names), (1, 0, 0))
        client = server.begin("POST", "/0/s/xhr")
        self.assertEqual(self.numbers(server, *names), (1, 1, 1))
        server.ask("POST", "/0/s/xhr")  # "Another connection still open"
        self.assertEqual(self.numbers(server, *names), (1, 1, 1))
        client.lose()
        self.assertEqual(self.numbers(server, "connections_active"), (0,))

    def test_stream_counts_until_it_ends(self) -> None:
        """By its limit, by a close, or by a client that leaves."""
        server = Server(response_limit=20)
        for path, end in (
            ("/0/a/xhr_streaming", lambda: server.connections[-1].sendMessage("x" * 20)),
            ("/0/b/eventsource", lambda: server.connections[-1].close()),
        ):
            server.begin("POST" if "xhr" in path else "GET", path)
            self.assertEqual(self.numbers(server, "connections_active"), (1,))
            end()
            self.assertEqual(self.numbers(server, "connections_active"), (0,))
        client = server.begin("POST", "/0/c/xhr_streaming")
        client.lose()
        self.assertEqual(self.numbers(server, "connections_active"), (0,))

    def test_messages_count_in_both_directions_on_every_transport(self) -> None:
        """Each message is one, however many share a frame."""
        server = Server()
        names = ("packets_recv_ps", "packets_sent_ps")
        framed, raw = WebSocket(server), WebSocket(server, "/websocket")
        framed.send('["a","b"]')
        raw.send("c")
        self.assertEqual(self.numbers(server, *names), (3, 3))
        server.ask("POST", "/0/s/xhr")
        server.ask("POST", "/0/s/xhr_send", b'["d","e"]')
        self.assertEqual(self.numbers(server, *names), (5, 3), "they wait for a poll")
        server.ask("POST", "/0/s/xhr")
        server.begin("POST", "/0/t/xhr_streaming")
        server.ask("POST", "/0/t/xhr_send", b'["f"]')
        self.assertEqual(self.numbers(server, *names), (6, 6))

    def test_averages_move_with_the_wheel(self) -> None:
        """The endpoint's wheel takes the samples."""
        server = Server()
        WebSocket(server).send('["a"]')
        server.advance(5)
        self.assertAlmostEqual(self.numbers(server, "packets_recv_ps")[0], 0.2)
        server.advance(7)
        self.assertEqual(self.numbers(server, "packets_recv_ps", "connections_ps"), (0.0, 0.0))
