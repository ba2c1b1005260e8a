# -*- test-case-name: tests.test_cli -*-
"""The command ``sockjsd``: try a configuration, print the reference, publish one message by hand, make a token.

The daemon itself is started by ``twistd sockjsd``.  Each command is a row of `COMMANDS`
and a small function.  The exit status is 0 when all went well, 1 after an error (one
message on standard error), 2 when the command line is not one (argparse's own).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn, TextIO

from sockjsd import __version__
from sockjsd.channels.names import check_channel
from sockjsd.config import Broker, Config, Endpoint, load
from sockjsd.config.addresses import hide_password
from sockjsd.config.endpoint import APPLICATIONS
from sockjsd.config.render import render_docs, render_sample
from sockjsd.errors import ConfigurationError, NotJSON, SockjsdError, StartError

#: Seconds that a site may take to be imported: far more than any does, short enough for an automated deployment.
CHILD_TIMEOUT = 60.0

#: The child's exit status when all was imported; one that a site which calls ``sys.exit`` would hardly choose.
CHILD_DONE = 77

#: Bytes from the end of the child's errors that are looked at.
_CHILD_ERRORS = 65536

#: Characters of the child's last line that are repeated.
_CHILD_LINE = 300

#: A process of its own imports the site, because an import cannot be undone or stopped.  It leaves by ``_exit``,
#: so that a thread that the site started cannot keep it.
_CHILD_PROGRAM = f"""
import importlib, json, os, sys
sys.path[:], settings, classes = json.loads(sys.argv[1])
if settings:
    os.environ["DJANGO_SETTINGS_MODULE"] = settings
    from django.core.wsgi import get_wsgi_application
    get_wsgi_application()
for dotted in classes:
    module, _, name = dotted.rpartition(".")
    found = getattr(importlib.import_module(module), name)
    from sockjsd.sockjs.connection import SockJSConnection
    if not (isinstance(found, type) and issubclass(found, SockJSConnection)):
        raise TypeError(dotted + " is not a subclass of SockJSConnection")
os._exit({CHILD_DONE})
"""

_TRACEBACK_LINE = re.compile(r'^ *File "([^"<]+)", line ([0-9]+)', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended.

    :param status: its exit status; ``None`` when it had to be stopped because it took too long.
    :param errors: the end of what it wrote to standard error.
    """

    status: int | None
    errors: str


def run_child(command: Sequence[str], timeout: float) -> Ended:
    """Run *command* to its end, for at most *timeout* seconds."""
    # A file instead of a pipe: grandchildren that keep a pipe open would make us wait for them.
    with tempfile.TemporaryFile() as errors:
        try:
            status: int | None = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                timeout=timeout,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            status = None
        errors.seek(max(0, errors.seek(0, os.SEEK_END) - _CHILD_ERRORS))
        return Ended(status, errors.read().decode("utf-8", "replace"))


def send(config: Config, channel: str, payload: str) -> int:
    """Publish; returns how many nodes heard it.  See `sockjsd.django.publishing.send_now`."""
    # Only this command needs it, and with it Django and redis-py.
    from sockjsd.django.publishing import send_now

    return send_now(config, channel, payload)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a command reads and writes besides its arguments; a test has its own."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    run_child: Callable[[Sequence[str], float], Ended] = run_child
    send: Callable[[Config, str, str], int] = send


# ------------------------------------------------------------------ check


def _check(arguments: argparse.Namespace, around: Surroundings) -> None:
    config = load(arguments.file, around.environ)
    _check_paths(config)
    _check_imports(config, around)
    print(f"{arguments.file}: ok", *_summary(config), sep="\n", file=around.out)


def _check_paths(config: Config) -> None:
    """Look whether the named files exist; `load` does not, as publishers on other machines read the same file."""
    library, folder = config.server.client_library, config.site.python_path
    key = config.channels.token_rsa_public_key
    if library is not None and not os.path.isfile(library):
        raise ConfigurationError(f"[server] client_library: there is no file {library!r}", config.file)
    if folder is not None and not os.path.isdir(folder):
        raise ConfigurationError(f"[site] python_path: there is no folder {folder!r}", config.file)
    if os.path.isabs(key) and not os.path.isfile(key):
        raise ConfigurationError(f"[channels] token_rsa_public_key: there is no file {key!r}", config.file)


def _check_imports(config: Config, around: Surroundings) -> None:
    site = config.site
    classes = [each.application for each in config.endpoints.values() if each.application not in APPLICATIONS]
    if not site.settings and not classes:
        return
    # Our own search path is twistd's; a child with -c would also look into the current folder, where twistd does not.
    search_path = [*filter(None, [site.python_path]), *sys.path]
    job = json.dumps([search_path, site.settings, classes])
    ended = around.run_child([sys.executable, "-c", _CHILD_PROGRAM, job], CHILD_TIMEOUT)
    if ended.status != CHILD_DONE:
        names = " and ".join(filter(None, [site.settings, *classes]))
        raise StartError(f"{config.file}: importing {names}: {_reason(ended)}{_advice(config)}")


def _reason(ended: Ended) -> str:
    """Why a child failed: the last line of its traceback, and where that points."""
    if ended.status is None:
        return f"not done after {CHILD_TIMEOUT:.0f} seconds"
    lines = ended.errors.strip().splitlines() or [f"the process ended with status {ended.status}"]
    last = "".join(character if character.isprintable() else "?" for character in lines[-1][:_CHILD_LINE])
    # A module that is missing is missed by importlib, on behalf of the line before.
    places = [place for place in _TRACEBACK_LINE.findall(ended.errors) if "/importlib/" not in place[0]]
    return last + (f" ({places[-1][0]}:{places[-1][1]})" if places else "")


def _advice(config: Config) -> str:
    """The command that shows all of what went wrong."""
    if not config.site.settings:
        return ""
    command = [sys.executable, "-m", "django", "check", "--settings", config.site.settings]
    if config.site.python_path:
        command += ["--pythonpath", config.site.python_path]
    return f"; for the whole traceback: {shlex.join(command)}"


def _summary(config: Config) -> Iterator[str]:
    for line in config.server.listen:
        yield f"  listen    {line}"
    yield f"  broker    {hide_password(config.broker.url)}"
    yield f"  site      {config.site.settings or 'none'}"
    for endpoint in config.endpoints.values():
        yield f"  endpoint  {endpoint.prefix}: {_activity(endpoint)}"
    for path in config.channels.paths:
        yield f"  channels  {path}"
    if config.channels.insecure:
        yield "  insecure  EVERY client may do EVERYTHING: for tests only"


def _activity(endpoint: Endpoint) -> str:
    return " ".join([endpoint.application, *endpoint.channels])


# ------------------------------------------------------------------ config, version


def _print_config(arguments: argparse.Namespace, around: Surroundings) -> None:
    around.out.write(render_docs() if arguments.docs else render_sample())


def _print_version(arguments: argparse.Namespace, around: Surroundings) -> None:
    print(f"sockjsd {__version__}", file=around.out)


# ------------------------------------------------------------------ publish


def _publish(arguments: argparse.Namespace, around: Surroundings) -> None:
    check_json(arguments.json)
    config = load(arguments.config or around.environ.get("SOCKJSD_CONFIG") or None, around.environ)
    heard = around.send(config, arguments.channel, arguments.json)
    print(_heard(heard, config.broker), file=around.out)


def _heard(nodes: int, broker: Broker) -> str:
    if nodes == 0:
        url = hide_password(broker.url)
        return f"heard by no node: does a daemon run with url = {url} and prefix = {broker.prefix} under [broker]?"
    return f"heard by {nodes} node{'' if nodes == 1 else 's'}"


def check_json(text: str) -> None:
    """Check that *text* is JSON, without changing a byte of it.

    :raises NotJSON: it is not.
    """
    try:
        text.encode("utf-8")
        # Numbers are only recognised, not converted: a long one is JSON too.
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        what = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise NotJSON(f"the data is not JSON: {what}; a text needs its own quotes: '\"hello\"'") from None


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a JSON number")


# ------------------------------------------------------------------ token


def _print_token(arguments: argparse.Namespace, around: Surroundings) -> None:
    # Only this command needs it, and with it PyJWT.
    from sockjsd.django.tokens import sign

    options = load(arguments.config or around.environ.get("SOCKJSD_CONFIG") or None, around.environ).channels
    channel = check_channel(arguments.channel) if arguments.channel else None
    print(sign(options, arguments.user, arguments.seconds, channel=channel), file=around.out)


# ------------------------------------------------------------------ the table


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the configuration")


def _config_arguments(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--sample", action="store_true", help="the commented sample file (the default)")
    which.add_argument("--docs", action="store_true", help="the reference, as Markdown")


def _no_arguments(parser: argparse.ArgumentParser) -> None:
    """For a command without any."""


def _publish_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", metavar="FILE", help="the configuration; default: SOCKJSD_CONFIG, else the defaults"
    )
    parser.add_argument("channel", metavar="CHANNEL", help="who subscribed to it receives the data")
    parser.add_argument("json", metavar="JSON", help="the data, sent as it is written here")


def _token_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", metavar="FILE", help="the configuration with the secret; default: SOCKJSD_CONFIG, else the defaults"
    )
    parser.add_argument("--channel", metavar="CHANNEL", help="make a token for a subscription to this channel")
    parser.add_argument(
        "--seconds", metavar="N", type=int, default=3600, help="how long it is good; default: 3600, 0 for ever"
    )
    parser.add_argument("user", metavar="USER", help="the user's id; '' is an anonymous one")


@dataclass(frozen=True, slots=True)
class Command:
    """A row of the table: the word, its line of help, its arguments, what it does (raises `SockjsdError`)."""

    word: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Surroundings], None]


COMMANDS = (
    Command("check", "try a configuration, and whether its site can be imported", _check_arguments, _check),
    Command("config", "print all options: a sample file, or their reference", _config_arguments, _print_config),
    Command("publish", "publish one message", _publish_arguments, _publish),
    Command("token", "make a token for a client, and print it", _token_arguments, _print_token),
    Command("version", "print the version", _no_arguments, _print_version),
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("sockjsd", description="The daemon is started by: twistd -n sockjsd --config FILE")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        sub = commands.add_parser(command.word, help=command.help, description=command.help)
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return parser


def main(argv: list[str] | None = None, around: Surroundings | None = None) -> int:
    """Run one command and return the exit status; ``None`` takes the process's own arguments and surroundings.

    :raises SystemExit: 2 for a command line that is not one, 0 after ``--help``.
    """
    arguments = _parser().parse_args(argv)
    around = around or Surroundings()
    try:
        arguments.run(arguments, around)
        around.out.flush()
    except SockjsdError as error:
        print(f"sockjsd: {error}", file=around.err)
        return 1
    except BrokenPipeError:  # whoever reads has seen enough: `sockjsd config --docs | head`
        with suppress(BrokenPipeError):  # closed by us, or Python would try once more at the end, and complain
            around.out.close()
        return 1
    return 0
