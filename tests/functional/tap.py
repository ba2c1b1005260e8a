"""A port in front of a server's which writes down what passes: what a browser really sends, and really gets."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import cast

from tests.functional.sockjs_client import PATIENCE

_STATUS = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ")
_FIELD = re.compile(rb"([^:\r\n]+): *([^\r\n]*)")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that passed.

    :param fields: names in lower case.
    :param status: of its answer; 0 while there is none.
    """

    method: str
    path: str
    fields: dict[str, str]
    status: int


class Conversation:
    """What passed on one connection, in each direction."""

    def __init__(self) -> None:
        self.sent = b""
        self.answered = b""

    def requests(self) -> Iterator[Asked]:
        """Yield the requests, as far as their heads are complete."""
        statuses = [int(status) for status in _STATUS.findall(self.answered)]
        rest = self.sent
        while b"\r\n\r\n" in rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            line, _, lines = head.partition(b"\r\n")
            method, path, _ = line.decode("latin-1").split(" ")
            fields = {name.lower().decode(): value.decode("latin-1") for name, value in _FIELD.findall(lines)}
            status = statuses.pop(0) if statuses else 0
            yield Asked(method, path, fields, status)
            rest = b"" if status == 101 else rest[int(fields.get("content-length", "0")) :]


class Tap:
    """Passes on what comes to a port of its own; it runs from the start.

    :param target: the server's port of 127.0.0.1.
    """

    def __init__(self, target: int) -> None:
        self.conversations: list[Conversation] = []
        self._server = _Server(("127.0.0.1", 0), _Pass)
        self._server.tap, self._server.target = self, target
        self.port: int = self._server.server_address[1]
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def requests(self, part: str) -> list[Asked]:
        """Return the requests so far whose path has *part* in it."""
        return [asked for each in list(self.conversations) for asked in each.requests() if part in asked.path]

    def answers(self) -> bytes:
        """Return all that was answered."""
        return b"\n".join(conversation.answered for conversation in list(self.conversations))

    def close(self) -> None:
        """Take no more connections."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    tap: Tap
    target: int


class _Pass(BaseRequestHandler):
    def handle(self) -> None:
        server = cast(_Server, self.server)
        conversation = Conversation()
        server.tap.conversations.append(conversation)
        with socket.create_connection(("127.0.0.1", server.target), PATIENCE) as target:
            target.settimeout(None)
            back = Thread(target=self._back, args=(target, conversation), daemon=True)
            back.start()
            for data in _pieces(self.request):
                conversation.sent += data
                target.sendall(data)
            _end(target)
            back.join(PATIENCE)

    def _back(self, target: socket.socket, conversation: Conversation) -> None:
        for data in _pieces(target):
            conversation.answered += data
            try:
                self.request.sendall(data)
            except OSError:
                break
        _end(self.request)


def _pieces(source: socket.socket) -> Iterator[bytes]:
    try:
        while data := source.recv(65536):
            yield data
    except OSError:
        return


def _end(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        return
