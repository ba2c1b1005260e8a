"""sockjs-tornado as its README has it: /echo, /sink which answers nothing, and /events for what is published in Redis.

usage: tornado_server.py PORT REDIS_PORT
"""

from __future__ import annotations

import asyncio
import sys

import tornado.web
from redis.asyncio import Redis
from sockjs.tornado import SockJSConnection, SockJSRouter


class Echo(SockJSConnection):
    """Sends each message back."""

    def on_message(self, message: str) -> None:
        """Send it back."""
        self.send(message)


class Sink(SockJSConnection):
    """Takes messages."""

    def on_message(self, message: str) -> None:
        """Take it."""


class Events(SockJSConnection):
    """Listens."""

    everybody: set[Events] = set()

    def on_open(self, info: object) -> None:
        """Listen."""
        self.everybody.add(self)

    def on_message(self, message: str) -> None:
        """Ignore it."""

    def on_close(self) -> None:
        """Listen no more."""
        self.everybody.discard(self)


async def main(port: int, redis_port: int) -> None:
    """Serve, and hand on what is published."""
    routers = [SockJSRouter(Echo, "/echo"), SockJSRouter(Sink, "/sink"), SockJSRouter(Events, "/events")]
    application = tornado.web.Application(
        [row for router in routers for row in router.urls], log_function=lambda _: None
    )
    async with Redis(port=redis_port).pubsub() as pubsub:
        await pubsub.subscribe("sockjsd.news")
        application.listen(port, "127.0.0.1", backlog=4096)
        async for message in pubsub.listen():
            if message["type"] == "message":
                routers[2].broadcast(Events.everybody, message["data"].decode())


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
