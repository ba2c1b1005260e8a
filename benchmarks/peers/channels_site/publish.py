"""A process that publishes as a view or a task would: what comes through Redis on sockjsd.* goes to the group.

Its channel layer is that of the site, so what it costs is not the server's.
"""

from __future__ import annotations

import asyncio
import os

import django

django.setup()

from channels.layers import get_channel_layer  # noqa: E402  # needs the settings
from redis.asyncio import Redis  # noqa: E402


async def main() -> None:
    """Publish for ever."""
    layer = get_channel_layer()
    async with Redis(port=int(os.environ["REDIS_PORT"])).pubsub() as pubsub:
        await pubsub.psubscribe("sockjsd.*")
        async for message in pubsub.listen():
            if message["type"] == "pmessage":
                group = message["channel"].decode().removeprefix("sockjsd.")
                await layer.group_send(group, {"type": "publication", "text": message["data"].decode()})


if __name__ == "__main__":
    asyncio.run(main())
