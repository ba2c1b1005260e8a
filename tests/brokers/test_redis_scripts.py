# -*- test-case-name: tests.brokers.test_redis_scripts -*-
"""Tests for sockjsd.brokers._redis_scripts."""

from __future__ import annotations

from hashlib import sha1
from itertools import chain
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers import _redis_scripts
from sockjsd.brokers._redis_scripts import Call, Script, script

FOLDER = Path(_redis_scripts.__file__).parent / "lua"


class ScriptTests(SynchronousTestCase):
    """The files and what is made of them."""

    def test_every_file_is_used(self) -> None:
        """Each is a script, or stands in front of one."""
        used = {*_redis_scripts._PRELUDES, *chain.from_iterable(_redis_scripts._PRELUDES.values())}
        self.assertEqual({path.stem for path in FOLDER.iterdir()}, used)

    def test_script_has_its_shared_beginning(self) -> None:
        """The text is all files in their order, and the hash is Redis's."""
        for name, parts in (("presence", ("leases", "presence")), ("renew", ("epoch", "position", "renew"))):
            text = b"\n".join((FOLDER / f"{part}.lua").read_bytes() for part in parts)
            self.assertEqual(script(name), Script(text, sha1(text).hexdigest().encode()))

    def test_script_is_read_once(self) -> None:
        """Each call of it uses the same object; there is none of another name."""
        self.assertIs(script("publish"), script("publish"))
        self.assertRaises(KeyError, script, "position")

    def test_call_is_words_in_two_forms(self) -> None:
        """By the hash, or by the text, with the number of keys."""
        call = Call(Script(b"text", b"hash"), (b"k1", b"k2"), (b"a",))
        self.assertEqual(call.by_hash, (b"EVALSHA", b"hash", b"2", b"k1", b"k2", b"a"))
        self.assertEqual(call.by_text, (b"EVAL", b"text", b"2", b"k1", b"k2", b"a"))
