"""Where browser tests take place: a daemon that writes down what its application sees, and another web site."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.functional.browser import PATIENCE, POLL_INTERVAL, need_client_library
from tests.functional.daemon import Daemon
from tests.functional.site.functional_site.recording import EVENT_FILE

HERE = Path(__file__).resolve().parent
#: Seconds after which the endpoint ``brief`` forgets a session; ``echo`` keeps the default, for slow machines.
BRIEF = 1.0


class PagesHandler(SimpleHTTPRequestHandler):
    """Serves the test's pages, and sockjs-client where the daemon has it too."""

    def translate_path(self, path: str) -> str:
        """Return the file behind *path*."""
        if path == "/sockjs/sockjs.min.js":
            return str(need_client_library())
        return super().translate_path(path)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


class ForeignSite:
    """Another web server on the loopback interface, whose pages connect to the daemon; it runs from the start.

    :param handler: answers its requests.
    """

    def __init__(self, handler: type[PagesHandler] = PagesHandler) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(HERE / "pages")))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(POLL_INTERVAL,), daemon=True)
        self._thread.start()
        self.port: int = self._server.server_address[1]

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Stage:
    """What all exchanges share: a daemon that allows the pages of one other origin, ``localhost``, and that other site.

    It runs from the start.
    """

    def __init__(self) -> None:
        self.foreign = ForeignSite()
        self._folder = tempfile.TemporaryDirectory(prefix="sockjsd-browser-")
        self._events = Path(self._folder.name, "events")
        self._events.touch()
        endpoint = {
            "application": "functional_site.recording.Recorder",
            "allowed_origins": f"http://localhost:{self.foreign.port}",
        }
        self.daemon = Daemon(
            {
                "site": {"settings": "functional_site.settings"},
                "endpoint echo": endpoint,
                "endpoint brief": endpoint | {"disconnect_delay": BRIEF},
            },
            environment={EVENT_FILE: str(self._events)},
            python_path=HERE / "site",
        )
        try:
            self.daemon.start()
        except RuntimeError:
            self.close()
            raise

    def events(self, session: str) -> list[dict[str, Any]]:
        """Return what the application has seen of *session* so far."""
        events = map(json.loads, self._events.read_text().splitlines())
        return [event for event in events if f"/{session}/" in event.pop("path")]

    def wait_for_end(self, session: str, longer: float = POLL_INTERVAL) -> list[dict[str, Any]]:
        """Return the events of *session* when its connection is lost, and *longer* seconds later, for others."""
        deadline = time.monotonic() + PATIENCE
        while not any(event["event"] == "lost" for event in self.events(session)) and time.monotonic() < deadline:
            time.sleep(POLL_INTERVAL)
        time.sleep(longer)
        return self.events(session)

    def close(self) -> None:
        """End everything."""
        self.daemon.close()
        self.foreign.close()
        self._folder.cleanup()
