# -*- test-case-name: tests.config.test_render -*-
"""What is printed from the declarations: the commented sample file, ``docs/options.md``, the README's table.

Nothing here knows an option: a new one appears by being declared.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

from sockjsd.config.channels import Channels
from sockjsd.config.declare import Option, options_of
from sockjsd.config.endpoint import Endpoint
from sockjsd.config.environment import variable
from sockjsd.config.namespace import Namespace
from sockjsd.config.options import Broker, Server, Site

#: Columns of the sample file.
WIDTH = 100

#: Heading in the file → an example of the section.  An endpoint cannot do without a name and something to send.
_EXAMPLES: dict[str, Any] = {
    "server": Server(),
    "broker": Broker(),
    "site": Site(),
    "channels": Channels(),
    "namespace": Namespace(),
    "endpoint events": Endpoint("events", channels=("news",)),
}

_SAMPLE_HEAD = (
    'All options of sockjsd. A line "#option = value" shows the default: to change it, remove the # and write '
    "another value. Times are in seconds unless they have a unit, sizes in bytes; # and ; begin a comment only at "
    "the beginning of a line; further lines of a value are indented. A variable SOCKJSD_SECTION_OPTION in the "
    "environment wins over this file. Try a changed file with: sockjsd check FILE"
)

_DOCS_HEAD = """\
# Options

<!-- Printed by `sockjsd config --docs` from the declarations in sockjsd/config: change those, not this file. -->

A configuration is an INI file: `twistd -n sockjsd --config conf/site.ini`.
`sockjsd check FILE` tries one, `sockjsd config --sample` prints one with all options and their defaults.

- Sections are `[server]`, `[broker]`, `[site]`, `[channels]`, `[namespace]` and, for each namespace with a name and for
  each endpoint, `[namespace NAME]` and `[endpoint NAME]`; options are `option = value`.
- Comments are whole lines that begin with `#` or `;`. In a value `%`, `#`, `;` and quotes mean themselves.
- Further lines of a value are indented.
- Times are in seconds, or have a unit: `200ms`, `30s`, `5min`, `1h`. Sizes are in bytes, or `64KiB`, `1MiB`, `1GiB`.
- A relative path starts at the folder of the file; in an environment variable, where the process was started.
- `SOCKJSD_SECTION_OPTION` in the environment wins over the file. For `[endpoint NAME]` the section is
  `ENDPOINT_NAME`, in upper case with `_` for `-`, and so for `[namespace NAME]`; the section has to be in the file.
- `SOCKJSD_SECTION_OPTION_FILE` names a file that has the value, for secrets; both together are an error.
- What is unknown, given twice or not allowed is an error that names file and line, and nothing starts.
- `SOCKJSD_CONFIG` names the file for `sockjsd publish` and for Django code that publishes.
"""


def render_sample() -> str:
    """The commented sample file: it loads as it stands, and has all defaults."""
    head = "\n".join(_comment(_SAMPLE_HEAD))
    return "\n".join([head, *(_sample_section(*example) for example in _EXAMPLES.items())])


def _sample_section(heading: str, example: object) -> str:
    title = "\n".join(_comment(_purpose(type(example))))
    options = (_sample_option(option, getattr(example, option.name)) for option in options_of(type(example)))
    return "\n".join(["", title, f"[{heading}]", *options, ""]).rstrip() + "\n"


def _sample_option(option: Option, value: object) -> str:
    mark = "" if value != option.default and not option.unset else "#"
    text = option.kind.write(value).replace("\n", f"\n{mark}    ")
    return "\n".join(["", *_sample_comment(option), f"{mark}{option.name} = {text}".rstrip()])


def _sample_comment(option: Option) -> Iterator[str]:
    yield from _comment(option.help)
    yield from _comment(f"When to change it: {option.when}")
    yield from _comment(f"Allowed: {option.kind.allowed}.")
    if option.unset:
        yield from _comment(f"Default: {option.unset}.".replace("`", ""))


def _comment(text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False, break_on_hyphens=False
    )


def render_docs() -> str:
    """The reference of all options, as Markdown."""
    return "\n".join([_DOCS_HEAD, *(_docs_section(heading, type(example)) for heading, example in _EXAMPLES.items())])


def _docs_section(heading: str, section: type) -> str:
    heading = _general(heading)
    options = (_docs_option(heading, option) for option in options_of(section))
    return "\n".join([f"## `[{heading}]`", "", _purpose(section), "", *options])


def _docs_option(heading: str, option: Option) -> str:
    rows = {
        "Type": option.kind.name,
        "Allowed": _markdown(option.kind.allowed),
        "Default": default_of(option),
        "Environment": f"`{variable(heading, option.name)}`",
        "When to change it": _markdown(option.when),
        "Elsewhere": _markdown(option.elsewhere),
    }
    listed = [f"- {label}: {text.rstrip('.')}" for label, text in rows.items() if text]
    return "\n".join([f"### `{option.name}`", "", _markdown(option.help), "", *listed, ""])


def render_table(section: type) -> str:
    """A section's options as a Markdown table: option, default, what it is."""
    rows = [
        f"| `{option.name}` | {default_of(option)} | {_markdown(option.help)} |".replace("\n", " ")
        for option in options_of(section)
    ]
    return "\n".join(["| option | default | what it is |", "|---|---|---|", *rows, ""])


def default_of(option: Option) -> str:
    """The default in Markdown: the value, or what stands for it."""
    if option.unset:
        return option.unset
    return f"`{option.default_text}`" if option.default_text else "nothing"


def _general(heading: str) -> str:
    """The heading of the example as it is said of all such sections."""
    return " ".join([heading.split()[0], *("NAME" for _ in heading.split()[1:])])


def _purpose(section: type) -> str:
    return inspect.getdoc(section) or ""


def _markdown(text: str) -> str:
    return text.replace("*", r"\*").replace("<", "&lt;").replace("|", r"\|")
