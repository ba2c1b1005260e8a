# -*- test-case-name: tests.test_cli -*-
"""The command ``sockjsd``: what it prints, and its exit status."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import sys
import time
import types
from collections.abc import Sequence
from dataclasses import dataclass, field
from unittest import TestCase

from sockjsd import __version__, cli
from sockjsd.cli import CHILD_DONE, CHILD_TIMEOUT, COMMANDS, Ended, Surroundings, check_json, main
from sockjsd.clients.tokens import Tokens
from sockjsd.config import Config
from sockjsd.config.render import render_docs, render_sample
from sockjsd.errors import ChannelNameError, NobodyListens, NotJSON
from tests.config.files import FilesTestCase

SECRET = "a secret of thirty-two characters"

RELAY = "[endpoint events]\nchannels = news sport\n"

TRACEBACK = """\
Traceback (most recent call last):
  File "<string>", line 7, in <module>
  File "/srv/shop/settings.py", line 12, in <module>
    import payments
  File "/usr/lib/python3.11/importlib/__init__.py", line 126, in import_module
ModuleNotFoundError: No module named 'payments'
"""

#: JSON, sent as it is; among it what Python's own conversion would change or refuse.
JSON = ["{}", ' {"a" : 1} ', "1.0", '"é"', '"\\ud800"', "[" * 50 + "]" * 50, "9" * 5000, "1e999", "-5", "null"]

NOT_JSON = ["", "hello", "{", "{} {}", "NaN", "-Infinity", "'a'", "[1,]", "\udcff", '"\udcff"', "[" * 200_000]


@dataclass
class FakeChild:
    """Stands for the process that imports a site; notes how it was called."""

    ended: Ended = field(default_factory=lambda: Ended(CHILD_DONE, ""))
    calls: list[tuple[list[str], float]] = field(default_factory=list)

    def __call__(self, command: Sequence[str], timeout: float) -> Ended:
        """Note the call, and end at once."""
        self.calls.append((list(command), timeout))
        return self.ended

    @property
    def job(self) -> object:
        """What the only child was told to import."""
        [(command, _)] = self.calls
        return json.loads(command[-1])


@dataclass
class FakeSender:
    """Stands for the broker: notes what is sent, answers with *heard*, or raises *error*."""

    heard: int = 1
    error: Exception | None = None
    sent: list[tuple[str, str, str]] = field(default_factory=list)

    def __call__(self, config: Config, channel: str, payload: str) -> int:
        """Note the publication."""
        if self.error is not None:
            raise self.error
        self.sent.append((config.broker.url, channel, payload))
        return self.heard


class CommandTestCase(FilesTestCase):
    """Runs a command with surroundings of its own."""

    def setUp(self) -> None:
        """Start with an empty environment, a child that succeeds and one node that hears."""
        super().setUp()
        self.environ: dict[str, str] = {}
        self.child = FakeChild()
        self.sender = FakeSender()

    def run_command(self, *argv: str) -> tuple[int, str, str]:
        """Exit status, output and errors, without the folder's name."""
        out, err = io.StringIO(), io.StringIO()
        status = main(list(argv), Surroundings(self.environ, out, err, self.child, self.sender))
        return status, self.without_folder(out), self.without_folder(err)

    def without_folder(self, text: io.StringIO) -> str:
        """What was written, without the folder's name."""
        return text.getvalue().replace(self.folder + os.sep, "")

    def assert_fails(self, argv: Sequence[str], *parts: str) -> str:
        """The command ends with 1, one line of error that has *parts*, and no output."""
        status, out, err = self.run_command(*argv)
        self.assertEqual((status, out, err.count("\n")), (1, "", 1), err)
        self.assertTrue(err.startswith("sockjsd: "), err)
        for part in parts:
            self.assertIn(part, err)
        return err


class CheckTests(CommandTestCase):
    """``sockjsd check FILE``."""

    def test_file_is_summed_up_when_it_is_good(self) -> None:
        """Where it listens, the broker without its password, the site, the endpoints."""
        path = self.write(
            "[server]\nlisten =\n  tcp:1\n  tcp:2\n[broker]\nurl = redis://:hunter2@h\n"
            "[site]\nsettings = shop.settings\n[endpoint events]\nchannels = news sport\n"
            "[endpoint e2]\nprefix = /x\napplication = echo\n"
        )
        self.assertEqual(
            self.run_command("check", path),
            (
                0,
                "a.ini: ok\n"
                "  listen    tcp:1\n"
                "  listen    tcp:2\n"
                "  broker    redis://…@h\n"
                "  site      shop.settings\n"
                "  endpoint  /events: relay news sport\n"
                "  endpoint  /x: echo\n",
                "",
            ),
        )

    def test_channels_are_summed_up_when_they_are_on(self) -> None:
        """Their URLs, and a warning where everything is allowed."""
        _, out, _ = self.run_command("check", self.write("[channels]\nenabled = yes\nevents = yes\napi_key = k\n"))
        paths = [line.split()[1] for line in out.splitlines() if line.startswith("  channels")]
        self.assertEqual(paths, ["/connection", "/emulation", "/api", "/events"])
        self.assertNotIn("insecure", out)
        _, out, _ = self.run_command("check", self.write("[channels]\nenabled = yes\ninsecure = yes\n"))
        self.assertIn("  insecure  EVERY client may do EVERYTHING", out)

    def test_check_fails_when_the_public_key_is_missing(self) -> None:
        """A key that stands in the file itself is looked at when the daemon starts."""
        self.assert_fails(
            ["check", self.write("[channels]\ntoken_rsa_public_key = key.pem\n")],
            "[channels] token_rsa_public_key: there is no file",
        )
        pem = "-----BEGIN PUBLIC KEY-----\n  MIIB\n  -----END PUBLIC KEY-----"
        self.assertEqual(self.run_command("check", self.write(f"[channels]\ntoken_rsa_public_key = {pem}\n"))[0], 0)

    def test_child_is_not_needed_when_there_is_nothing_to_import(self) -> None:
        """No site and no class of one's own."""
        status, out, _ = self.run_command("check", self.write(RELAY))
        self.assertEqual((status, self.child.calls), (0, []))
        self.assertIn("  site      none\n", out)

    def test_child_imports_settings_and_classes_when_given(self) -> None:
        """In the same Python, with python_path in front, for a bounded time."""
        path = self.write(
            "[site]\nsettings = shop.settings\npython_path = .\n[endpoint chat]\napplication = shop.sockets.Chat\n"
            + RELAY
        )
        self.assertEqual(self.run_command("check", path)[0], 0)
        self.assertEqual(self.child.job, [[self.folder, *sys.path], "shop.settings", ["shop.sockets.Chat"]])
        [(command, timeout)] = self.child.calls
        self.assertEqual((command[:2], timeout), ([sys.executable, "-c"], CHILD_TIMEOUT))

    def test_child_imports_class_when_there_is_no_site(self) -> None:
        """A class needs no Django."""
        self.run_command("check", self.write("[endpoint chat]\napplication = shop.Chat\n"))
        self.assertEqual(self.child.job, [sys.path, "", ["shop.Chat"]])

    def test_error_is_the_childs_last_line_when_it_fails(self) -> None:
        """With the place in the site's own code, and the command that shows more."""
        self.child.ended = Ended(1, TRACEBACK)
        path = self.write("[site]\nsettings = shop.settings\npython_path = .\n")
        self.assert_fails(
            ["check", path],
            "importing shop.settings: ModuleNotFoundError: No module named 'payments' (/srv/shop/settings.py:12)",
            f"for the whole traceback: {shlex.quote(sys.executable)} -m django check "
            "--settings shop.settings --pythonpath ",
        )

    def test_command_can_be_pasted_when_a_space_is_in_a_path(self) -> None:
        """What the error advises is a line for a shell."""
        self.child.ended = Ended(1, TRACEBACK)
        os.mkdir(self.path("my site"))
        path = self.write("[site]\nsettings = shop.settings\npython_path = my site\n")
        self.assert_fails(["check", path], "check --settings shop.settings --pythonpath 'my site'")

    def test_error_tells_status_when_the_child_said_nothing(self) -> None:
        """A site that calls ``exit`` is not a site that can be imported, whatever the status."""
        for status in (0, 3, -9):
            self.child.ended = Ended(status, "\n")
            path = self.write("[endpoint chat]\napplication = shop.Chat\n")
            with self.subTest(status=status):
                err = self.assert_fails(
                    ["check", path], f"importing shop.Chat: the process ended with status {status}\n"
                )
                self.assertNotIn("django", err)

    def test_error_tells_time_when_the_child_does_not_end(self) -> None:
        """A site that waits for something is not waited for."""
        self.child.ended = Ended(None, "waiting for the database\n")
        path = self.write("[site]\nsettings = shop.settings\n")
        err = self.assert_fails(["check", path], "importing shop.settings: not done after 60 seconds; for the whole")
        self.assertNotIn("--pythonpath", err)

    def test_error_is_one_short_line_when_the_childs_is_not(self) -> None:
        """Escape sequences and pages of text do not reach the terminal."""
        self.child.ended = Ended(1, "first\nValueError: \x1b[31m" + "x" * 10_000)
        err = self.assert_fails(["check", self.write("[site]\nsettings = s\n")], "ValueError: ?[31mxxx")
        self.assertNotIn("\x1b", err)
        self.assertLess(len(err), 700)

    def test_error_names_file_and_line_when_it_is_wrong(self) -> None:
        """One message, nothing imported."""
        path = self.write("[server]\nlisten = 8000\n[site]\nsettings = s\n")
        self.assert_fails(["check", path], "a.ini:2: [server] listen: got '8000'; ", "write tcp:8000")
        self.assertEqual(self.child.calls, [])

    def test_error_names_file_when_it_is_missing(self) -> None:
        """The most frequent slip of all."""
        self.assert_fails(["check", self.path("none.ini")], "none.ini: cannot be read: No such file or directory")

    def test_error_names_path_when_there_is_nothing(self) -> None:
        """A library that is not there would be missed by browsers only; a folder by imports."""
        self.assert_fails(
            ["check", self.write("[server]\nclient_library = x.js\n")],
            "a.ini: [server] client_library: there is no file",
            "x.js",
        )
        self.assert_fails(
            ["check", self.write("[site]\npython_path = nowhere\n")],
            "a.ini: [site] python_path: there is no folder",
            "nowhere",
        )

    def test_paths_are_taken_when_they_exist(self) -> None:
        """Relative to the file."""
        self.write("x", "x.js")
        path = self.write("[server]\nclient_library = x.js\n[site]\npython_path = .\n")
        self.assertEqual(self.run_command("check", path)[0], 0)

    def test_environment_is_looked_at_when_checking(self) -> None:
        """What the daemon would see is what is checked."""
        self.environ["SOCKJSD_BROKER_URL"] = "redis://other"
        self.assertIn("  broker    redis://other\n", self.run_command("check", self.write(""))[1])


SOCKETS = """\
from sockjsd.sockjs.connection import SockJSConnection
class Chat(SockJSConnection): pass
class Stranger: pass
chat = Chat()
"""


class ImportTests(CommandTestCase):
    """``check`` with the real child."""

    def check(self, settings: str, *, application: str = "") -> tuple[int, str, str]:
        """Check a site that consists of one settings module, with one class beside it."""
        self.write(settings, "trial_settings.py")
        self.write(SOCKETS, "trial_sockets.py")
        endpoint = f"[endpoint chat]\napplication = {application}\n" if application else ""
        path = self.write("[site]\npython_path = .\nsettings = trial_settings\n" + endpoint)
        out, err = io.StringIO(), io.StringIO()
        status = main(["check", path], Surroundings(self.environ, out, err))
        return status, self.without_folder(out), self.without_folder(err)

    def test_site_is_ok_when_it_can_be_imported(self) -> None:
        """Settings, WSGI application and class; what they print is not ours."""
        status, out, err = self.check("SECRET_KEY = 'x'\nprint('noise')\n", application="trial_sockets.Chat")
        self.assertEqual((status, err), (0, ""))
        self.assertTrue(out.startswith("a.ini: ok\n"), out)
        self.assertNotIn("noise", out)

    def test_site_is_ok_when_it_leaves_a_thread_behind(self) -> None:
        """A thread that a site starts when it is imported does not keep the check."""
        thread = "import threading\nthreading.Thread(target=threading.Event().wait).start()\n"
        self.assertEqual(self.check(thread)[0], 0)

    def test_error_names_line_of_settings_when_they_fail(self) -> None:
        """The reader is sent to the line that is wrong."""
        status, _, err = self.check("SECRET_KEY = 'x'\n1 / 0\n")
        self.assertEqual(status, 1)
        self.assertIn("a.ini: importing trial_settings: ZeroDivisionError: division by zero (trial_settings.py:2)", err)

    def test_error_is_given_when_settings_end_the_process(self) -> None:
        """``sys.exit(0)`` is no success."""
        self.assertIn("the process ended with status 0", self.check("import sys\nsys.exit(0)\n")[2])

    def test_error_is_given_when_application_is_missing_or_no_class(self) -> None:
        """The dotted path has to lead to a class that the daemon takes."""
        self.assertIn("has no attribute 'Talk'", self.check("", application="trial_sockets.Talk")[2])
        for name in ("chat", "Stranger"):
            refusal = f"trial_sockets.{name} is not a subclass of SockJSConnection"
            self.assertIn(refusal, self.check("", application=f"trial_sockets.{name}")[2])

    def test_site_is_missed_when_it_is_only_in_the_current_folder(self) -> None:
        """There ``twistd`` would not find it either."""
        path = self.write("[endpoint chat]\napplication = trial_sockets.Chat\n")
        self.write(SOCKETS, "trial_sockets.py")
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.folder)
        err = io.StringIO()
        self.assertEqual(main(["check", path], Surroundings(self.environ, io.StringIO(), err)), 1)
        self.assertIn("No module named 'trial_sockets'", err.getvalue())


class RunChildTests(TestCase):
    """The real process behind ``check``."""

    def test_errors_are_kept_when_the_child_ends(self) -> None:
        """Status and the end of standard error; standard output is dropped, standard input is empty."""
        program = "import sys; sys.stdin.read(); print('out'); sys.stderr.write('x' * 100000 + 'end'); sys.exit(5)"
        ended = cli.run_child([sys.executable, "-c", program], 60)
        self.assertEqual((ended.status, ended.errors[-4:], len(ended.errors)), (5, "xend", 65536))

    def test_child_is_stopped_when_it_takes_too_long(self) -> None:
        """Its time is bounded, and that it was is told."""
        ended = cli.run_child([sys.executable, "-c", "import threading; threading.Event().wait()"], 0.01)
        self.assertIsNone(ended.status)


class ConfigTests(CommandTestCase):
    """``sockjsd config``."""

    def test_sample_is_printed_when_nothing_else_is_asked(self) -> None:
        """A file to start from."""
        for argv in (["config"], ["config", "--sample"]):
            self.assertEqual(self.run_command(*argv), (0, render_sample(), ""))

    def test_reference_is_printed_when_asked(self) -> None:
        """What is committed as docs/options.md."""
        self.assertEqual(self.run_command("config", "--docs"), (0, render_docs(), ""))


class VersionTests(CommandTestCase):
    """``sockjsd version``."""

    def test_version_is_printed(self) -> None:
        """The package's."""
        self.assertEqual(self.run_command("version"), (0, f"sockjsd {__version__}\n", ""))


class PublishTests(CommandTestCase):
    """``sockjsd publish CHANNEL JSON``."""

    def test_data_is_sent_as_given(self) -> None:
        """Not a byte is changed on the way."""
        self.environ["SOCKJSD_BROKER_URL"] = "redis://h"
        for payload in JSON:
            with self.subTest(payload=payload[:20]):
                status, out, err = self.run_command("publish", "news", payload)
                self.assertEqual((status, out, err), (0, "heard by 1 node\n", ""))
                self.assertEqual(self.sender.sent.pop(), ("redis://h", "news", payload))

    def test_number_of_nodes_is_told(self) -> None:
        """With a question where nobody heard; never with a password."""
        self.environ["SOCKJSD_BROKER_URL"] = "redis://:hunter2@h"
        for heard, text in [
            (2, "heard by 2 nodes\n"),
            (0, "heard by no node: does a daemon run with url = redis://…@h and prefix = sockjsd under [broker]?\n"),
        ]:
            self.sender.heard = heard
            self.assertEqual(self.run_command("publish", "news", "{}"), (0, text, ""))

    def test_broker_is_that_of_the_file_when_one_is_named(self) -> None:
        """``--config`` before the environment's SOCKJSD_CONFIG, that before the defaults."""
        one = self.write("[broker]\nurl = redis://one\n", "one.ini")
        two = self.write("[broker]\nurl = redis://two\n", "two.ini")
        self.run_command("publish", "news", "1")
        self.environ["SOCKJSD_CONFIG"] = ""
        self.run_command("publish", "news", "2")
        self.environ["SOCKJSD_CONFIG"] = one
        self.run_command("publish", "news", "3")
        self.run_command("publish", "--config", two, "news", "4")
        self.assertEqual([url for url, _, _ in self.sender.sent], ["memory:", "memory:", "redis://one", "redis://two"])

    def test_nothing_is_sent_when_the_data_is_not_json(self) -> None:
        """The usual slip is a text without its quotes, and the error says so."""
        self.assert_fails(
            ["publish", "news", "hello"], "the data is not JSON: ", "a text needs its own quotes: '\"hello\"'"
        )
        self.assertEqual(self.sender.sent, [])

    def test_error_is_told_when_the_broker_says_no(self) -> None:
        """The typed errors of publishing are one line each."""
        for error in (NobodyListens("nobody would hear this: …"), ChannelNameError("'' cannot be")):
            self.sender.error = error
            self.assert_fails(["publish", "news", "1"], f"sockjsd: {error}\n")

    def test_error_names_file_when_the_configuration_is_wrong(self) -> None:
        """Nothing is sent with a configuration that is half understood."""
        self.assert_fails(["publish", "--config", self.path("none.ini"), "news", "1"], "none.ini: cannot be read")


class TokenTests(CommandTestCase):
    """``sockjsd token USER``."""

    def setUp(self) -> None:
        """Have a configuration with a secret."""
        super().setUp()
        self.config = self.write(f"[channels]\ntoken_hmac_secret = {SECRET}\n")

    def token(self, *argv: str) -> str:
        """The token that is printed."""
        status, out, err = self.run_command("token", "--config", self.config, *argv)
        self.assertEqual((status, err, out.count("\n")), (0, "", 1))
        return out.strip()

    def test_token_is_accepted_by_the_daemon(self) -> None:
        """For an hour, or as long as is said; anonymous users have an empty id."""
        tokens = Tokens(time.time, SECRET)
        self.assertEqual(tokens.connection(self.token("42")).user, "42")
        self.assertEqual(tokens.connection(self.token("")).user, "")
        self.assertAlmostEqual(tokens.connection(self.token("42")).expire_at, time.time() + 3600, delta=10)
        self.assertEqual(tokens.connection(self.token("--seconds", "0", "42")).expire_at, 0)

    def test_token_is_for_a_subscription_when_a_channel_is_named(self) -> None:
        """And for no connection."""
        claims = Tokens(time.time, SECRET).subscription(self.token("--channel", "private:a", "42"))
        self.assertEqual((claims.user, claims.channel), ("42", "private:a"))

    def test_command_fails_when_there_is_no_secret(self) -> None:
        """Or the channel can be none."""
        self.assert_fails(["token", "42"], "[channels] token_hmac_secret is needed to make tokens")
        self.assert_fails(["token", "--config", self.config, "--channel", "a b", "42"], "cannot be a channel's name")

    def test_configuration_is_that_of_the_environment_when_none_is_named(self) -> None:
        """As for publishing."""
        self.environ["SOCKJSD_CONFIG"] = self.config
        self.assertEqual(self.run_command("token", "42")[0], 0)


class SendTests(TestCase):
    """The real sender behind ``publish``."""

    def test_publication_goes_to_the_publishing_module(self) -> None:
        """It is imported when it is needed, and called with configuration, channel and text."""
        fake, sender = types.ModuleType("sockjsd.django.publishing"), FakeSender(heard=3)
        fake.__dict__["send_now"] = sender
        present = sys.modules.get(fake.__name__)
        sys.modules[fake.__name__] = fake
        try:
            self.assertEqual(cli.send(Config(), "news", "{}"), 3)
        finally:
            del sys.modules[fake.__name__]
            if present is not None:
                sys.modules[fake.__name__] = present
        self.assertEqual(sender.sent, [("memory:", "news", "{}")])


class CheckJSONTests(TestCase):
    """What is JSON."""

    def test_text_is_taken_when_it_is_json(self) -> None:
        """Numbers are not converted, so none is too long."""
        for text in JSON:
            check_json(text)

    def test_text_is_refused_when_it_is_not_json(self) -> None:
        """Python's own additions, bytes that are no UTF-8 and bottomless nesting included."""
        for text in NOT_JSON:
            with self.subTest(text=text[:20]), self.assertRaises(NotJSON):
                check_json(text)


class UsageTests(TestCase):
    """The command line itself."""

    def run_usage(self, *argv: str) -> tuple[object, str]:
        """The exit status that argparse wants, and what it printed."""
        text = io.StringIO()
        with (
            contextlib.redirect_stderr(text),
            contextlib.redirect_stdout(text),
            self.assertRaises(SystemExit) as caught,
        ):
            main(list(argv))
        return caught.exception.code, text.getvalue()

    def test_status_is_2_when_the_command_line_is_wrong(self) -> None:
        """With the usage of the command."""
        for argv in ([], ["chekc"], ["check"], ["publish", "news"], ["config", "--sample", "--docs"], ["version", "x"]):
            with self.subTest(argv=argv):
                status, text = self.run_usage(*argv)
                self.assertEqual(status, 2)
                self.assertIn("usage: sockjsd", text)

    def test_help_lists_all_commands(self) -> None:
        """And how the daemon itself is started."""
        status, text = self.run_usage("--help")
        self.assertEqual(status, 0)
        self.assertIn("twistd -n sockjsd --config FILE", text)
        for command in COMMANDS:
            self.assertIn(command.help, text)

    def test_nothing_is_said_when_nobody_reads_on(self) -> None:
        """``sockjsd config | head`` is no failure to tell."""
        reading, writing = os.pipe()
        os.close(reading)
        err = io.StringIO()
        with open(writing, "w") as out:
            self.assertEqual(main(["config"], Surroundings({}, out, err)), 1)
            self.assertTrue(out.closed)
        self.assertEqual(err.getvalue(), "")

    def test_process_is_used_when_no_surroundings_are_given(self) -> None:
        """Standard output, as it is when the command runs."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            self.assertEqual(main(["version"]), 0)
        self.assertEqual(out.getvalue(), f"sockjsd {__version__}\n")
