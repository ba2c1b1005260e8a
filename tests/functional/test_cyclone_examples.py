# -*- test-case-name: tests.functional.test_cyclone_examples -*-
"""Scripts for sockjs-cyclone run here after two of their lines were changed: the import and the port."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
from difflib import ndiff
from pathlib import Path
from shutil import copy, rmtree
from typing import ClassVar
from unittest import SkipTest, TestCase

from websockets.sync.client import ClientConnection

from tests.functional import need
from tests.functional.browser import Browser, need_client_library
from tests.functional.redis_server import find_free_port
from tests.functional.sockjs_client import PATIENCE, ask, new_session, open_websocket, wait_until

HERE = Path(__file__).parent
EXAMPLES = HERE / "cyclone_examples"

#: What is different in a script for sockjsd.
IMPORT_LINE = ("from sockjs.cyclone import ", "from sockjsd import listen, ")
LISTEN_LINE = ("reactor.listenTCP(8888, application)", 'listen(application, "tcp:{port}:interface=127.0.0.1")')

#: The client of npm's websocket-multiplex 0.1.0, the only version there is.
MULTIPLEX_CLIENT = ("package/multiplex_client.js", "ef503f468b620c3fdc5fb619c5a65c63babca8ca3d9a9ba64a4bbb3fecf23559")

#: Warnings of our own files are errors.
PYTHON = [sys.executable, "-W", "error:::sockjsd"]


def ported(source: str, port: int) -> str:
    """Return a script for sockjs-cyclone as one for sockjsd."""
    return source.replace(*IMPORT_LINE).replace(LISTEN_LINE[0], LISTEN_LINE[1].format(port=port))


class Script:
    """A running example.

    :param name: of the file.
    :param arguments: of the script.
    """

    def __init__(self, name: str, *arguments: str) -> None:
        self.port = find_free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="sockjsd-example-"))
        script = self._folder / name
        script.write_text(ported((EXAMPLES / name).read_text(), self.port))
        command = [*PYTHON, str(script), *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def wait(self, path: str) -> None:
        """Wait until it answers at *path*."""
        wait_until(lambda: self._answers(path), f"an answer at {path}")

    def stop(self) -> str:
        """Ask it to end; return what it printed.  Not by SIGINT, which is ignored below a shell's background job."""
        self._process.send_signal(signal.SIGTERM)
        output, _ = self._process.communicate(timeout=PATIENCE)
        return output.decode()

    def close(self) -> None:
        """Kill it if it runs, and leave nothing behind."""
        if self._process.returncode is None:
            self._process.kill()
            self._process.communicate()
        rmtree(self._folder)

    def _answers(self, path: str) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(f"the script ended:\n{self._process.communicate()[0].decode()}")
        try:
            return ask(self.port, "GET", path).status == 200
        except OSError:
            return False


class PollingClient:
    """A client that polls.

    :param path: of the endpoint.
    """

    def __init__(self, port: int, path: str) -> None:
        self._port = port
        self._path = path + new_session()
        assert self.poll() == "o\n"

    def poll(self) -> str:
        """Return the next frame."""
        return ask(self._port, "POST", f"{self._path}/xhr").body.decode()

    def messages(self) -> list[str]:
        """Return the messages that come next."""
        frame = self.poll()
        assert frame[0] == "a", frame
        found: list[str] = json.loads(frame[1:])
        return found

    def send(self, message: str) -> None:
        """Send one message."""
        assert ask(self._port, "POST", f"{self._path}/xhr_send", json.dumps([message]).encode()).status == 204


class ExampleTestCase(TestCase):
    """A script that runs."""

    name: ClassVar[str]
    path: ClassVar[str]
    arguments: tuple[str, ...] = ()

    def setUp(self) -> None:
        self.script = Script(self.name, *self.arguments)
        self.addCleanup(self.script.close)
        self.script.wait(self.path)

    def socket(self, path: str) -> ClientConnection:
        """Return a client with a WebSocket; its open frame was read."""
        socket = open_websocket(self.script.port, f"{path}{new_session()}/websocket")
        self.addCleanup(socket.close)
        self.assertEqual(socket.recv(PATIENCE), "o")
        return socket

    def heard(self, socket: ClientConnection) -> list[str]:
        """Return the messages of the next frame."""
        frame = str(socket.recv(PATIENCE))
        self.assertEqual(frame[0], "a", frame)
        found: list[str] = json.loads(frame[1:])
        return found

    def send(self, socket: ClientConnection, message: str) -> None:
        """Send one message."""
        socket.send(json.dumps([message]))

    def assert_ends_cleanly(self) -> None:
        """It ends when it is asked to, and nothing was printed on its way: neither warnings nor tracebacks."""
        self.assertEqual(self.script.stop(), "")


class DifferenceTests(TestCase):
    """What has to be changed."""

    def test_two_lines_are_different(self) -> None:
        """In each script."""
        for file in sorted(EXAMPLES.glob("*.py")):
            with self.subTest(file=file.name):
                old = file.read_text()
                lines = list(ndiff(old.splitlines(), ported(old, 8888).splitlines()))
                self.assertEqual(sum(line.startswith("- ") for line in lines), 2)
                self.assertEqual(sum(line.startswith("+ ") for line in lines), 2)


class ChatTests(ExampleTestCase):
    """The chat."""

    name = "chat.py"
    path = "/chat"

    def test_everybody_hears_everybody_on_any_transport(self) -> None:
        """One over a WebSocket, one that polls."""
        first = self.socket("/chat")
        second = PollingClient(self.script.port, "/chat")
        self.assertEqual(self.heard(first), ["somebody came"])
        self.send(first, "hello, é")
        self.assertEqual((self.heard(first), second.messages()), (["hello, é"], ["hello, é"]))
        second.send("hi")
        self.assertEqual((self.heard(first), second.messages()), (["hi"], ["hi"]))
        first.close()
        self.assertEqual(second.messages(), ["somebody left"])
        self.assert_ends_cleanly()

    def test_page_of_the_application_is_served_beside(self) -> None:
        """By Cyclone's own handlers."""
        page = ask(self.script.port, "GET", "/?name=Ann")
        self.assertEqual((page.status, page.body), (200, b"<title>Chat</title><h1>Hello, Ann</h1>"))
        self.assertEqual(ask(self.script.port, "HEAD", "/").status, 405)
        self.assertEqual(ask(self.script.port, "GET", "/nowhere").status, 404)


class StatsTests(ExampleTestCase):
    """The numbers."""

    name = "stats.py"
    path = "/numbers"

    def test_numbers_follow_the_other_router(self) -> None:
        """Told each second over a WebSocket, counted on both transports."""
        numbers = self.socket("/numbers")
        said = json.loads(self.heard(numbers)[0])
        self.assertEqual((said["sessions_active"], said["connections_active"], said["packets_recv_ps"]), (0, 0, 0))
        watched = self.socket("/broadcast")
        polling = PollingClient(self.script.port, "/broadcast")
        polling.send("x")
        self.assertEqual(self.heard(watched), ["x"])
        while not (said["packets_recv_ps"] and said["packets_sent_ps"] and said["connections_ps"]):
            said = json.loads(self.heard(numbers)[0])
        self.assertEqual((said["sessions_active"], said["transp_websocket"], said["transp_xhr"]), (2, 1, 0))
        self.assertEqual(polling.messages(), ["x"])
        watched.close()
        while said["transp_websocket"]:
            said = json.loads(self.heard(numbers)[0])
        self.assertEqual(said["connections_active"], 0)
        numbers.close()
        self.assert_ends_cleanly()


def multiplex_client(folder: Path) -> Path:
    """Return npm's client of websocket-multiplex.

    :raises SkipTest: it cannot be fetched.
    :raises AssertionError: the same, where ``CI`` is set; or it is another one than expected.
    """
    (npm,) = need("npm")
    done = subprocess.run(
        [npm, "pack", "--silent", "websocket-multiplex@0.1.0"], cwd=folder, capture_output=True, text=True
    )
    if done.returncode:
        reason = f"npm cannot fetch websocket-multiplex: {done.stderr}"
        raise AssertionError(reason) if os.environ.get("CI") else SkipTest(reason)
    with tarfile.open(folder / done.stdout.strip()) as package:
        source = package.extractfile(MULTIPLEX_CLIENT[0])
        assert source is not None
        data = source.read()
    assert hashlib.sha256(data).hexdigest() == MULTIPLEX_CLIENT[1], "another client than the one that was tested"
    file = folder / "multiplex_client.js"
    file.write_bytes(data)
    return file


class MultiplexTests(ExampleTestCase):
    """Three connections over one."""

    name = "multiplex.py"
    path = "/multiplex"

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sockjsd-multiplex-"))
        self.addCleanup(rmtree, self.folder)
        self.arguments = (str(self.folder),)
        super().setUp()

    def test_topics_are_connections_on_any_transport(self) -> None:
        """The bytes of the protocol, over a WebSocket and by polling."""
        socket = self.socket("/multiplex")
        polling = PollingClient(self.script.port, "/multiplex")
        self.send(socket, "sub,ann")
        self.assertEqual(self.heard(socket), ["msg,ann,Ann is here"])
        polling.send("sub,bob")
        polling.send("msg,bob,a,b")
        self.assertEqual(polling.messages(), ["msg,bob,Bob heard a,b"])
        self.send(socket, "sub,carl")
        self.assertEqual(self.heard(socket) + self.heard(socket), ["msg,carl,Carl has to go", "uns,carl"])
        self.send(socket, "uns,ann")
        self.send(socket, "msg,ann,nobody hears this")
        self.send(socket, "sub,ann")
        self.assertEqual(self.heard(socket), ["msg,ann,Ann is here"])
        socket.close()
        self.assertEqual(ask(self.script.port, "GET", "/static/nothing").status, 404)

    def test_client_from_npm_understands_us(self) -> None:
        """In a browser, on the page that the application renders."""
        need("chromium")
        multiplex_client(self.folder)
        copy(need_client_library(), self.folder)
        for name in ("multiplex.html", "multiplex.js"):
            copy(HERE / "pages" / name, self.folder)
        browser = Browser()
        self.addCleanup(browser.close)
        browser.start()
        page = browser.open(f"http://127.0.0.1:{self.script.port}/")
        page.wait_for("heard.length === 6")
        heard = page.evaluate("heard")
        self.assertEqual(
            sorted(heard),
            ["ann open", "ann: Ann is here", "bob open", "carl closed", "carl open", "carl: Carl has to go"],
        )
        self.assertLess(heard.index("carl: Carl has to go"), heard.index("carl closed"))
        page.evaluate("heard.length = 0, channels.ann.send('a,b'), channels.bob.send('é'), 0")
        page.wait_for("heard.length === 2")
        self.assertEqual(page.evaluate("heard"), ["ann: Ann heard a,b", "bob: Bob heard é"])
        page.evaluate("heard.length = 0, channels.ann.close(), channels.bob.send('still here'), 0")
        page.wait_for("heard.length === 2")
        self.assertEqual(sorted(page.evaluate("heard")), ["ann closed", "bob: Bob heard still here"])
