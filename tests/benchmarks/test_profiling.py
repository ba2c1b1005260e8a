# -*- test-case-name: tests.benchmarks.test_profiling -*-
"""To whom a sample of the stack is booked."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.profiling import Frame, booked, libraries, shares

MAIN = "0x7f7b6b7e424a (libc.so.6);<module> (twistd);ReactorBase.run (twisted/internet/base.py)"
DELIVER = f"{MAIN};Hub.delivered (sockjsd/channels/hub.py);Session.deliver (sockjsd/sockjs/session.py)"
SEND = f"{MAIN};Gathering._send_to (sockjsd/http/gathering.py);send_many (sockjsd/_fanout.c:100);send (libc.so.6)"
PURE_SEND = f"{MAIN};send_one (sockjsd/fanout.py);sock_send (_socket.cpython-311-x86_64-linux-gnu.so);send (libc.so.6)"
_LOCK = "PyThread_acquire_lock_timed (libpython3.11.so.1.0);0x1 (libc.so.6)"
IDLE = f"Queue.get (queue.py);lock (libpython3.11.so.1.0);{_LOCK}"


def whose(stack: str) -> str:
    """Return the owner of a sample."""
    return booked([Frame.read(text) for text in stack.split(";")]).owner


class FrameTests(SynchronousTestCase):
    """Reading one line of a stack."""

    def test_python_has_a_function_and_a_file(self) -> None:
        """With or without the number of the line."""
        self.assertEqual(Frame.read("run (a/b.py:12)"), Frame("run", "a/b.py"))
        self.assertTrue(Frame.read("run (a/b.py)").is_python)

    def test_functions_may_have_brackets_in_their_names(self) -> None:
        """Generators and lambdas do."""
        self.assertEqual(Frame.read("f.<locals>.<lambda> (a.py)").name, "f.<locals>.<lambda>")

    def test_scripts_and_frozen_modules_are_python(self) -> None:
        """Neither ends with .py."""
        self.assertTrue(Frame.read("<module> (twistd)").is_python)
        self.assertTrue(Frame.read("_find (<frozen importlib._bootstrap>)").is_python)

    def test_libraries_and_c_are_not(self) -> None:
        """Those of the interpreter are its runtime, others are not."""
        self.assertFalse(Frame.read("send_many (sockjsd/_fanout.c:100)").is_python)
        self.assertTrue(Frame.read("PyDict_GetItem (libpython3.11.so.1.0)").is_runtime)
        self.assertFalse(Frame.read("parse (hiredis.cpython-311-x86_64-linux-gnu.so)").is_runtime)

    def test_what_cannot_be_read_is_a_name(self) -> None:
        """Nothing is lost."""
        self.assertEqual(Frame.read("process 14058"), Frame("process 14058", ""))


class BookedTests(SynchronousTestCase):
    """Whose time it is."""

    def test_our_line_at_the_end_is_ours(self) -> None:
        """The interpreter is at work in it."""
        self.assertEqual(whose(DELIVER), "ours")

    def test_the_interpreters_own_functions_belong_to_the_line_that_needs_them(self) -> None:
        """Looking into a dictionary, getting memory: that is what Python costs."""
        self.assertEqual(whose(f"{DELIVER};_Py_dict_lookup (libpython3.11.so.1.0)"), "ours")
        self.assertEqual(whose(f"{DELIVER};PyObject_Malloc (libpython3.11.so.1.0);malloc (libc.so.6)"), "ours")

    def test_sending_is_not_booked_to_the_line_that_calls_it(self) -> None:
        """Neither in the extension nor through Python's own socket."""
        self.assertEqual(whose(SEND), "C")
        self.assertEqual(whose(PURE_SEND), "C")

    def test_who_called_c_is_told(self) -> None:
        """So that one sees what is sent from where."""
        share = booked([Frame.read(text) for text in SEND.split(";")])
        self.assertEqual(share.where, "send, called by Gathering._send_to (sockjsd/http/gathering.py)")

    def test_twisted_and_the_rest_are_told_apart(self) -> None:
        """Their Python is not ours."""
        self.assertEqual(whose(MAIN), "twisted")
        self.assertEqual(whose(f"{MAIN};dataReceived (txredisapi.py)"), "other")

    def test_a_thread_that_waits_is_nobodys(self) -> None:
        """For a lock, or in the reactor's poll."""
        self.assertEqual(whose(IDLE), "waiting")
        self.assertEqual(whose(f"{MAIN};poll (select.cpython-311.so);epoll_wait (libc.so.6)"), "waiting")

    def test_a_stack_without_python_is_c(self) -> None:
        """A thread of an extension."""
        self.assertEqual(whose("start (libuv.so)"), "C")


class SharesTests(SynchronousTestCase):
    """The sums."""

    def test_shares_are_of_the_time_in_which_something_was_done(self) -> None:
        """Those who wait are not in it."""
        found = shares([f"{SEND} 60", f"{DELIVER} 30", f"{MAIN} 10", f"{IDLE} 1000"])
        self.assertEqual(found["python"], 30.0)
        self.assertEqual(
            {key: found[key] for key in found if key.startswith("share: ")},
            {"share: C": 60.0, "share: ours": 30.0, "share: twisted": 10.0},
        )

    def test_places_stand_in_the_order_of_their_weight(self) -> None:
        """The first is where to look."""
        found = shares([f"{DELIVER} 1", f"{SEND} 3", f"{DELIVER} 1"])
        places = [key for key in found if key.startswith("self: ")]
        self.assertEqual(places[-1], "self: Session.deliver (sockjsd/sockjs/session.py)")
        self.assertEqual(found[places[-1]], 40.0)

    def test_no_samples_are_no_share(self) -> None:
        """Nothing is divided by nothing."""
        self.assertEqual(shares([])["python"], 0.0)

    def test_perf_tells_shares_of_libraries(self) -> None:
        """Below one per cent they say nothing."""
        report = (
            "# Overhead\n    67.21%  [kernel.kallsyms]  \n    30.35%  libpython3.11.so.1.0\n     0.10%  hiredis.so\n"
        )
        self.assertEqual(libraries(report), {"perf: [kernel.kallsyms]": 67.21, "perf: libpython3.11.so.1.0": 30.35})
