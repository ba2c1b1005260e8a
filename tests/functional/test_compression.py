# -*- test-case-name: tests.functional.test_compression -*-
"""permessage-deflate and binary messages between a real daemon and clients that others wrote."""

from __future__ import annotations

import json
import random
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from unittest import TestCase

from websockets.exceptions import ConnectionClosedError
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, PerMessageDeflate
from websockets.sync.client import ClientConnection, connect

from tests.functional.browser import PATIENCE, Browser
from tests.functional.daemon import Daemon
from tests.functional.shared import Shared
from tests.transports.server import HANDSHAKE
from tests.websocket.examples import client as masked

TEXT, BINARY, CLOSE, RSV1 = 1, 2, 8, 0x40
MIB = 1 << 20

ECHO = {"application": "echo", "compression": "yes", "compression_threshold": 100, "message_limit": "1MiB"}
daemon = Shared(
    lambda: Daemon(
        {
            "endpoint lone": ECHO,
            "endpoint context": ECHO | {"compression_context": "yes"},
            "endpoint plain": {"application": "echo", "message_limit": "1MiB"},
        }
    ).start()
)

#: What a client may offer of each parameter; "" and True stand for a parameter without a value.
SERVER_CONTEXT, CLIENT_CONTEXT = (False, True), (False, True)
SERVER_BITS: tuple[int | None, ...] = (None, 9, 12, 15)
CLIENT_BITS: tuple[int | bool | None, ...] = (None, True, 9, 15)


def messages() -> list[str | bytes]:
    """Return messages of all sizes, compressible and not, some of which resemble each other."""
    noise = random.Random(1)
    words = [noise.choice("sun moon star Motörhead 𝄞 sea".split()) for _ in range(4000)]
    texts: list[str | bytes] = [" ".join(words[:count]) for count in (0, 1, 30, 31, 30, 4000, 31)]
    return [*texts, noise.randbytes(5), noise.randbytes(3000), bytes(3000), b"", b"abc" * 100_000, *texts]


@contextmanager
def connected(endpoint: str, *offers: ClientPerMessageDeflateFactory) -> Iterator[ClientConnection]:
    """Connect to an endpoint's raw WebSocket, offering compression."""
    url = f"ws://127.0.0.1:{daemon.get().port}/{endpoint}/websocket"
    with connect(url, compression=None, extensions=list(offers), proxy=None, open_timeout=PATIENCE) as client:
        yield client


class InteroperabilityTests(TestCase):
    """The library ``websockets`` as the other end."""

    def assert_echoes(self, client: ClientConnection) -> None:
        """Fail unless each message comes back as it was, whether the client waits for it or not."""
        for message in messages():
            client.send(message)
            self.assertEqual(client.recv(PATIENCE), message)
        for message in messages():
            client.send(message)
        for message in messages():
            self.assertEqual(client.recv(PATIENCE), message)

    def test_messages_come_back_with_each_combination_of_parameters(self) -> None:
        """On an endpoint without contexts and on one with them."""
        combinations = product(("lone", "context"), SERVER_CONTEXT, CLIENT_CONTEXT, SERVER_BITS, CLIENT_BITS)
        for endpoint, server_context, client_context, server_bits, client_bits in combinations:
            offer = ClientPerMessageDeflateFactory(server_context, client_context, server_bits, client_bits)
            with self.subTest(endpoint, offer=offer.get_request_params()), connected(endpoint, offer) as client:
                (chosen,) = client.protocol.extensions
                assert isinstance(chosen, PerMessageDeflate)
                self.assertEqual(chosen.remote_no_context_takeover, endpoint == "lone" or server_context)
                self.assertEqual(chosen.local_no_context_takeover, endpoint == "lone" or client_context)
                self.assert_echoes(client)

    def test_second_offer_is_met_where_the_first_cannot_be(self) -> None:
        """A window of 256 bytes is not to be had."""
        offers = [ClientPerMessageDeflateFactory(server_max_window_bits=bits) for bits in (8, 10)]
        with connected("lone", *offers) as client:
            self.assertIn("server_max_window_bits=10", client.response.headers["Sec-WebSocket-Extensions"])
            self.assert_echoes(client)

    def test_messages_come_back_without_compression(self) -> None:
        """Where the client does not offer it, the endpoint has none, or the offer cannot be met."""
        offer = ClientPerMessageDeflateFactory()
        impossible = ClientPerMessageDeflateFactory(server_max_window_bits=8)
        for endpoint, offers in (("lone", []), ("plain", [offer]), ("context", [impossible])):
            with self.subTest(endpoint), connected(endpoint, *offers) as client:
                self.assertEqual(client.protocol.extensions, [])
                self.assert_echoes(client)

    def test_binary_is_refused_with_sockjs_framing(self) -> None:
        """There is only text; compressed binary is binary too."""
        url = f"ws://127.0.0.1:{daemon.get().port}/lone/0/s/websocket"
        for compression, data in product((None, "deflate"), (b"", bytes(3000))):
            with connect(url, compression=compression, proxy=None) as client:
                self.assertEqual(client.recv(PATIENCE), "o")
                client.send(data)
                with self.assertRaises(ConnectionClosedError) as caught:
                    client.recv(PATIENCE)
                assert caught.exception.rcvd is not None
                self.assertEqual(caught.exception.rcvd.code, 1003)


def peak_memory(pid: int) -> int:
    """Return the most bytes that a process ever had in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("Linux tells the peak of each process")


class BombTests(TestCase):
    """Little data that means much."""

    def bomb(self, size: int) -> bytes:
        """Return *size* bytes of nothing, compressed."""
        stream = zlib.compressobj(9, wbits=-15)
        data = b"".join(stream.compress(bytes(MIB)) for _ in range(size // MIB)) + stream.flush(zlib.Z_SYNC_FLUSH)
        return data[:-4]

    def answer(self, data: bytes) -> bytes:
        """Send *data* behind a handshake, and return what comes until the end."""
        fields = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in HANDSHAKE.items())
        head = (
            f"GET /lone/websocket HTTP/1.1\r\nHost: x\r\n{fields}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", daemon.get().port), timeout=PATIENCE) as connection:
            connection.sendall(head.encode() + data)
            received = b""
            while piece := connection.recv(65536):
                received += piece
        return received.partition(b"\r\n\r\n")[2]

    def test_bombs_are_refused_and_take_no_memory(self) -> None:
        """256 MiB in 256 KiB, in one frame and in many: 1009 with the memory of a few messages of 1 MiB."""
        bomb = self.bomb(256 * MIB)
        pieces = [bomb[at : at + 4096] for at in range(0, len(bomb), 4096)]
        opcodes = [RSV1 | BINARY, *[0] * (len(pieces) - 1)]
        many = b"".join(
            masked(opcode, piece, final=piece is pieces[-1]) for opcode, piece in zip(opcodes, pieces, strict=True)
        )
        goodbye = b"\x88\x11\x03\xf1message too big"
        self.assertEqual(self.answer(masked(RSV1 | TEXT, self.bomb(2 * MIB))), goodbye)
        before = peak_memory(daemon.get().pid)
        for data in (masked(RSV1 | BINARY, bomb), many):
            self.assertEqual(self.answer(data), goodbye)
        self.assertLess(peak_memory(daemon.get().pid) - before, 16 * MIB)
        within_limit = masked(RSV1 | TEXT, self.bomb(MIB))
        self.assertTrue(self.answer(within_limit + masked(CLOSE)).startswith(bytes([0x80 | RSV1 | TEXT])))


#: Sends messages that differ in kind, size and content, and says whether all came back in their order.
EXCHANGE = """
(url, count) => new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    const message = number => {
        const text = `${number} ` + "Motörhead 𝄞 ".repeat(number % 7 * 40);
        return number % 3 ? text : new TextEncoder().encode(text);
    };
    const read = data => typeof data == "string" ? data : "binary " + new TextDecoder().decode(data);
    let received = 0;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { for (let number = 0; number < count; number++) socket.send(message(number)); };
    socket.onmessage = event => {
        const expected = message(received);
        const same = read(event.data) == read(typeof expected == "string" ? expected : expected.buffer);
        if (!same) reject(new Error(`message ${received} is ${read(event.data)}`));
        if (++received == count) socket.close();
    };
    socket.onclose = event => resolve([received, event.code, socket.extensions]);
})
"""


class BrowserTests(TestCase):
    """Chromium, which offers compression whenever it connects."""

    def test_thousand_messages_come_back_in_order(self) -> None:
        """Text and binary, compressed and not, with contexts and without."""
        browser = Browser()
        self.addCleanup(browser.close)
        page = browser.start().open(f"{daemon.get().url}/lone/")
        for endpoint, extensions in (
            ("lone", "permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
            ("context", "permessage-deflate; client_max_window_bits=12"),
            ("plain", ""),
        ):
            url = f"ws://127.0.0.1:{daemon.get().port}/{endpoint}/websocket"
            with self.subTest(endpoint):
                result = page.evaluate(f"({EXCHANGE})({json.dumps(url)}, 1000)")
                self.assertEqual(result, [1000, 1005, extensions])
        self.assertEqual([error for error in page.errors if not error.endswith("/favicon.ico")], [])
