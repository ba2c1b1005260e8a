# -*- test-case-name: tests.functional.test_bad_http -*-
"""Raw bytes over real sockets to a real daemon, in every way in which one can be reached.

A ``Target`` is the daemon, a ``Line`` one connection to it.  Whoever has sent something bad asks
``Target.wait_for_nothing``: no session, no timer, no object and no file descriptor may be left in the daemon.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import socket
import ssl
import struct
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.functional.daemon import Daemon
from tests.functional.redis_server import find_free_port
from tests.functional.sockjs_client import PATIENCE, Answer, open_websocket, wait_until

SITE = Path(__file__).with_name("site")
#: Names the file into which the view ``note`` writes.
NOTES = "FUNCTIONAL_NOTES"

#: What stands before a request where the daemon expects HAProxy: the addresses are those of some client.
PROXY_1 = b"PROXY TCP4 192.0.2.1 127.0.0.1 50000 80\r\n"
PROXY_2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c" + b"\xc0\x00\x02\x01\x7f\x00\x00\x01" + struct.pack("!HH", 50000, 80)

#: The ways to reach the daemon, by kinds of endpoint string, and what has to come first.
WAYS = {"tcp": b"", "unix": b"", "ssl": b"", "haproxy, v1": PROXY_1, "haproxy, v2": PROXY_2}

#: The daemon's limits, so short that each can be reached: bytes, but for the fields, messages and requests.
HEAD, FIELDS, PIPELINE = 8192, 30, 4
SITE_BODY, SITE_MEMORY = 100_000, 1000
SEND, MESSAGE, MESSAGES = 1000, 1000, 5
SERVER = {"head_limit": HEAD, "head_fields": FIELDS, "pipeline_limit": PIPELINE}
_ENDPOINT = {
    "disconnect_delay": 0.25,
    "send_limit": SEND,
    "message_limit": MESSAGE,
    "messages_limit": MESSAGES,
    "output_limit": 100_000,
}
_SECTIONS = {
    "site": {
        "settings": "functional_site.settings",
        "python_path": SITE,
        "body_limit": SITE_BODY,
        "body_memory": SITE_MEMORY,
    },
    "endpoint echo": {"application": "echo", **_ENDPOINT},
    # Room for one session.
    "endpoint full": {"application": "echo", **_ENDPOINT, "session_limit": 1},
    "endpoint census": {"application": "tests.functional.census.Census", "heartbeat": 3600},
}


#: Bytes: more than the buffers of both ends of a connection hold, which the kernel lets grow to some MiB.
VERY_MUCH = 16 * 1024 * 1024
#: Seconds in which all has to be gone that clients have left behind; longer than a goodbye may linger.
END = 30.0
#: Seconds between two looks: each keeps the daemon busy for some hundredths.
PAUSE = 0.1

#: A traceback in the log, up to the next line with a time.
_TRACEBACK = re.compile(r"Traceback.*?(?=\n[0-9]{4}-|\Z)", re.DOTALL)


class Line(AbstractContextManager["Line"]):
    """One connection, which is closed at the end; every wait of it is impatient.

    :param connection: a socket.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._unread = b""
        self._ended = False

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send *data*; a daemon that has closed already need not take it."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def send_bytewise(self, data: bytes) -> None:
        """Send *data* byte by byte."""
        for at in range(len(data)):
            self.send(data[at : at + 1])

    def flood(self, data: bytes) -> None:
        """Send *data* over and over and read nothing, until the daemon takes no more, or has taken very much."""
        with suppress(OSError):
            for _ in range(VERY_MUCH // len(data)):
                self.socket.sendall(data)

    def read(self, size: int) -> bytes:
        """Return *size* bytes; less at the end."""
        while len(self._unread) < size and self._receive():
            pass
        data, self._unread = self._unread[:size], self._unread[size:]
        return data

    def read_until(self, end: bytes) -> bytes:
        """Return what comes up to *end*, with it; less at the end."""
        while end not in self._unread and self._receive():
            pass
        at = self._unread.find(end)
        return self.read(len(self._unread) if at < 0 else at + len(end))

    def read_rest(self) -> bytes:
        """Return everything up to the end."""
        while self._receive():
            pass
        return self.read(len(self._unread))

    def answer(self) -> Answer | None:
        """Return the next HTTP answer (also 100 and 101, not one to HEAD); ``None`` at the end."""
        head = self.read_until(b"\r\n\r\n")
        if not head:
            return None
        first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        protocol, status = first.split(" ", 2)[:2]
        assert protocol == "HTTP/1.1" and head.endswith(b"\r\n\r\n"), f"not an answer: {head!r}"
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return Answer(int(status), fields, self._body(int(status), fields))

    def answers(self) -> list[Answer]:
        """Return all HTTP answers up to the end."""
        return list(iter(self.answer, None))

    def ended(self) -> bool:
        """Read what is there, without waiting for more; return whether that was the end."""
        self.socket.settimeout(0)
        try:
            while self._receive():
                pass
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except ConnectionResetError:  # who is sent something while it closes says so; what it had answered was read
            self._ended = True
        finally:
            self.socket.settimeout(PATIENCE)
        return self._ended

    def leave(self, *, rudely: bool = False) -> None:
        """Close; *rudely*, as a client does that crashes: the daemon gets a reset."""
        if rudely and self.socket.family != socket.AF_UNIX:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _body(self, status: int, fields: dict[str, str]) -> bytes:
        if status < 200 or status in (204, 304):
            return b""
        if fields.get("transfer-encoding") == "chunked":
            return b"".join(self._chunks())
        return self.read(int(fields["content-length"])) if "content-length" in fields else self.read_rest()

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.read_until(b"\r\n") or b"0", 16):
            yield self.read(size + 2)[:-2]
        self.read(2)

    def _receive(self) -> bool:
        """Read once more; return whether there was anything."""
        if not self._ended:
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                raise AssertionError(f"nothing more in {PATIENCE:.0f} s, after {self._unread!r}") from None
            self._unread += data
            self._ended = not data
        return not self._ended


class Target:
    """A daemon that listens on every kind of endpoint string; it runs from the start.

    :param server: options of its section ``[server]``.
    """

    def __init__(self, **server: object) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sockjsd-wire-")
        folder = Path(self._folder.name)
        self._path = str(folder / "web.sock")
        self._notes = folder / "notes"
        self._tls = ssl.create_default_context(cafile=make_certificate(folder))
        self.ssl_port, self.haproxy_port = find_free_port(), find_free_port()
        listen = (
            "tcp:{port}:interface=127.0.0.1",
            f"unix:{self._path}",
            f"ssl:{self.ssl_port}:privateKey={folder}/key.pem:certKey={folder}/cert.pem:interface=127.0.0.1",
            f"haproxy:tcp:{self.haproxy_port}:interface=127.0.0.1",
        )
        sections = _SECTIONS | {"server": {"listen": "\n  ".join(("", *listen)), **server}}
        self.daemon = Daemon(sections, environment={NOTES: str(self._notes)}, python_path=SITE)
        try:
            self.daemon.start()
            self._census = open_websocket(self.daemon.port, "/census/websocket")
            self._warm_up()
        except BaseException:
            self.close()
            raise

    def _warm_up(self) -> None:
        """Let everything be imported and opened that stays for good, and take note of what is usual."""
        for way in WAYS:
            with self.line(way) as line:
                line.send(b"GET /note/?warm HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                assert [answer.status for answer in line.answers()] == [200], self.daemon.log()
        wait_until(lambda: self.held()["objects"]["HTTPConnection"] == 1, "quiet")
        self._usual = self.held()

    def connect(self, way: str) -> socket.socket:
        """Return a socket that is connected in the *way* which ``WAYS`` names; nothing was sent."""
        if way == "unix":
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(PATIENCE)
            connection.connect(self._path)
            return connection
        port = {"tcp": self.daemon.port, "ssl": self.ssl_port}.get(way, self.haproxy_port)
        connection = socket.create_connection(("127.0.0.1", port), PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        return connection

    def line(self, way: str) -> Line:
        """Return a connection on which a request can be sent: with TLS's handshake or HAProxy's header behind it."""
        connection = self.connect(way)
        if way == "ssl":
            # An end that is not announced (RFC 8446 section 6.1) is no end, but an error.
            connection = self._tls.wrap_socket(connection, server_hostname="localhost", suppress_ragged_eofs=False)
        connection.sendall(WAYS[way])
        return Line(connection)

    def notes(self) -> list[str]:
        """Return what the view ``note`` wrote down."""
        return self._notes.read_text().splitlines()

    def held(self) -> dict[str, object]:
        """Return what the daemon holds at this moment."""
        self._census.send("count")
        counted: dict[str, object] = json.loads(self._census.recv(PATIENCE))
        return counted | {"files": len(os.listdir(f"/proc/{self.daemon.pid}/fd"))}

    def wait_for_nothing(self) -> None:
        """Wait until the daemon holds no more than when it began, and has nothing to complain about.

        :raises AssertionError: it does, with what it holds; or there is a traceback in its log.
        """
        deadline = time.monotonic() + END
        while (held := self.held()) != self._usual:
            assert time.monotonic() < deadline, f"left: {held}\nusual: {self._usual}"
            time.sleep(PAUSE)
        # Twisted's parser of the PROXY protocol lets the error of a port that is no number pass; the connection ends.
        blocks = _TRACEBACK.findall(self.daemon.log())
        ours = [block for block in blocks if "twisted/protocols/haproxy/_v1" not in block]
        assert not ours, "\n".join(ours)

    def close(self) -> None:
        """End it."""
        self.daemon.close()
        self._folder.cleanup()


def client_hello() -> bytes:
    """Return the first bytes of a client that speaks TLS."""
    outgoing = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


def make_certificate(folder: Path) -> Path:
    """Write ``key.pem`` and ``cert.pem``, signed by itself for localhost, into *folder*; return the latter."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    file = folder / "cert.pem"
    file.write_bytes(certificate.public_bytes(pem))
    return file
