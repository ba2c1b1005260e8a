# -*- test-case-name: tests.test_fanout -*-
"""What both functions take and refuse; what they do to sockets is in ``functional/test_fanout_sockets.py``."""

from __future__ import annotations

import errno
import gc
import importlib.util
import os
import sys
import tempfile
from array import array
from collections.abc import Iterator, MutableMapping
from typing import Any
from unittest import SkipTest, TestCase

from sockjsd import fanout
from sockjsd.fanout import PURE, SendMany, choose, send_many_pure

INT_MAX = 2**31 - 1


class Number:
    """An integer to whoever asks for one; asking empties the list *asked*."""

    def __init__(self, value: int, asked: list[int] | None = None) -> None:
        self.value = value
        self.asked = asked

    def __index__(self) -> int:
        if self.asked is not None:
            self.asked.clear()
        return self.value


class Broken:
    """What fails when it is asked for its number."""

    def __index__(self) -> int:
        raise LookupError("no number")


def compiled_send_many() -> SendMany:
    """The function in C.

    :raises SkipTest: it was not built.
    :raises AssertionError: the same, where ``CI`` is set: in CI nothing may be skipped.
    """
    compiled = choose({})
    if compiled is not send_many_pure:
        return compiled
    reason = "sockjsd._fanout was not built: pip install -e . builds it where there is a C compiler"
    raise AssertionError(reason) if os.environ.get("CI") else SkipTest(reason)


class PureArgumentTests(TestCase):
    """What can be asked for, of the function in Python."""

    def setUp(self) -> None:
        """Open a file: a descriptor that no test can do harm to, and that is not a socket."""
        self.send_many = self.subject()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.fd = os.open(f"{folder.name}/file", os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, self.fd)

    def subject(self) -> SendMany:
        """The function that the tests are about."""
        return send_many_pure

    def assert_results(self, expected: list[int], fds: object, data: object = b"x") -> None:
        """Check what *fds* and *data*, which need not be of the right types, result in."""
        results = self.send_many(fds, data)  # type: ignore[arg-type]
        self.assertEqual(expected, results)

    def assert_refused(self, error: type[Exception], fds: object, data: object = b"x") -> None:
        """Check that *fds* and *data* are refused with *error*."""
        with self.assertRaises(error):
            self.send_many(fds, data)  # type: ignore[arg-type]

    def test_nobody_has_no_results(self) -> None:
        """An empty list is a list."""
        self.assert_results([], [])
        self.assert_results([], ())

    def test_result_is_negative_errno_when_descriptor_is_bad(self) -> None:
        """A closed socket's -1, a number never given out, and a file are failures of one receiver, not of the call."""
        unused = INT_MAX
        expected = [-errno.EBADF, -errno.EBADF, -errno.ENOTSOCK, -errno.EBADF]
        self.assert_results(expected, [-1, unused, self.fd, -(2**31)])
        self.assert_results(expected, [-1, unused, self.fd, -(2**31)], b"")

    def test_file_stays_open_after_failure(self) -> None:
        """A descriptor is borrowed, also where it turns out to be the wrong kind."""
        self.assert_results([-errno.ENOTSOCK] * 3, [self.fd] * 3)
        os.fstat(self.fd)

    def test_fds_are_any_iterable_of_integers(self) -> None:
        """What a caller has at hand: a tuple, a generator, the values of a dict, an array."""
        numbers: Iterator[int] = (fd for fd in (-1, self.fd))
        for fds in (
            (-1, self.fd),
            numbers,
            {"a": -1, "b": self.fd}.values(),
            array("i", [-1, self.fd]),
            [Number(-1), Number(self.fd)],
        ):
            self.assert_results([-errno.EBADF, -errno.ENOTSOCK], fds)

    def test_fds_are_refused_when_not_iterable(self) -> None:
        """Not a single descriptor, not nothing."""
        for fds in (self.fd, None, 1.5):
            self.assert_refused(TypeError, fds)

    def test_descriptor_is_refused_when_no_integer(self) -> None:
        """Not a float, not text, not the file itself."""
        for item in (1.0, "1", None, b"1", sys.stdin):
            self.assert_refused(TypeError, [self.fd, item])

    def test_descriptor_is_refused_when_too_large(self) -> None:
        """The kernel would look at the lower bits, and another receiver would get the data."""
        for item in (INT_MAX + 1, 2**32, 2**32 + self.fd, 2**63, 2**64 + self.fd, -(2**31) - 1, -(2**80)):
            self.assert_refused(OverflowError, [self.fd, item])

    def test_error_of_item_is_the_callers(self) -> None:
        """What a descriptor's own code raises is not hidden."""
        self.assert_refused(LookupError, [self.fd, Broken()])

    def test_list_may_change_while_it_is_read(self) -> None:
        """The descriptors are those that the list had when the call began."""
        fds: list[int] = []
        fds += [-1, Number(self.fd, fds), -1]  # type: ignore[list-item]
        self.assert_results([-errno.EBADF, -errno.ENOTSOCK, -errno.EBADF], fds)
        self.assert_results([], fds)

    def test_data_is_refused_when_not_bytes(self) -> None:
        """Text has no encoding here, and other threads could change the others while they are sent."""
        for data in ("x", bytearray(b"x"), memoryview(b"x"), array("b", [1]), None, 1, [b"x"]):
            self.assert_refused(TypeError, [self.fd], data)

    def test_data_may_be_of_class_that_extends_bytes(self) -> None:
        """It cannot change either."""
        self.assert_results([-errno.ENOTSOCK], [self.fd], type("Payload", (bytes,), {})(b"x"))

    def test_call_is_refused_when_arguments_are_not_two(self) -> None:
        """Neither fewer nor more, and none by its name."""
        for arguments, named in (((), {}), (([],), {}), (([], b"x", 0), {}), (([],), {"data": b"x"})):
            with self.assertRaises(TypeError):
                self.send_many(*arguments, **named)

    def test_nothing_is_kept_after_calls(self) -> None:
        """Many calls, good and refused, leave no object behind and no reference to what was passed."""
        good = [self.fd, 1000 + INT_MAX // 2]
        wrong: list[object] = [self.fd, "text"]
        data = b"a message of its own" * 3
        passed = (good, wrong, data, good[1], wrong[1])

        def use() -> None:
            self.send_many(good, data)
            for fds, payload in ((wrong, data), (good, good), (1, data), ([2**70], data), ([Broken()], data)):
                with self.assertRaises((TypeError, OverflowError, LookupError)):
                    self.send_many(fds, payload)  # type: ignore[arg-type]

        def held() -> tuple[int, list[int]]:
            gc.collect()
            return sys.getallocatedblocks(), [sys.getrefcount(item) for item in passed]

        use()
        blocks, references = held()
        for _ in range(200):
            use()
        blocks_after, references_after = held()
        self.assertEqual(references, references_after)
        # A leak would be 200 or more; caches of the interpreter are not.
        self.assertLess(blocks_after - blocks, 100)


class CompiledArgumentTests(PureArgumentTests):
    """The same, of the function in C."""

    def subject(self) -> SendMany:
        """The function that the tests are about."""
        return compiled_send_many()


class ChoiceTests(TestCase):
    """Which of the two a process has."""

    def put(self, mapping: MutableMapping[str, Any], name: str, value: object) -> None:
        """Set an entry of *mapping* until the test is over."""
        self.addCleanup(mapping.update, {name: mapping[name]} if name in mapping else {})
        self.addCleanup(mapping.pop, name, None)  # runs before the line above
        mapping[name] = value

    def test_python_is_chosen_when_environment_asks(self) -> None:
        """``SOCKJSD_PURE=1`` wins over what was built."""
        self.assertIs(send_many_pure, choose({PURE: "1"}))

    def test_environment_asks_with_1_only(self) -> None:
        """An empty variable, or 0, is how one takes the wish back."""
        for value in ("", "0"):
            self.assertIs(choose({}), choose({PURE: value}))

    def test_python_is_chosen_when_nothing_was_built(self) -> None:
        """A missing compiler is no failure."""
        # An import of what is None here fails.
        self.put(sys.modules, "sockjsd._fanout", None)
        self.assertIs(send_many_pure, choose({}))

    def test_module_says_which_it_has(self) -> None:
        """``COMPILED`` is for the log, and fits the function."""
        self.assertEqual(fanout.send_many is not send_many_pure, fanout.COMPILED)

    def test_module_asks_the_environment_of_its_process(self) -> None:
        """What the daemon was started with counts."""
        self.put(os.environ, PURE, "1")
        spec = importlib.util.find_spec("sockjsd.fanout")
        assert spec and spec.loader
        another = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(another)
        self.assertIs(False, another.COMPILED)
