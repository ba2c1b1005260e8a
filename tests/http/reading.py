"""What a reader finds in what it is fed, and whether llhttp alone would find the same."""

from __future__ import annotations

from collections.abc import Callable
from unittest import TestCase

from sockjsd.errors import HTTPError
from sockjsd.http.limits import Limits
from sockjsd.http.parser import Parser
from sockjsd.http.reader import Reader
from sockjsd.http.rules import Head


class Requests:
    """What a reader found: a request is its method, its URI, and its body."""

    def __init__(self) -> None:
        self.heads: list[Head] = []
        self.found: list[tuple[str, str, bytes]] = []
        self.upgrades: list[bool] = []
        self._body = b""

    def head_received(self, head: Head) -> None:
        self.heads.append(head)

    def body_received(self, data: bytes) -> None:
        self._body += data

    def request_received(self, *, upgrade: bool) -> None:
        head = self.heads[-1]
        self.found.append((head.method, head.uri, self._body))
        self.upgrades.append(upgrade)
        self._body = b""


def read(text: str, limits: Limits | None = None, *, bytewise: bool = False) -> Requests:
    """Return what stands in *text* (Latin-1); raises what the reader raises."""
    sink = Requests()
    reader = Reader(limits or Limits(), sink)
    data = text.encode("latin-1")
    for piece in [data[i : i + 1] for i in range(len(data))] if bytewise else [data]:
        reader.feed(piece)
    return sink


class ReaderTestCase(TestCase):
    """A test case that compares a reader with llhttp."""

    def assert_as_llhttp(self, *texts: str, limits: Limits | None = None) -> None:
        """Feed *texts* (Latin-1), one after the other; what is found is what llhttp alone would find, or refuse."""
        feeds = [text.encode("latin-1") for text in texts]
        expected, found = Requests(), Requests()
        outcome = self.outcome(Parser(limits or Limits(), expected).feed, feeds)
        self.assertEqual(self.outcome(Reader(limits or Limits(), found).feed, feeds), outcome)
        self.assertEqual(
            (found.found, found.heads, found.upgrades), (expected.found, expected.heads, expected.upgrades)
        )

    def outcome(self, feed: Callable[[bytes], bytes], feeds: list[bytes]) -> list[bytes | int]:
        """Return what each call returned, and the status with which it ended, if it did."""
        returned: list[bytes | int] = []
        try:
            for data in feeds:
                returned.append(feed(data))
        except HTTPError as error:
            returned.append(error.status)
        return returned
