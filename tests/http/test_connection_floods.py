# -*- test-case-name: tests.http.test_connection_floods -*-
"""One connection: clients that send much and read little cost no memory."""

from __future__ import annotations

from sockjsd.http.limits import Limits
from tests.http.memory import request
from tests.http.served import ConnectionTestCase


class FloodTests(ConnectionTestCase):
    """Neither requests nor answers pile up."""

    limits = Limits(pipeline_limit=2)

    def test_flood_behind_slow_answer_is_not_parsed(self) -> None:
        """Parsed, one read of tiny requests would be megabytes of objects."""
        self.client.send(request(target="/held") + b"GET /echo HTTP/1.1\r\nHost:\r\n\r\n" * 2000)
        self.assertLess(self.server.routed, 100)
        self.assertTrue(self.client.paused)
        self.server.answer()
        self.assertEqual(len(self.client.answers()), 2001)
        self.assertFalse(self.client.paused)

    def test_client_that_reads_nothing_is_answered_no_further(self) -> None:
        """Its answers would pile up; when it reads, it gets them all, in order."""
        self.client.block()
        for number in range(50):
            self.client.send(request(target=f"/echo/{number}"))
        self.assertEqual(self.client.received(), b"")
        self.assertTrue(self.client.paused)
        self.assertLess(self.server.routed, 10)
        self.client.unblock()
        self.assert_bodies(*(b"GET /echo/%d " % number for number in range(50)))
        self.assertFalse(self.client.paused)

    def test_client_that_reads_some_is_answered_some(self) -> None:
        """One answer after the other, each time it makes room for one."""
        self.client.send(request(target="/held") * 3)
        for number in (b"1", b"2", b"3"):
            self.client.block()
            self.server.answer(number)
            self.assertEqual(self.server.held, [])
            self.client.unblock()
        self.assert_bodies(b"1", b"2", b"3")

    def test_client_that_reads_nothing_is_cut_in_time(self) -> None:
        """However much it sends."""
        self.client.block()
        for _ in range(40):
            self.client.send(request(target="/echo") * 10)
            self.client.advance(1)
        self.assertTrue(self.client.aborted)
        self.assertTrue(self.client.closed)

    def test_stopping_server_answers_what_was_asked(self) -> None:
        """Also a client that reads late, and is told that the last answer is one."""
        self.client.block()
        self.client.send(request(target="/echo") * 2)
        self.client.factory.drain()
        self.client.unblock()
        self.assertEqual([answer.fields.get("connection") for answer in self.client.answers()], [None, "close"])
        self.assertTrue(self.client.closed)
