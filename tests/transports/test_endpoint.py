# -*- test-case-name: tests.transports.test_endpoint -*-
"""An endpoint at run time: what it makes of its options."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.transports.server import Server


class EndpointTests(SynchronousTestCase):
    """The endpoint's own part; the rest is in the tests of its URLs."""

    def test_endpoint_offers_its_transports_only(self) -> None:
        """What is switched off is not offered."""
        endpoint = Server(transports=("xhr", "jsonp")).endpoint
        self.assertTrue(endpoint.offers("xhr"))
        self.assertTrue(endpoint.offers("jsonp"))
        self.assertFalse(endpoint.offers("websocket"))

    def test_numbers_reach_sessions(self) -> None:
        """Heartbeat, delay and limit are those of the options."""
        server = Server(heartbeat=3, disconnect_delay=2, session_limit=1)
        poll = server.begin("POST", "/0/s/xhr_streaming")
        poll.received()
        self.assertEqual(503, server.ask("POST", "/0/t/xhr").status)
        poll.advance(3.5)
        self.assertIn(b"h\n", poll.received())
        poll.lose()
        poll.advance(2.5)
        self.assertEqual(0, server.count)

    def test_output_limit_ends_session_that_is_too_slow(self) -> None:
        """What waits for a receiver is bounded in bytes."""
        server = Server(output_limit=10)
        server.ask("POST", "/0/s/xhr")
        server.connections[0].sendMessage("x" * 9)
        self.assertEqual(["made", "lost 3008 Connection too slow"], server.events)

    def test_what_never_changes_expires_in_a_year(self) -> None:
        """Section "IFrame page": from the clock's present time."""
        self.assertEqual(b"Expires: Mon, 06 Nov 1995 08:49:37 GMT\r\n", Server().endpoint.expires.now())
