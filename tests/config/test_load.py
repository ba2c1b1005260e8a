# -*- test-case-name: tests.config.test_load -*-
"""From files and the environment to a `Config`, or to one message."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sockjsd import config
from sockjsd.config import Broker, Channels, Config, Endpoint, Namespace, Server, Site, load
from sockjsd.errors import ConfigurationError
from tests.config.files import FilesTestCase

TOP = Path(__file__).resolve().parents[2]

FULL = """\
    # A site behind HAProxy.
    [server]
    listen =
        haproxy:tcp:8000
        unix:/run/sockjsd.sock
    umask = 007
    drain_timeout = 1min
    head_limit = 32KiB
    client_library = static/sockjs.js

    [broker]
    url = redis://:s3cret@redis:6379/2
    breaker_delay = 500ms

    [site]
    settings = shop.settings
    python_path = ..
    threads = 20

    [channels]
    enabled = yes
    token_hmac_secret = hunter2
    token_rsa_public_key =
        -----BEGIN PUBLIC KEY-----
        MIIB
        -----END PUBLIC KEY-----

    [namespace]
    allow_subscribe = anyone

    [namespace sport]
    history_size = 10
    history_ttl = 5min
    recovery = cache

    [endpoint events]
    channels = news sport:football
    allowed_origins = django https://*.example.com
    cookie = yes

    [endpoint team-chat]
    prefix = /chat
    application = shop.sockets.Chat
    transports = websocket xhr
    """

#: Text of a file, the whole message without the folder.
WRONG = [
    (
        "[servr]\nlisten = tcp:1\n",
        "a.ini:1: '[servr]' is no section, did you mean server?; allowed: [server], [broker], [site], "
        "[channels], [namespace], [namespace NAME], [endpoint NAME]",
    ),
    ("[Broker]\n", "a.ini:1: '[Broker]' is no section, did you mean broker?; allowed: [server], "),
    ("[xyz]\n", "a.ini:1: '[xyz]' is no section; allowed: [server], [broker], [site], [channels], [namespace], "),
    ("[channels x]\n", "a.ini:1: '[channels x]' is no section"),
    ("[namespace a b]\n", "a.ini:1: '[namespace a b]' is no section"),
    ("[namespace é]\n", "a.ini:1: 'é' cannot be a namespace's name; allowed: 1 to 64 letters, digits, -, _ and ."),
    ("\n[namespace a]\nhistory_size = 1\n", "a.ini:2: namespace a: history_size and history_ttl belong together"),
    (
        "[channels]\nmeta_ttl = 1min\n[namespace a]\nhistory_size = 1\nhistory_ttl = 2min\n",
        "a.ini:3: namespace a: history_ttl is longer than meta_ttl of [channels], after which a channel is forgotten; ",
    ),
    ("[channels]\nping_interval = 5\n", "a.ini:1: channels: pong_timeout has to be less than ping_interval"),
    ("[channels]\napi_key = a\n hunter2\n", "a.ini:2: [channels] api_key: got a value that is not shown; allowed: one"),
    (
        "[endpoint events]\napplication = echo\n[channels]\nevents = yes\n",
        "a.ini:1: endpoint events: prefix /events and /events of [channels] overlap; allowed: prefixes of which none",
    ),
    ("[endpoint]\n", "a.ini:1: '[endpoint]' is no section, did you mean endpoint?; allowed: "),
    ("[endpoint a b]\n", "a.ini:1: '[endpoint a b]' is no section"),
    ("[server x]\n", "a.ini:1: '[server x]' is no section"),
    ("[endpoint é]\n", "a.ini:1: 'é' cannot be an endpoint's name; allowed: 1 to 64 letters, digits, - and _"),
    ("[endpoint a]\nchannels = n\n[endpoint  a]\n", "a.ini:3: the section [endpoint a] stands there twice"),
    ("[server]\n[ server ]\n", "a.ini:2: the section [server] stands there twice; allowed: each section once"),
    (
        "[site]\n\nthread = 3\n",
        "a.ini:3: [site] 'thread' is no option, did you mean threads?; "
        "allowed: settings, python_path, threads, queue, body_limit, body_memory, spool_limit, response_spool, streams",
    ),
    ("[site]\nBody-Limit = 3\n", "a.ini:2: [site] 'Body-Limit' is no option, did you mean body_limit?; allowed: "),
    ("[site]\nname = 3\n", "a.ini:2: [site] 'name' is no option; allowed: settings, "),
    (
        "[server]\nlisten = 8000\n",
        "a.ini:2: [server] listen: got '8000'; '8000' is only a port number: write tcp:8000; allowed: Twisted endpoint",
    ),
    (
        "[server]\numask = 022\ndrain_timeout = 30 sheep\n",
        "a.ini:3: [server] drain_timeout: got '30 sheep'; allowed: 0, or a time of at most a year such as 30, ",
    ),
    (
        "[server]\nhead_fields = " + "9" * 500,
        "a.ini:2: [server] head_fields: got '" + "9" * 60 + "'…; allowed: a whole",
    ),
    (
        "[broker]\npassword = hunter2\n  more\n",
        "a.ini:2: [broker] password: got a value that is not shown; allowed: one line",
    ),
    ("[endpoint a]\nchannels = x\ncookie = maybe\n", "a.ini:3: [endpoint a] cookie: got 'maybe'; allowed: yes or no"),
    (
        "[server]\n\n[endpoint a]\ncookie = yes\n",
        "a.ini:3: endpoint a: a relay needs channels: add 'channels = NAME …'",
    ),
    (
        "[endpoint a]\napplication = echo\n[endpoint b]\nprefix = /a/b\napplication = echo\n",
        "a.ini:3: endpoint b: prefix /a/b and prefix /a of endpoint a overlap; allowed: prefixes of which none",
    ),
    (
        "[endpoint a]\nchannels = n\n  heartbeat = 5\n",
        "a.ini:2: [endpoint a] channels: a further line of the value looks like heartbeat; allowed: options",
    ),
    (
        "[endpoint a]\nchannels = n\n  [site]\n",
        "a.ini:2: [endpoint a] channels: a further line of the value looks like a heading; allowed: options and",
    ),
    ("[site]\nx = 1\nx = 2\n", "a.ini:3: [site] 'x' stands there twice; allowed: once in a section"),
]


class LoadTests(FilesTestCase):
    """Defaults, then the file, then the environment."""

    maxDiff = None

    def test_config_is_the_default_when_there_is_no_file(self) -> None:
        """``None`` and an empty file are the same but for the name."""
        self.assertEqual(load(None, {}), Config())
        self.assertEqual(load(self.write(""), {}), Config(file=self.path()))

    def test_config_has_what_the_file_says(self) -> None:
        """Every section, paths from the file's folder, endpoints in their order."""
        loaded = load(self.write(FULL), {})
        self.assertEqual(
            loaded,
            Config(
                Server(
                    listen=("haproxy:tcp:8000", "unix:/run/sockjsd.sock"),
                    umask=0o007,
                    drain_timeout=60.0,
                    head_limit=32768,
                    client_library=self.path("static/sockjs.js"),
                ),
                Broker(url="redis://:s3cret@redis:6379/2", breaker_delay=0.5),
                Site(settings="shop.settings", python_path=os.path.dirname(self.folder), threads=20),
                {
                    "events": Endpoint(
                        "events",
                        channels=("news", "sport:football"),
                        allowed_origins=("django", "https://*.example.com"),
                        cookie=True,
                    ),
                    "team-chat": Endpoint(
                        "team-chat", prefix="/chat", application="shop.sockets.Chat", transports=("websocket", "xhr")
                    ),
                },
                self.path(),
                Channels(
                    enabled=True,
                    token_hmac_secret="hunter2",
                    token_rsa_public_key="-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
                ),
                {
                    "": Namespace(allow_subscribe="anyone"),
                    "sport": Namespace("sport", history_size=10, history_ttl=300.0, recovery="cache"),
                },
            ),
        )
        self.assertEqual(list(loaded.endpoints), ["events", "team-chat"])

    def test_environment_wins_when_both_are_given(self) -> None:
        """Over the file, and over the defaults where there is none."""
        environ = {"SOCKJSD_BROKER_URL": "redis://other", "SOCKJSD_ENDPOINT_TEAM_CHAT_PREFIX": "/talk"}
        loaded = load(self.write(FULL), environ)
        self.assertEqual(loaded.broker.url, "redis://other")
        self.assertEqual(loaded.broker.breaker_delay, 0.5)
        self.assertEqual(loaded.endpoints["team-chat"].prefix, "/talk")
        self.assertEqual(load(None, {"SOCKJSD_BROKER_URL": "redis://h"}).broker, Broker(url="redis://h"))

    def test_relay_is_complete_when_the_environment_names_its_channels(self) -> None:
        """File and environment are checked together, not one by one."""
        path = self.write("[endpoint a]\n")
        self.assertEqual(load(path, {"SOCKJSD_ENDPOINT_A_CHANNELS": "x y"}).endpoints["a"].channels, ("x", "y"))

    def test_environment_reaches_namespaces_when_they_are_in_the_file(self) -> None:
        """The one without a name is always there."""
        environ = {"SOCKJSD_NAMESPACE_ALLOW_SUBSCRIBE": "user", "SOCKJSD_NAMESPACE_SPORT_PRESENCE": "yes"}
        loaded = load(self.write("[namespace sport]\n"), environ).namespaces
        self.assertEqual(loaded, {"": Namespace(allow_subscribe="user"), "sport": Namespace("sport", presence=True)})

    def test_listening_has_several_lines_when_the_variable_has(self) -> None:
        """A newline divides in a variable too."""
        loaded = load(None, {"SOCKJSD_SERVER_LISTEN": "tcp:1\ntcp:2"})
        self.assertEqual(loaded.server.listen, ("tcp:1", "tcp:2"))

    def test_process_environment_is_used_when_none_is_given(self) -> None:
        """The default of the argument is the real one."""
        self.addCleanup(os.environ.pop, "SOCKJSD_SITE_THREADS", None)
        os.environ["SOCKJSD_SITE_THREADS"] = "7"
        self.assertEqual(load(None).site.threads, 7)


class ErrorTests(FilesTestCase):
    """One message: where, what it got, what is allowed."""

    def message(self, path: str | None, environ: dict[str, str]) -> str:
        """The message with which a configuration is refused."""
        with self.assertRaises(ConfigurationError) as caught:
            load(path, environ)
        return self.shorten(caught.exception)

    def test_error_names_file_and_line_when_the_file_is_wrong(self) -> None:
        """The table of slips."""
        for text, problem in WRONG:
            with self.subTest(text=text[:60]):
                message = self.message(self.write(text), {})
                self.assertTrue(message.startswith(problem), message)
                self.assertNotIn("hunter2", message)
                self.assertNotIn("\n", message)
                self.assertLess(len(message), 600)

    def test_error_names_variable_when_the_value_came_from_it(self) -> None:
        """Also where the file has a good value."""
        path = self.write("[server]\numask = 022\n")
        self.assertEqual(
            self.message(path, {"SOCKJSD_SERVER_UMASK": "rw"}),
            "SOCKJSD_SERVER_UMASK: [server] umask: got 'rw'; "
            "allowed: octal permission bits from 000 to 777, such as 022",
        )

    def test_error_hides_secret_when_it_came_from_a_file_of_its_own(self) -> None:
        """The variable is named, the content is not shown."""
        secret = self.write(b"hunter2\nhunter3\n", "secret")
        message = self.message(None, {"SOCKJSD_BROKER_PASSWORD_FILE": secret})
        self.assertTrue(
            message.startswith("SOCKJSD_BROKER_PASSWORD_FILE: [broker] password: got a value that"), message
        )
        self.assertNotIn("hunter", message)

    def test_error_names_variable_when_only_the_environment_knows_the_endpoint(self) -> None:
        """An endpoint needs its section in the file."""
        message = self.message(None, {"SOCKJSD_ENDPOINT_NEWS_CHANNELS": "a"})
        self.assertEqual(
            message,
            "SOCKJSD_ENDPOINT_NEWS_CHANNELS: names no endpoint of the file and its option; "
            "an endpoint needs a section [endpoint NAME] in the file",
        )

    def test_error_names_file_when_it_is_missing(self) -> None:
        """The path as it was given."""
        message = self.message(self.path("none.ini"), {})
        self.assertEqual(
            message, "none.ini: cannot be read: No such file or directory; allowed: the path of a readable file"
        )


class ImportTests(FilesTestCase):
    """What importing the package costs."""

    def test_import_loads_no_server_and_no_client_when_only_a_publisher_needs_it(self) -> None:
        """Django and Celery processes pay for the standard library only."""
        program = (
            "import sys, sockjsd.config\n"
            "print(sorted({'twisted', 'django', 'redis', 'cyclone', 'txredisapi'} & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", program], cwd=TOP, capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.strip(), "[]")

    def test_package_offers_its_names(self) -> None:
        """The public names, and nothing by accident."""
        self.assertEqual(
            config.__all__, ["Broker", "Channels", "Config", "Endpoint", "Namespace", "Server", "Site", "load"]
        )
