# -*- test-case-name: tests.endpoints.test_protocol -*-
"""The rows for clients that speak the client protocol over plain requests."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.endpoints.protocol_server import ProtocolServer


class RowsTests(SynchronousTestCase):
    """The URLs."""

    def test_urls_are_below_the_prefix(self) -> None:
        """But the way back, whose place SDKs know."""
        server = ProtocolServer(prefix="/rt")
        for path in ("/rt/http_stream", "/rt/sse", "/rt/uni_sse", "/emulation"):
            with self.subTest(path):
                self.assertEqual(400, server.ask("POST", path, b" ").status)
        for path in ("/connection/sse", "/rt", "/rt/sse/", "/rt/emulation", "/emulation/x"):
            with self.subTest(path):
                self.assertEqual(404, server.ask("POST", path, b" ").status)

    def test_options_reach_the_endpoints(self) -> None:
        """Each is in the status page under its path."""
        server = ProtocolServer(output_limit=5000, message_limit=1000, session_limit=7, ping_interval=20.0)
        paths = {endpoint.options.prefix for endpoint in server.endpoints}
        self.assertEqual({"/connection/http_stream", "/connection/sse", "/connection/uni_sse"}, paths)
        for endpoint in server.endpoints:
            options = endpoint.options
            self.assertEqual((5000, 1000, 7), (options.output_limit, options.send_limit, options.session_limit))
            self.assertEqual(20.0, options.heartbeat)
