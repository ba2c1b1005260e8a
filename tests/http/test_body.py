# -*- test-case-name: tests.http.test_body -*-
"""A request's body on its way in."""

from __future__ import annotations

import tempfile
import tracemalloc

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.errors import HTTPError
from sockjsd.http import body as body_module
from sockjsd.http.body import Body
from sockjsd.http.exchange import Exchange
from sockjsd.http.headers import Headers
from sockjsd.http.limits import BodyPolicy
from sockjsd.http.rules import check
from sockjsd.pool import Budget
from tests.http.fakes import FullDisk, Wire


def empty_exchange() -> Exchange:
    """Return a request that has got no body yet."""
    return Exchange(check("POST", "/", "1.1", Headers.of([("Host", "a")])), Wire())


class BodyTests(SynchronousTestCase):
    """Bodies that are kept, spooled, refused."""

    def assert_refused(self, status: int, policy: BodyPolicy, *pieces: bytes, length: int | None = None) -> None:
        """The last of *pieces* is refused, or the declared *length* where there are none."""
        with self.assertRaises(HTTPError) as caught:
            body = Body(policy, length)
            for number, piece in enumerate(pieces, 1):
                self.addCleanup(body.close)
                body.add(piece)
                self.assertLess(number, len(pieces))
        self.assertEqual(caught.exception.status, status)
        self.assertTrue(caught.exception.close)

    def test_body_is_handed_over_in_one_piece(self) -> None:
        """As bytes."""
        exchange = empty_exchange()
        body = Body(BodyPolicy(10), None)
        for piece in (b"abc", b"", b"defghij"):
            body.add(piece)
        body.give_to(exchange)
        self.assertEqual((exchange.body, exchange.file), (b"abcdefghij", None))
        body.close()

    def test_large_body_is_refused(self) -> None:
        """Before it comes, where its length is declared; else when it has grown too large."""
        self.assert_refused(413, BodyPolicy(10), length=11)
        self.assert_refused(413, BodyPolicy(10), b"x" * 10, b"x")
        self.assert_refused(413, BodyPolicy(10, memory=5), b"x" * 10, b"x")

    def test_declared_body_of_just_the_limit_is_welcome(self) -> None:
        """The limit is the last length that is accepted."""
        Body(BodyPolicy(10), 10).add(b"x" * 10)

    def test_body_is_spooled(self) -> None:
        """The file stands at its beginning, whether it is on disk or not."""
        for size in (3, 300):
            exchange = empty_exchange()
            body = Body(BodyPolicy(1000, memory=30), size)
            body.add(b"x" * size)
            body.give_to(exchange)
            body.close()
            file = exchange.file
            assert file is not None
            self.assertEqual((exchange.body, file.read()), (b"", b"x" * size))
            file.close()

    def test_memory_is_bounded(self) -> None:
        """What is beyond it is on disk: all of it, once there is more than that."""
        budget = Budget()
        body = Body(BodyPolicy(1000, 30, budget), 300)
        self.addCleanup(body.close)
        body.add(b"x" * 30)
        self.assertEqual(budget.used, 0)
        body.add(b"y")
        self.assertEqual(budget.used, 31)
        exchange = empty_exchange()
        body.give_to(exchange)
        assert exchange.file is not None
        self.assertEqual(exchange.file.read(), b"x" * 30 + b"y")
        exchange.file.close()

    def test_disk_is_free_again_in_every_ending(self) -> None:
        """Whether the body was forgotten, or handed over and closed."""
        budget = Budget()
        for handed_over in (False, True):
            body = Body(BodyPolicy(1000, 3, budget), None)
            body.add(b"xxxx")
            self.assertEqual(budget.used, 4)
            exchange = empty_exchange()
            if handed_over:
                body.give_to(exchange)
            body.close()
            self.assertEqual(budget.used, 4 if handed_over else 0)
            if exchange.file is not None:
                exchange.file.close()
            self.assertEqual(budget.used, 0)

    def test_all_bodies_together_are_bounded(self) -> None:
        """By 503: as soon as a declared length does not fit any more, else when the room is used up."""
        budget = Budget(100)
        policy = BodyPolicy(1000, 30, budget)
        first = Body(policy, 60)
        first.add(b"x" * 60)
        self.assert_refused(503, policy, length=41)
        self.assert_refused(503, policy, b"x" * 40, b"x")
        first.close()
        self.assertEqual(budget.used, 40)  # the refused one's, until its connection drops it
        self.assert_refused(503, policy, length=61)
        Body(policy, 60).close()

    def test_small_body_needs_no_room_on_disk(self) -> None:
        """It is welcome while large ones fill it."""
        policy = BodyPolicy(1000, 30, Budget(0))
        body = Body(policy, 30)
        body.add(b"x" * 30)
        self.assert_refused(503, policy, length=31)

    def test_full_disk_is_told_to_client_and_log(self) -> None:
        """The client hears 500, the log why."""
        self.patch(tempfile, "tempdir", "/nowhere")
        self.assert_refused(500, BodyPolicy(1000, memory=3), b"xxxx")
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_disk_that_is_full_at_the_end_is_told_too(self) -> None:
        """The last bytes are written when the body is handed over; what cannot be is closed all the same."""
        file = FullDisk()
        self.patch(body_module, "open_spool", lambda budget: file)
        body = Body(BodyPolicy(1000, memory=3), None)
        body.add(b"xxxx")
        with self.assertRaises(HTTPError) as caught:
            body.give_to(empty_exchange())
        self.assertEqual(caught.exception.status, 500)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        body.close()
        self.assertTrue(file.closed)

    def test_small_pieces_cost_no_more_than_large_ones(self) -> None:
        """A client chooses the size of its chunks."""
        tracemalloc.start()
        body = Body(BodyPolicy(100_000), None)
        for number in range(50_000):
            body.add(number.to_bytes(2, "big"))
        taken = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        self.assertLess(taken, 200_000)
