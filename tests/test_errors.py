# -*- test-case-name: tests.test_errors -*-
"""The tree of errors: what is shown on top of the file is what is there."""

from __future__ import annotations

import pickle
import re
from unittest import TestCase

from sockjsd import errors
from sockjsd.errors import (
    BrokerUnavailable,
    ConfigurationError,
    HTTPError,
    NotAllPublished,
    PayloadError,
    PeerError,
    PublishError,
    SockjsdError,
    WebSocketError,
)

#: A line of the drawing: what stands before the name, and the name.
_BRANCH = re.compile(r"^    ([│├└─ ]*)([A-Z]\w+)", re.MULTILINE)


def drawn() -> list[tuple[str, str]]:
    """Return each class of the drawing with the one above it."""
    above: dict[int, str] = {-1: "Exception"}
    pairs = []
    for indent, name in _BRANCH.findall(errors.__doc__ or ""):
        depth = len(indent) // 4
        above[depth] = name
        pairs.append((name, above[depth - 1]))
    return pairs


class TreeTests(TestCase):
    """One tree."""

    def test_drawing_is_true(self) -> None:
        """Every class is drawn, below the class that it inherits from."""
        classes = {name: kind.__bases__[0].__name__ for name, kind in vars(errors).items() if isinstance(kind, type)}
        self.assertEqual(dict(drawn()), classes)
        self.assertEqual(len(drawn()), len(classes))

    def test_every_class_has_a_status(self) -> None:
        """So that whoever answers over HTTP need not know them all; a peer's fault is never ours."""
        self.assertEqual(SockjsdError.status, 500)
        self.assertEqual(PeerError.status, 400)
        self.assertEqual(PublishError.status, 503)
        self.assertEqual(BrokerUnavailable.status, 503)


class ConfigurationErrorTests(TestCase):
    """Where a configuration is wrong."""

    def test_place_stands_in_front(self) -> None:
        """As much of it as there is."""
        self.assertEqual(str(ConfigurationError("bad value")), "bad value")
        self.assertEqual(str(ConfigurationError("bad value", "site.ini")), "site.ini: bad value")
        self.assertEqual(str(ConfigurationError("bad value", "site.ini", 7)), "site.ini:7: bad value")

    def test_parts_can_be_read(self) -> None:
        """For a program that shows them in its own way."""
        error = ConfigurationError("bad value", "site.ini", 7)
        self.assertEqual((error.problem, error.file, error.line), ("bad value", "site.ini", 7))


class NotAllPublishedTests(TestCase):
    """What became of many."""

    def test_error_says_how_many_and_keeps_which(self) -> None:
        """And why the first of them did not go out."""
        errors: dict[int, Exception] = {1: BrokerUnavailable("OOM"), 4: BrokerUnavailable("WRONGTYPE")}
        error = NotAllPublished(errors, 9)
        self.assertEqual((error.errors, str(error)), (errors, "2 of 9 publications did not go out: OOM"))

    def test_error_goes_from_one_process_to_another(self) -> None:
        """From a worker to whoever waits for its result, as what it is."""
        error = pickle.loads(pickle.dumps(NotAllPublished({1: BrokerUnavailable("OOM")}, 9)))
        self.assertEqual((list(error.errors), str(error)), ([1], "1 of 9 publications did not go out: OOM"))


class PeerErrorTests(TestCase):
    """What the other end did wrong."""

    def test_http_error_says_how_to_answer(self) -> None:
        """The connection ends, unless somebody knows better."""
        error = HTTPError(413, "Too much")
        self.assertEqual((error.status, error.reason, error.close, str(error)), (413, "Too much", True, "Too much"))
        self.assertFalse(HTTPError(404, "Not found", close=False).close)

    def test_payload_error_is_500_as_the_text_wants(self) -> None:
        """Another status where the text says nothing."""
        error = PayloadError("Payload expected.")
        self.assertEqual((error.status, error.reason, str(error)), (500, "Payload expected.", "Payload expected."))
        self.assertEqual(PayloadError("Too much", status=413).status, 413)

    def test_websocket_error_carries_the_close_code(self) -> None:
        """And what stands in the close frame."""
        error = WebSocketError(1009, "message too big")
        self.assertEqual((error.code, error.reason, str(error)), (1009, "message too big", "message too big"))
