# -*- test-case-name: tests.config.test_environment -*-
"""Options from environment variables."""

from __future__ import annotations

from sockjsd.config.environment import overlay, variable
from sockjsd.config.ini import Block, Value
from sockjsd.errors import ConfigurationError
from tests.config.files import FilesTestCase

SERVER = Block("server", "a.ini", 1, {"umask": Value("027", "a.ini", 2, "/etc")})
BROKER = Block("broker", None, None, {})
CHAT = Block("endpoint team-chat", "a.ini", 4, {})
BLOCKS = [SERVER, BROKER, CHAT]

#: A variable that is refused, a part of the error.
REFUSED = [
    ("SOCKJSD_SERVER_DRAIN_TIMEOT", "did you mean SOCKJSD_SERVER_DRAIN_TIMEOUT?"),
    ("SOCKJSD_SERVER_", "names no option; did you mean SOCKJSD_SERVER_UMASK?"),
    ("SOCKJSD_BROKER_PORT_6379_TCP", "names no option; allowed: SOCKJSD_BROKER_URL, SOCKJSD_BROKER_PASSWORD"),
    ("SOCKJSD_BROKER_PASSWORD_FILE_FILE", "did you mean SOCKJSD_BROKER_PASSWORD?"),
    ("SOCKJSD_ENDPOINT_NEWS_PREFIX", "names no endpoint of the file and its option; an endpoint needs a section"),
    ("SOCKJSD_ENDPOINT_TEAM-CHAT_COOKIE", "did you mean SOCKJSD_ENDPOINT_TEAM_CHAT_COOKIE?"),
    ("SOCKJSD_SERVER_umask", "names no option"),
]


class EnvironmentTestCase(FilesTestCase):
    """What both forms of variables need."""

    def overlaid(self, **environ: str) -> dict[str, dict[str, str]]:
        """The texts of all sections with *environ* laid over them."""
        return {
            block.heading: {name: value.text for name, value in block.values.items()}
            for block in overlay(BLOCKS, environ)
        }

    def refusal(self, environ: dict[str, str]) -> str:
        """The message with which *environ* is refused."""
        with self.assertRaises(ConfigurationError) as caught:
            overlay(BLOCKS, environ)
        return self.shorten(caught.exception)


class OverlayTests(EnvironmentTestCase):
    """The environment wins over the file."""

    def test_sections_stay_when_the_environment_says_nothing(self) -> None:
        """Variables of others are no business of ours."""
        environ = {"HOME": "/", "SOCKJSD_CONFIG": "x.ini", "SOCKJSD_OTHER_THING": "1", "SOCKJSDX": "2"}
        self.assertEqual(overlay(BLOCKS, environ), BLOCKS)

    def test_value_is_replaced_when_a_variable_names_it(self) -> None:
        """Given in the file or not."""
        self.assertEqual(
            self.overlaid(SOCKJSD_SERVER_UMASK=" 077 ", SOCKJSD_BROKER_URL="redis://h"),
            {"server": {"umask": "077"}, "broker": {"url": "redis://h"}, "endpoint team-chat": {}},
        )

    def test_endpoint_is_found_when_its_name_has_a_dash(self) -> None:
        """A variable's name can only have ``_``."""
        self.assertEqual(
            self.overlaid(SOCKJSD_ENDPOINT_TEAM_CHAT_COOKIE="yes")["endpoint team-chat"], {"cookie": "yes"}
        )

    def test_blocks_are_not_changed_when_overlaid(self) -> None:
        """The sections of the file stay what they were."""
        self.overlaid(SOCKJSD_SERVER_UMASK="077")
        self.assertEqual(SERVER.values["umask"].text, "027")

    def test_place_is_the_variable_when_a_value_comes_from_it(self) -> None:
        """An error about the value will name the variable, and no line."""
        [server, *_] = overlay(BLOCKS, {"SOCKJSD_SERVER_UMASK": "9"})
        self.assertEqual(server.values["umask"], Value("9", "SOCKJSD_SERVER_UMASK", None, ""))

    def test_value_is_empty_when_the_variable_is(self) -> None:
        """An empty variable is given all the same, as an empty line of a file is."""
        self.assertEqual(self.overlaid(SOCKJSD_BROKER_PASSWORD="")["broker"], {"password": ""})

    def test_error_names_variable_when_it_names_no_option(self) -> None:
        """With the nearest name, or all that are allowed; never with the value."""
        for name, problem in REFUSED:
            with self.subTest(variable=name):
                message = self.refusal({name: "hunter2"})
                self.assertTrue(message.startswith(f"{name}: "), message)
                self.assertIn(problem, message)
                self.assertNotIn("hunter2", message)

    def test_error_names_both_when_endpoints_share_their_variables(self) -> None:
        """Names that differ in case, - and _ only would make variables ambiguous."""
        twin = Block("endpoint Team_Chat", "a.ini", 9, {})
        with self.assertRaises(ConfigurationError) as caught:
            overlay([*BLOCKS, twin], {})
        self.assertIn("a.ini:9: [endpoint Team_Chat] and [endpoint team-chat]", str(caught.exception))


class FileFormTests(EnvironmentTestCase):
    """A variable that names a file which has the value."""

    def test_value_is_read_when_a_file_has_it(self) -> None:
        """One newline at the end is the editor's, what else there is belongs to the secret."""
        for content, value in [("s3cret\n", "s3cret"), ("s3cret", "s3cret"), (" a b \n\n", " a b \n"), ("", "")]:
            with self.subTest(content=content):
                path = self.write(content.encode(), "secret")
                self.assertEqual(self.overlaid(SOCKJSD_BROKER_PASSWORD_FILE=path)["broker"], {"password": value})

    def test_error_names_both_when_value_and_file_are_given(self) -> None:
        """Nobody has to guess which one wins."""
        path = self.write("x", "secret")
        self.assertEqual(
            self.refusal({"SOCKJSD_BROKER_PASSWORD": "hunter2", "SOCKJSD_BROKER_PASSWORD_FILE": path}),
            "SOCKJSD_BROKER_PASSWORD_FILE: given together with SOCKJSD_BROKER_PASSWORD; allowed: one of the two",
        )

    def test_error_names_file_when_it_cannot_be_read(self) -> None:
        """Missing, no text, or no path."""
        binary = self.write(b"\xff", "binary")
        for path, reason in [
            ("/nowhere/x", "No such file or directory"),
            (binary, "not UTF-8"),
            ("a\0b", "not a path"),
        ]:
            with self.subTest(path=path):
                message = self.refusal({"SOCKJSD_BROKER_URL_FILE": path})
                self.assertTrue(message.startswith("SOCKJSD_BROKER_URL_FILE: the file '"), message)
                self.assertIn(f"cannot be read: {reason}; allowed: the path of a readable file", message)


class VariableTests(FilesTestCase):
    """The name of an option's variable."""

    def test_variable_is_upper_case(self) -> None:
        """Sections and endpoints alike."""
        self.assertEqual(variable("server", "umask"), "SOCKJSD_SERVER_UMASK")
        self.assertEqual(variable("endpoint team-chat", "base_url"), "SOCKJSD_ENDPOINT_TEAM_CHAT_BASE_URL")
