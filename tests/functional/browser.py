"""A real, headless Chromium for functional tests, driven over its DevTools protocol: one process, many pages."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import SkipTest

from websockets.sync.client import connect

from tests.functional import need

#: Where ``make venv`` puts sockjs-client.
CLIENT_LIBRARY = Path(sys.prefix, "share", "sockjs-client", "sockjs.min.js")
#: Seconds in which a Chromium that starts has to open its DevTools port; a loaded machine needs five.
START_LIMIT = 60.0
#: Seconds in which a page has to do what it was asked for.
PATIENCE = 30.0
#: Seconds between two looks at something that a page will do by itself.
POLL_INTERVAL = 0.05

#: Nothing of the user's, nothing to the network, and no slower in the background: all pages but one are there.
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-extensions --disable-dev-shm-usage --mute-audio "
    "--disable-background-timer-throttling --disable-renderer-backgrounding --disable-backgrounding-occluded-windows "
    "--remote-debugging-port=0"
).split()
#: Names of other machines, for what browsers do only where a site is neither this machine nor has TLS.
FLAGS.append("--host-resolver-rules=MAP *.test 127.0.0.1")

#: Cookies are sent for what is embedded from other sites, where they allow it themselves: the worst case, and what
#: many users have. Headless Chromium would not, by itself.
PREFERENCES = {"profile": {"cookie_controls_mode": 0}}


def need_client_library() -> Path:
    """Return the file of sockjs-client.

    :raises SkipTest: it is not installed.
    :raises AssertionError: the same, where ``CI`` is set: in CI nothing may be skipped.
    """
    if CLIENT_LIBRARY.is_file():
        return CLIENT_LIBRARY
    reason = "not installed: sockjs-client (make venv fetches it with npm)"
    raise AssertionError(reason) if os.environ.get("CI") else SkipTest(reason)


class PageError(Exception):
    """A script in a page raised, or the browser refused a command."""


class Browser:
    """One Chromium with an empty profile.

    Whoever calls :meth:`start` owes a :meth:`close`.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="sockjsd-chromium-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._connected = ExitStack()
        self._pages: dict[str, Page] = {}
        self._last_id = 0

    def start(self) -> Browser:
        """Start the process.

        :raises SkipTest: there is no Chromium.
        :raises RuntimeError: it does not start, with what it printed.
        """
        (program,) = need("chromium")
        profile = self._folder / "profile" / "Default"
        profile.mkdir(parents=True)
        (profile / "Preferences").write_text(json.dumps(PREFERENCES))
        command = [program, *FLAGS, f"--user-data-dir={self._folder / 'profile'}", "about:blank"]
        with open(self._folder / "log", "wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        socket = connect(self._wait_for_address(), max_size=None, compression=None, proxy=None)
        self._socket = self._connected.enter_context(socket)
        return self

    def open(self, url: str) -> Page:
        """Open a page and wait until it is loaded."""
        page = self.open_blank()
        page.load(url)
        return page

    def open_blank(self) -> Page:
        """Open an empty page, to be told something before it loads anything."""
        target = self.command(None, "Target.createTarget", url="about:blank")["targetId"]
        session = self.command(None, "Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session, target)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.command(f"{domain}.enable")
        return page

    def command(self, session: str | None, method: str, patience: float = PATIENCE, **parameters: Any) -> Any:
        """Send a command of the DevTools protocol and return its result; events that come first go to their pages.

        :raises PageError: the browser refuses it.
        :raises TimeoutError: no answer within *patience* seconds.
        """
        self._last_id += 1
        number = self._last_id
        request = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        self._socket.send(json.dumps(request))
        deadline = time.monotonic() + patience
        while (answer := self._receive(deadline)).get("id") != number:
            page = self._pages.get(answer.get("sessionId", ""))
            if page is not None and "method" in answer:
                page.take(answer["method"], answer["params"])
        if "error" in answer:
            raise PageError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def close(self) -> None:
        """End the process and remove its profile; does nothing a second time."""
        self._connected.close()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _receive(self, deadline: float) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._socket.recv(max(0.0, deadline - time.monotonic())))
        return answer

    def _wait_for_address(self) -> str:
        file = self._folder / "profile" / "DevToolsActivePort"
        deadline = time.monotonic() + START_LIMIT
        while not (file.is_file() and file.read_text().count("\n")):
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Chromium does not start: {(self._folder / 'log').read_text(errors='replace')}")
            time.sleep(POLL_INTERVAL)
        port, path = file.read_text().split("\n")[:2]
        return f"ws://127.0.0.1:{port}{path}"


class Page:
    """One window.

    :param browser: whose it is.
    :param session: the DevTools session that is attached to it.
    :param target: its own identifier.
    """

    def __init__(self, browser: Browser, session: str, target: str) -> None:
        self._browser = browser
        self._session = session
        self._target = target
        self._loaded = False
        #: What its console shows in red: uncaught errors, console.error(), requests that failed, policies broken.
        self.errors: list[str] = []
        #: The URLs that it asked for, frames and scripts included.
        self.requests: list[str] = []

    def load(self, url: str) -> None:
        """Go to *url* and wait until everything there is loaded."""
        self._loaded = False
        failed = self.command("Page.navigate", url=url).get("errorText")
        if failed:
            raise PageError(f"{url}: {failed}")
        deadline = time.monotonic() + PATIENCE
        while not self._loaded:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{url} did not load")
            self.evaluate("1")  # any answer will do: events come before it
            time.sleep(POLL_INTERVAL)

    def evaluate(self, script: str, patience: float = PATIENCE) -> Any:
        """Return the value of *script*, awaited where it is a promise.

        :raises PageError: it raised.
        :raises TimeoutError: no value within *patience* seconds.
        """
        answer = self.command(
            "Runtime.evaluate", patience, expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise PageError(_describe(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def wait_for(self, script: str) -> Any:
        """Wait until *script* is true and return its value.

        :raises TimeoutError: it never was; with the page's text.
        """
        deadline = time.monotonic() + PATIENCE
        while not (value := self.evaluate(script)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"never true: {script}\n{self.evaluate('document.body.innerText')}\n{self.errors}")
            time.sleep(POLL_INTERVAL)
        return value

    def type(self, text: str) -> None:
        """Type *text* where the focus is, and then Enter."""
        self.command("Input.insertText", text=text)
        self.press("Enter", 13, "\r")

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press and release one key; *code* is Windows' for it."""
        for kind in ("keyDown", "keyUp"):
            typed: dict[str, Any] = {"text": text} if text and kind == "keyDown" else {}
            self.command("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **typed)

    def screenshot(self, width: int, dark: bool = False) -> bytes:
        """Return a PNG of the whole page at *width* CSS pixels."""
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.command("Emulation.setEmulatedMedia", features=[theme])
        return base64.b64decode(self.command("Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def command(self, method: str, patience: float = PATIENCE, **parameters: Any) -> Any:
        """Send a command of the DevTools protocol to this page; errors as in ``Browser.command``."""
        return self._browser.command(self._session, method, patience, **parameters)

    def close(self) -> None:
        """Close the window."""
        self._browser.command(None, "Target.closeTarget", targetId=self._target)

    def take(self, event: str, parameters: dict[str, Any]) -> None:
        """Remember what the browser tells of this page."""
        if event == "Page.loadEventFired":
            self._loaded = True
        elif event == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.errors.append(_describe(parameters["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "assert"):
            self.errors.append(" ".join(str(argument.get("value")) for argument in parameters["args"]))
        elif event == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")


def _describe(details: dict[str, Any]) -> str:
    exception = details.get("exception", {})
    return str(exception.get("description") or exception.get("value") or details["text"])
