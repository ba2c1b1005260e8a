# -*- test-case-name: tests.test_proto -*-
"""The names that users of sockjs-cyclone import."""

from __future__ import annotations

from unittest import TestCase

from sockjsd import proto


class ProtoTests(TestCase):
    """Frames as text, and JSON."""

    def test_json_goes_there_and_back(self) -> None:
        """Without white space, which costs bytes."""
        data = {"a": [1, 2.5, None, True], "é": "\u2028"}
        text = proto.json_encode(data)
        self.assertEqual((proto.json_decode(text), proto.json_decode(text.encode())), (data, data))
        self.assertNotIn(" ", proto.json_encode({"a": [1, 2]}))

    def test_what_is_no_json_is_refused(self) -> None:
        """In both directions."""
        with self.assertRaises(TypeError):
            proto.json_encode(object())
        with self.assertRaises(ValueError):
            proto.json_decode("{")

    def test_frames_are_those_of_the_protocol(self) -> None:
        """Reasons and messages may hold any character."""
        self.assertEqual((proto.CONNECT, proto.HEARTBEAT), ("o", "h"))
        self.assertEqual(proto.disconnect(3000, 'Go "away"!'), 'c[3000,"Go \\"away\\"!"]')
        self.assertEqual(proto.message("a", "b\n"), 'a["a","b\\n"]')
        self.assertTrue(proto.disconnect(1, "").startswith(proto.DISCONNECT))
        self.assertTrue(proto.message().startswith(proto.MESSAGE))
