# -*- test-case-name: tests.transports.test_websocket_compression -*-
"""permessage-deflate on an endpoint: from the offer in the handshake to the frames."""

from __future__ import annotations

import zlib
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.sockjs.batch import Batch
from tests.transports.server import Server, WebSocket
from tests.websocket.examples import client as masked

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
RSV1 = 0x40
FRAMED, RAW = "/0/s/websocket", "/websocket"
OFFER = {"sec_websocket_extensions": "permessage-deflate; client_max_window_bits"}
LONG = "0123456789" * 120


def packed(data: bytes) -> bytes:
    """Compress a message as a client does."""
    stream = zlib.compressobj(wbits=-15)
    return (stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]


def unpacked(data: bytes) -> bytes:
    """Read a compressed message."""
    return zlib.decompressobj(-15).decompress(data + b"\x00\x00\xff\xff")


class CompressionTestCase(SynchronousTestCase):
    """Has an endpoint with compression."""

    def start(self, path: str = RAW, offer: str | None = OFFER["sec_websocket_extensions"], **options: Any) -> None:
        """Begin with a server and a client."""
        self.server = Server(**{"compression": True, **options})
        self.socket = self.join(path, offer)

    def join(self, path: str = RAW, offer: str | None = OFFER["sec_websocket_extensions"]) -> WebSocket:
        """Return one more client, with what it gets at first read."""
        socket = WebSocket(self.server, path, sec_websocket_extensions=offer)
        socket.frames()
        return socket

    def answer(self) -> str | None:
        """Return what the server chose."""
        name = b"Sec-WebSocket-Extensions: "
        return next(
            (line[len(name) :].decode() for line in self.socket.head.split(b"\r\n") if line.startswith(name)), None
        )

    def frames(self, socket: WebSocket | None = None) -> list[tuple[int, bool, bytes]]:
        """Return opcode, whether it is compressed, and the inflated payload of each frame that came, below 64 KiB."""
        data, found = (socket or self.socket).client.received(), []
        while data:
            size, start = (data[1], 2) if data[1] < 126 else (int.from_bytes(data[2:4], "big"), 4)
            compressed = bool(data[0] & RSV1)
            payload = data[start : start + size]
            found.append((data[0] & 15, compressed, unpacked(payload) if compressed else payload))
            data = data[start + size :]
        return found


class HandshakeTests(CompressionTestCase):
    """Who gets compression."""

    def test_offer_is_chosen_where_the_endpoint_compresses(self) -> None:
        """On both transports, without contexts unless they are switched on."""
        for path in (FRAMED, RAW):
            self.start(path)
            self.assertEqual(
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover", self.answer()
            )
            self.start(path, compression_context=True)
            self.assertEqual("permessage-deflate; client_max_window_bits=12", self.answer())

    def test_nothing_is_chosen_by_default(self) -> None:
        """It has to be switched on."""
        self.server = Server()
        self.socket = self.join()
        self.assertIsNone(self.answer())

    def test_nothing_is_chosen_of_a_bad_offer(self) -> None:
        """The connection works without."""
        for offer in (None, "", "permessage-deflate; server_max_window_bits=8", "x", "permessage-deflate; ("):
            self.start(offer=offer)
            with self.subTest(offer):
                self.assertIsNone(self.answer())
                self.socket.send(LONG)
                self.assertEqual([(TEXT, False, LONG.encode())], self.frames())

    def test_offers_in_several_fields_are_one_list(self) -> None:
        """HTTP joins them."""
        self.start(offer="x-first, permessage-deflate; unknown,permessage-deflate")
        self.assertIsNotNone(self.answer())


class MessageTests(CompressionTestCase):
    """What is sent and read."""

    def test_messages_are_compressed_both_ways(self) -> None:
        """Those from the threshold on; the client compresses what it likes."""
        self.start(compression_threshold=1200)
        for text in (LONG, LONG[:-1]):
            for frame in (masked(TEXT, text.encode()), masked(RSV1 | TEXT, packed(text.encode()))):
                self.socket.client.send(frame)
                self.assertEqual([(TEXT, text == LONG, text.encode())], self.frames())
        self.socket.client.send(masked(RSV1 | BINARY, packed(LONG.encode())))
        self.assertEqual([(BINARY, True, LONG.encode())], self.frames())

    def test_framed_messages_are_compressed(self) -> None:
        """The array is; heartbeats and close frames are not."""
        self.start(FRAMED, compression_threshold=1)
        text = b'["%b"]' % LONG.encode()
        self.socket.client.send(masked(RSV1 | TEXT, packed(text)))
        self.assertEqual([(TEXT, True, b"a" + text)], self.frames())
        self.server.advance(25.5)
        self.assertEqual([(TEXT, False, b"h"), (PING, False, b"")], self.frames())
        self.server.connections[0].close()
        goodbye = (CLOSE, False, b"\x03\xe8Normal closure")
        self.assertEqual([(TEXT, False, b'c[3000,"Go away!"]'), goodbye], self.frames())

    def test_level_is_the_endpoints(self) -> None:
        """9 makes shorter frames than 1."""
        text, sizes = "".join(f"{number * number} " for number in range(2000)), []
        for level in (1, 9):
            self.start(compression_level=level)
            self.socket.client.send(masked(TEXT, text.encode()))
            sizes.append(len(self.socket.client.received()))
        self.assertLess(sizes[1], sizes[0])

    def test_batch_is_compressed_once_for_all(self) -> None:
        """Clients with compression share a frame, those without share another."""
        self.start()
        sockets = [self.socket, self.join(), self.join(offer="permessage-deflate"), self.join(offer=None)]
        batch = Batch([LONG])
        for connection in self.server.connections:
            connection.session.deliver(batch)
        self.assertEqual([[(TEXT, True, LONG.encode())]] * 3, [self.frames(socket) for socket in sockets[:3]])
        self.assertEqual([(TEXT, False, LONG.encode())], self.frames(sockets[3]))
        self.assertEqual(2, len(batch._encoded or ()))

    def test_context_refers_to_messages_before(self) -> None:
        """In the order in which they are sent, also of those that had to wait."""
        self.start(compression_context=True)
        reader = zlib.decompressobj(-15)
        text = "".join(f"{number * number} " for number in range(250))
        batch = Batch([text])
        for _ in range(2):
            self.server.connections[0].session.deliver(batch)
        self.socket.client.block()
        self.server.connections[0].session.deliver(batch)
        self.server.connections[0].sendMessage(text[::-1])
        self.socket.client.unblock()
        data, texts = self.socket.client.received(), []
        while data:
            size, start = (data[1], 2) if data[1] < 126 else (int.from_bytes(data[2:4], "big"), 4)
            texts.append(reader.decompress(data[start : start + size] + b"\x00\x00\xff\xff").decode())
            data = data[start + size :]
        self.assertEqual([text] * 3 + [text[::-1]], texts)

    def test_message_beyond_limit_is_refused(self) -> None:
        """1009, although its frame is short."""
        self.start(message_limit=1000)
        self.socket.client.send(masked(RSV1 | TEXT, packed(b"x" * 1001)))
        self.assertEqual([(CLOSE, False, b"\x03\xf1message too big")], self.frames())
        self.assertEqual(["made", "lost 1009 message too big"], self.server.events)

    def test_broken_message_is_refused(self) -> None:
        """1007, once."""
        self.start()
        self.socket.client.send(masked(RSV1 | TEXT, b"\xff\xff") * 2)
        self.assertEqual([(CLOSE, False, b"\x03\xefcompressed data is broken")], self.frames())

    def test_compressed_message_is_refused_without_agreement(self) -> None:
        """1002: the bit means nothing then."""
        self.start(offer=None)
        self.socket.client.send(masked(RSV1 | TEXT, packed(b"a")))
        self.assertEqual([(CLOSE, False, b"\x03\xeareserved bit set")], self.frames())
