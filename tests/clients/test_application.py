# -*- test-case-name: tests.clients.test_application -*-
"""The client protocol on sessions, as they are."""

from __future__ import annotations

from unittest import TestCase

from sockjsd.clients.application import ChannelsConnection
from sockjsd.registry import Guard
from sockjsd.sockjs.batch import Batch, Message
from sockjsd.sockjs.connection import ConnectionInfo
from sockjsd.sockjs.session import Session, SessionOptions
from tests.clients.room import Room
from tests.sockjs.fakes import FakeKeeper, RecordingReceiver


class TextReceiver(RecordingReceiver):
    """Keeps the messages as they are.

    :ivar texts: all of them.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.texts: list[Message] = []

    def deliver(self, batch: Batch) -> None:
        """Keep *batch*."""
        self.texts += batch.texts


class ApplicationTests(TestCase):
    """One session whose application speaks the protocol."""

    def setUp(self) -> None:
        self.room = Room()
        guard = Guard(ChannelsConnection(self.room.hall), ConnectionInfo("127.0.0.1"))
        self.session = Session(guard, FakeKeeper(), SessionOptions(), binary=True)
        self.receiver = TextReceiver(self.session)
        self.session.attach(self.receiver)

    def test_session_carries_the_protocol(self) -> None:
        """Commands, replies, pushes; each message as it is."""
        self.session.receive(['{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"news"}}'])
        self.room.publish("news", "1")
        self.assertEqual(
            self.receiver.texts[1:], ['{"id":2,"subscribe":{}}', '{"push":{"channel":"news","pub":{"data":1}}}']
        )
        self.assertEqual(len(self.room.hall), 1)

    def test_session_is_closed_when_the_client_is(self) -> None:
        """With the protocol's code."""
        self.session.receive(["hello"])
        self.assertEqual((self.session.close_code, self.session.close_reason), (3501, "bad request"))

    def test_session_is_closed_when_it_speaks_binary(self) -> None:
        """Protobuf is another protocol."""
        self.session.receive([b"\x01"])
        self.assertEqual((self.session.close_code, self.session.close_reason), (3506, "inappropriate protocol"))

    def test_client_is_gone_when_its_session_is(self) -> None:
        """It leaves its channels."""
        self.session.receive(['{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"news"}}'])
        self.session.interrupted(self.receiver)
        self.assertEqual((len(self.room.hall), self.room.hub.counts.subscriptions), (0, 0))
