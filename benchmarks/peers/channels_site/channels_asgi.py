"""What ASGI servers import: /echo, and /events whose clients are in the group "news" or in those that they name."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import django

django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402  # needs the settings
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402


class Echo(AsyncWebsocketConsumer):
    """Sends each message back."""

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Send it back."""
        await self.send(text_data=text_data, bytes_data=bytes_data)


class Events(AsyncWebsocketConsumer):
    """Listens."""

    async def connect(self) -> None:
        """Listen, then accept: who is connected must not miss anything."""
        query = parse_qs(self.scope["query_string"].decode())
        self.rooms = query["rooms"][0].split(",") if "rooms" in query else ["news"]
        for room in self.rooms:
            await self.channel_layer.group_add(room, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        """Listen no more."""
        for room in self.rooms:
            await self.channel_layer.group_discard(room, self.channel_name)

    async def publication(self, event: dict[str, Any]) -> None:
        """Hand it on."""
        await self.send(text_data=event["text"])


application = ProtocolTypeRouter(
    {"websocket": URLRouter([path("echo", Echo.as_asgi()), path("events", Events.as_asgi())])}
)
