# -*- test-case-name: tests.config.test_render -*-
"""What is printed from the declarations, and that what is committed is what would be printed."""

from __future__ import annotations

import re
from pathlib import Path

from sockjsd.config import Config, Endpoint, Site, load
from sockjsd.config.declare import Option, options_of
from sockjsd.config.ini import read_ini
from sockjsd.config.options import SECTIONS
from sockjsd.config.render import WIDTH, default_of, render_docs, render_sample, render_table
from tests.config.files import FilesTestCase

TOP = Path(__file__).resolve().parents[2]

_OPTION_LINE = re.compile(r"#?([a-z_]+) =(?: |$)")


def all_options() -> list[tuple[str, Option]]:
    """Every option with the first word of its section."""
    return [(word, each) for word, section in SECTIONS.items() for each in options_of(section)]


def comments(text: str) -> dict[str, str]:
    """Option → the comment right above its line, joined to one line."""
    found: dict[str, str] = {}
    block: list[str] = []
    for line in text.splitlines():
        if match := _OPTION_LINE.match(line):
            found[match[1]] = " ".join(block)
        block = [*block, line[2:]] if line.startswith("# ") else []
    return found


class SampleTests(FilesTestCase):
    """The commented sample file."""

    def test_sample_has_all_defaults_when_loaded(self) -> None:
        """As it is printed, it is a configuration, with one endpoint as an example."""
        path = self.write(render_sample())
        self.assertEqual(
            load(path, {}), Config(endpoints={"events": Endpoint("events", channels=("news",))}, file=path)
        )

    def test_sample_has_all_defaults_when_every_line_is_active(self) -> None:
        """Each commented line shows the default itself: activating it changes nothing."""
        active = re.sub(r"(?m)^#(?=[a-z_]+ =)", "", render_sample())
        path = self.write(active)
        self.assertEqual(
            load(path, {}), Config(endpoints={"events": Endpoint("events", channels=("news",))}, file=path)
        )
        self.assertEqual(sum(len(block.values) for block in read_ini(path)), len(all_options()))

    def test_sample_explains_each_option(self) -> None:
        """Its help, when to change it, and what is allowed stand above it."""
        sample = " ".join(line.removeprefix("# ") for line in render_sample().splitlines())
        for _, each in all_options():
            with self.subTest(option=each.name):
                self.assertIn(f"{each.help} When to change it: {each.when} Allowed: {each.kind.allowed}.", sample)

    def test_sample_fits_a_terminal(self) -> None:
        """Only a value can be longer than a line."""
        for line in render_sample().splitlines():
            if line.startswith("# "):
                self.assertLessEqual(len(line), WIDTH)


class DocsTests(FilesTestCase):
    """The reference."""

    def test_committed_reference_is_what_would_be_printed(self) -> None:
        """``sockjsd config --docs > docs/options.md`` changes nothing."""
        self.assertEqual((TOP / "docs" / "options.md").read_text("utf-8"), render_docs())

    def test_reference_names_each_option_once_with_its_variable(self) -> None:
        """In the order of sections and declarations."""
        docs = render_docs()
        self.assertEqual(re.findall(r"^### `(.+)`$", docs, re.MULTILINE), [each.name for _, each in all_options()])
        self.assertEqual(
            re.findall(r"^## `(.+)`$", docs, re.MULTILINE),
            ["[server]", "[broker]", "[site]", "[channels]", "[namespace]", "[endpoint NAME]"],
        )
        for word, each in all_options():
            section = "ENDPOINT_NAME" if word == "endpoint" else word.upper()
            self.assertIn(f"`SOCKJSD_{section}_{each.name.upper()}`", docs)

    def test_reference_says_names_elsewhere_when_there_are(self) -> None:
        """Who comes from sockjs-node finds its option."""
        for name in ("heartbeat_delay", "disconnect_delay", "jsessionid", "disable_cors", "verify_ip", "base_url"):
            self.assertRegex(render_docs(), rf"- Elsewhere: .*{name}")

    def test_table_has_a_row_for_each_option(self) -> None:
        """Option, default, purpose; no cell breaks the table."""
        for section in SECTIONS.values():
            head, rule, *rows = render_table(section).splitlines()
            self.assertEqual((head, rule), ("| option | default | what it is |", "|---|---|---|"))
            self.assertEqual(len(rows), len(options_of(section)))
            for row in rows:
                self.assertEqual(len(re.findall(r"(?<!\\)\|", row)), 4, row)

    def test_default_is_described_when_it_is_not_a_value(self) -> None:
        """Nothing, or what stands for it."""
        defaults = {each.name: default_of(each) for each in options_of(Site)}
        self.assertEqual(defaults["settings"], "nothing")
        self.assertEqual(defaults["python_path"], "nothing is added")
        self.assertEqual(defaults["body_limit"], "`1GiB`")


class CommittedFileTests(FilesTestCase):
    """The files in ``conf/``."""

    def test_demo_serves_the_example_and_its_endpoints(self) -> None:
        """What the README's first minute relies on."""
        demo = load(str(TOP / "conf" / "site.ini"), {})
        self.assertEqual(demo.server.listen, ("tcp:8000:interface=127.0.0.1",))
        self.assertTrue(demo.server.status)
        self.assertEqual(demo.broker.url, "memory:")
        self.assertEqual(demo.site, Site(settings="demo.settings", python_path=str(TOP / "example")))
        self.assertEqual(
            list(demo.endpoints.values()),
            [
                Endpoint("news", channels=("news",)),
                Endpoint("echo", application="echo"),
            ],
        )
        self.assertEqual(demo.channels.paths, ("/connection", "/emulation", "/events"))
        self.assertEqual(list(demo.namespaces), ["", "room"])

    def test_demo_explains_options_in_the_declarations_words(self) -> None:
        """The comment above each option begins with its help, where one of its kind of section comes first."""
        text = (TOP / "conf" / "site.ini").read_text("utf-8")
        explained: set[tuple[str, str]] = set()
        for block, section in zip(
            read_ini(str(TOP / "conf" / "site.ini")), re.split(r"(?m)^\[", text)[1:], strict=True
        ):
            kind, above = block.heading.split()[0], comments(section)
            for each in options_of(SECTIONS[kind]):
                if each.name in block.values and (kind, each.name) not in explained:
                    explained.add((kind, each.name))
                    with self.subTest(option=each.name):
                        self.assertTrue(above[each.name].startswith(each.help), above[each.name])

    def test_conformance_has_the_endpoints_of_the_public_suite(self) -> None:
        """Their prefixes, applications, limits and origins."""
        config = load(str(TOP / "conf" / "conformance.ini"), {})
        self.assertEqual(config.server.listen, ("tcp:8081:interface=127.0.0.1",))
        self.assertEqual(
            {each.prefix: (each.application, each.response_limit) for each in config.endpoints.values()},
            {
                "/echo": ("echo", 4096),
                "/disabled_websocket_echo": ("echo", 4096),
                "/cookie_needed_echo": ("echo", 4096),
                "/close": ("close", 4096),
                "/broadcast": ("broadcast", 4096),
                "/autobahn": ("echo", 131072),
                "/autobahn_context": ("echo", 131072),
            },
        )
        self.assertEqual({each.allowed_origins for each in config.endpoints.values()}, {("*",)})

    def test_conformance_endpoints_differ_where_the_suite_looks(self) -> None:
        """Without websocket, with a cookie, with large messages."""
        endpoints = load(str(TOP / "conf" / "conformance.ini"), {}).endpoints
        self.assertNotIn("websocket", endpoints["disabled_websocket_echo"].transports)
        self.assertIn("websocket", endpoints["echo"].transports)
        self.assertEqual([name for name, each in endpoints.items() if each.cookie], ["cookie_needed_echo"])
        for name in ("autobahn", "autobahn_context"):
            self.assertEqual(endpoints[name].message_limit, 32 * 1024 * 1024)
            self.assertEqual(endpoints[name].transports, ("raw_websocket",))
            self.assertTrue(endpoints[name].compression)
        self.assertEqual([name for name, each in endpoints.items() if each.compression_context], ["autobahn_context"])
