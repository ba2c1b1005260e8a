"""What permessage-deflate costs for one message, and what it saves: ``compression.py``.

A message to many is compressed once, so the first two columns are for each publication and
the last one is for each message that a client sends.
"""

from __future__ import annotations

import json
import random
import timeit
from collections.abc import Callable

from sockjsd.sockjs.batch import Batch
from sockjsd.sockjs.envelopes import WEBSOCKET, WebSocketEnvelope, compressed
from sockjsd.websocket.deflate import Agreement, Deflater, Inflater
from sockjsd.websocket.frames import RSV1, Opcode

SIZES = (256, 512, 1024, 4096, 16384, 65536)
LEVELS = (1, 6)
WORDS = "the of market news closed higher on strong demand in europe asia".split()


def document(size: int) -> str:
    """Return *size* characters of JSON such as sites publish."""
    noise = random.Random(size)
    rows = [
        {
            "id": noise.randrange(10**6),
            "price": round(noise.random() * 100, 2),
            "text": " ".join(noise.choices(WORDS, k=8)),
        }
        for _ in range(size // 40)
    ]
    return json.dumps(rows)[:size]


def microseconds(call: Callable[[], object]) -> float:
    """Return the best time of several."""
    number = max(1, int(2000 / (1 + timeit.timeit(call, number=3) * 1e4)))
    return min(timeit.repeat(call, number=number, repeat=5)) / number * 1e6


def row(size: int, level: int) -> str:
    """Measure one size at one level."""
    text = document(size)
    envelope: WebSocketEnvelope = compressed(WEBSOCKET, Agreement(), level, 1)
    plain = microseconds(lambda: Batch([text]).encoded(WEBSOCKET))
    deflated = microseconds(lambda: Batch([text]).encoded(envelope))
    frame, is_compressed = Deflater(level).shorter(Opcode.TEXT, text.encode())
    assert is_compressed and frame[0] & RSV1, "JSON shrinks"
    payload = frame[2:] if frame[1] < 126 else frame[4:]
    inflater = Inflater(Agreement())
    inflated = microseconds(lambda: inflater.inflate(payload, size))
    ratio, factor = len(frame) / size, deflated / plain
    return f"{size:7} {level:6} {ratio:6.0%} {plain:9.1f} {deflated:10.1f} {factor:6.1f}x {inflated:10.1f}"


def main() -> None:
    """Print the table."""
    print("  bytes  level  ratio  plain/µs  packed/µs  factor  unpack/µs")
    for size in SIZES:
        for level in LEVELS:
            print(row(size, level))


if __name__ == "__main__":
    main()
