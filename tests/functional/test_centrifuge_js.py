# -*- test-case-name: tests.functional.test_centrifuge_js -*-
"""npm's centrifuge-js against a real daemon, over each of its transports."""

from __future__ import annotations

import time
from typing import Any, ClassVar
from unittest import TestCase

import jwt

from tests.functional.centrifuge_js import CentrifugeJS, need_node
from tests.functional.daemon import Daemon
from tests.functional.shared import Shared
from tests.functional.sockjs_client import wait_until

SECRET = "a secret of thirty-two characters"

SECTIONS: dict[str, dict[str, object]] = {
    "channels": {
        "enabled": "yes",
        "token_hmac_secret": SECRET,
        "expired_delay": "1",
        "ping_interval": "1",
        "pong_timeout": "0.9",
        "leave_delay": "1",
    },
    "namespace": {"allow_subscribe": "user", "allow_publish": "subscriber"},
    "namespace private": {"allow_subscribe": "token"},
    "namespace kept": {
        "allow_subscribe": "user",
        "allow_publish": "subscriber",
        "allow_history": "subscriber",
        "history_size": "5",
        "history_ttl": "60",
        "recovery": "stream",
    },
    "namespace cached": {
        "allow_subscribe": "user",
        "allow_publish": "subscriber",
        "history_size": "5",
        "history_ttl": "60",
        "recovery": "cache",
    },
    "namespace team": {
        "allow_subscribe": "user",
        "presence": "yes",
        "join_leave": "yes",
        "allow_presence": "subscriber",
    },
}


def token(user: str = "42", seconds: float = 0, **claims: Any) -> str:
    """Return a token for *user*, which expires in *seconds* where that is not 0."""
    expiry = {"exp": int(time.time() + seconds)} if seconds else {}
    return jwt.encode({"sub": user, **expiry, **claims}, SECRET, "HS256")


shared_daemon = Shared(lambda: Daemon(SECTIONS).start())


class Cases:
    """What all transports have to do; a class of its own, so that it is run only with one."""

    class TransportCase(TestCase):
        """All of it over one transport; the daemon is everybody's, so names of channels are not."""

        transport: ClassVar[str]
        sockjs: ClassVar[str] = ""

        def setUp(self) -> None:
            need_node()
            self.daemon = shared_daemon.get()

        def client(self, given: str = "", **options: Any) -> CentrifugeJS:
            """Return a client that is connected, with the token *given*."""
            client = self.opened(options={"token": given or token()}, **options)
            client.wait("connected", of="client")
            return client

        def opened(self, **options: Any) -> CentrifugeJS:
            """Return a client that has begun to connect."""
            client = CentrifugeJS(f"127.0.0.1:{self.daemon.port}", self.transport, sockjs=self.sockjs, **options)
            self.addCleanup(client.close)
            return client

        def test_client_connects_when_its_token_is_good(self) -> None:
            """Over the transport that was asked for."""
            connected = self.client().wait("connected", of="client")
            self.assertIn(connected["transport"], (self.transport, f"{self.transport}-{self.sockjs}"))
            self.assertRegex(connected["client"], "^[0-9a-f-]{36}$")

        def test_client_stays_away_when_its_token_is_bad(self) -> None:
            """3500 is terminal; without a token it is the same."""
            for given in ("x.y.z", jwt.encode({"sub": "42"}, "another secret of thirty-two bytes", "HS256"), ""):
                client = self.opened(options={"token": given} if given else {})
                ended = client.wait("disconnected", of="client")
                self.assertEqual((ended["code"], ended["reason"]), (3500, "invalid token"))

        def test_client_gets_another_token_when_its_first_has_expired(self) -> None:
            """Error 109 makes the SDK ask."""
            client = self.opened(options={"token": token(seconds=-5)}, tokens=[token()])
            client.wait("connected", of="client")
            self.assertEqual(len(client.found("token asked", what="connection")), 1)

        def test_connection_lives_on_when_its_token_is_refreshed(self) -> None:
            """The SDK refreshes in time, and the connection outlives the first token."""
            client = self.opened(tokens=[token(seconds=2), token(seconds=100)])
            client.wait("token asked", 2, what="connection")
            first = client.wait("connected", of="client")
            time.sleep(4)  # longer than the first token and its grace: nothing may happen
            self.assertEqual(client.found("connected", of="client"), [first])
            self.assertEqual(client.found("disconnected", of="client"), [])

        def test_subscriber_hears_everything_in_order(self) -> None:
            """What others publish, with who it was."""
            channel = "news"
            listener, speaker = self.client(), self.client(token("43", info={"name": "Ann"}))
            listener.subscribe(channel)
            speaker.subscribe(channel)
            for number in range(20):
                self.assertEqual(speaker.call("publish", {"n": number, "é": "\u2028"}, channel=channel), {})
            listener.wait("publication", 20, channel=channel)
            self.assertEqual(listener.publications(channel), [{"n": n, "é": "\u2028"} for n in range(20)])
            info = listener.found("publication", channel=channel)[0]["info"]
            self.assertEqual((info["user"], info["connInfo"]), ("43", {"name": "Ann"}))

        def test_subscriber_hears_nothing_when_it_has_unsubscribed(self) -> None:
            """And may subscribe again."""
            client, other = self.client(), self.client()
            client.subscribe("gone")
            other.subscribe("gone")
            client.call("unsubscribe", channel="gone")
            client.wait("unsubscribed", of="subscription", channel="gone")
            other.call("publish", 1, channel="gone")
            client.call("subscribe", channel="gone")
            client.wait("subscribed", 2, of="subscription", channel="gone")
            other.call("publish", 2, channel="gone")
            client.wait("publication", channel="gone")
            self.assertEqual(client.publications("gone"), [2])

        def test_channel_is_refused_when_it_is_not_the_clients(self) -> None:
            """Unknown namespaces, other users' channels, channels that need a token: each with its code."""
            client = self.client()
            for channel, code in (("none:x", 102), ("inbox#43", 103), ("private:x", 103), ("x" * 256, 107)):
                client.tell("subscribe", channel=channel, options={})
                ended = client.wait("unsubscribed", of="subscription", channel=channel)
                self.assertEqual(ended["code"], code, channel)
            client.subscribe("inbox#42")
            client.subscribe("inbox#41,42")

        def test_subscription_is_renewed_when_its_token_expires(self) -> None:
            """By a token that the SDK asks for."""
            claims = {"channel": "private:a"}
            client = self.client()
            client.subscribe("private:a", tokens=[token(seconds=2, **claims), token(seconds=100, **claims)])
            client.wait("token asked", 2, what="subscription")
            time.sleep(4)
            self.assertEqual(len(client.found("subscribing", of="subscription")), 1)

        def test_subscription_is_refused_when_its_token_is_another_channels(self) -> None:
            """A wrong token is no mistake."""
            client = self.client()
            client.tell("subscribe", channel="private:b", options={"token": token(channel="private:a")})
            self.assertEqual(client.wait("disconnected", of="client")["code"], 3500)

        def test_presence_names_who_is_there(self) -> None:
            """By the ids of connections, with what their tokens say; and how many they are."""
            one = self.client(token("42", info={"name": "Bob"}))
            two = self.client(token("43"))
            one.subscribe("team:presence")
            two.subscribe("team:presence")
            wait_until(lambda: one.call("presenceStats", channel="team:presence")["numClients"] == 2, "two clients")
            clients = one.call("presence", channel="team:presence")["clients"]
            self.assertEqual({each["user"] for each in clients.values()}, {"42", "43"})
            self.assertIn({"name": "Bob"}, [each.get("connInfo") for each in clients.values()])
            self.assertEqual(one.call("presenceStats", channel="team:presence"), {"numClients": 2, "numUsers": 2})
            one.subscribe("news")
            self.assertEqual(one.call("presence", channel="news"), (108, "not available"))

        def test_others_are_told_who_comes_and_goes(self) -> None:
            """At once when somebody unsubscribes."""
            one, two = self.client(token("42")), self.client(token("43"))
            one.subscribe("team:joins")
            two.subscribe("team:joins")
            self.assertEqual(one.wait("join", 2, of="subscription")["info"]["user"], "43")
            two.call("unsubscribe", channel="team:joins")
            self.assertEqual(one.wait("leave", of="subscription")["info"]["user"], "43")

        def test_others_are_not_told_when_somebody_reconnects(self) -> None:
            """Within the delay nobody has left; who does not come back has."""
            one, two = self.client(token("42")), self.client(token("43"))
            one.subscribe("team:flapping")
            two.subscribe("team:flapping")
            one.wait("join", 2, of="subscription")
            two.tell("cut")
            two.wait("subscribed", 2, of="subscription")
            two.close()
            one.wait("leave", of="subscription")
            self.assertEqual(len(one.found("join")), 2)
            self.assertEqual(len(one.found("leave")), 1)

        def test_history_is_read_in_parts(self) -> None:
            """Forwards, backwards, since a place, and only the place."""
            client, channel = self.client(), f"kept:history-{self.transport}{self.sockjs}"
            client.subscribe(channel)
            for number in range(1, 8):
                client.call("publish", number, channel=channel)
            everything = client.call("history", {"limit": 100}, channel=channel)
            self.assertEqual([each["data"] for each in everything["publications"]], [3, 4, 5, 6, 7])
            self.assertEqual(everything["offset"], 7)
            since = {"offset": 4, "epoch": everything["epoch"]}
            after = client.call("history", {"limit": 2, "since": since}, channel=channel)
            self.assertEqual([each["offset"] for each in after["publications"]], [5, 6])
            before = client.call("history", {"limit": 2, "reverse": True}, channel=channel)
            self.assertEqual([each["offset"] for each in before["publications"]], [7, 6])
            self.assertEqual(client.call("history", {"limit": 0}, channel=channel)["publications"], [])
            lost = {"offset": 4, "epoch": "another"}
            refused = client.call("history", {"limit": 2, "since": lost}, channel=channel)
            self.assertEqual(refused, (112, "unrecoverable position"))

        def test_subscriber_misses_nothing_when_it_was_cut(self) -> None:
            """On purpose or by a bad network: what was published meanwhile comes with the subscription."""
            client, other, channel = self.client(), self.client(), f"kept:cut-{self.transport}{self.sockjs}"
            client.subscribe(channel)
            other.subscribe(channel)
            other.call("publish", 1, channel=channel)
            client.wait("publication", channel=channel)
            client.call("disconnect")
            client.wait("disconnected", of="client")
            for number in (2, 3):
                other.call("publish", number, channel=channel)
            client.call("connect")
            subscribed = client.wait("subscribed", 2, of="subscription")
            self.assertEqual((subscribed["wasRecovering"], subscribed["recovered"]), (True, True))
            other.call("publish", 4, channel=channel)
            client.wait("publication", 4, channel=channel)
            client.tell("cut")
            other.call("publish", 5, channel=channel)
            other.call("publish", 6, channel=channel)
            client.wait("subscribed", 3, of="subscription")
            client.wait("publication", 6, channel=channel)
            self.assertEqual(client.publications(channel), [1, 2, 3, 4, 5, 6])

        def test_subscriber_is_told_when_too_much_was_missed(self) -> None:
            """More than the history holds, and more than a node that has just read it still knows."""
            client, other, channel = self.client(), self.client(), f"kept:lost-{self.transport}{self.sockjs}"
            client.subscribe(channel)
            other.subscribe(channel)
            client.call("disconnect")
            client.wait("disconnected", of="client")
            for number in range(30):
                other.call("publish", number, channel=channel)
            client.call("connect")
            subscribed = client.wait("subscribed", 2, of="subscription")
            self.assertEqual((subscribed["wasRecovering"], subscribed["recovered"]), (True, False))
            self.assertEqual(client.publications(channel), [])

        def test_subscriber_gets_the_latest_when_only_that_counts(self) -> None:
            """Recovery in cache mode."""
            client, other, channel = self.client(), self.client(), f"cached:{self.transport}{self.sockjs}"
            client.subscribe(channel)
            other.subscribe(channel)
            client.call("disconnect")
            client.wait("disconnected", of="client")
            for number in range(10):
                other.call("publish", number, channel=channel)
            client.call("connect")
            self.assertTrue(client.wait("subscribed", 2, of="subscription")["recovered"])
            client.wait("publication", channel=channel)
            self.assertEqual(client.publications(channel), [9])

        def test_server_subscribes_when_the_token_says_so(self) -> None:
            """Publications come to the client itself, and what it missed too."""
            channel = f"kept:server-{self.transport}{self.sockjs}"
            client = self.client(token("42", channels=[channel]))
            other = self.client(token("43"))
            other.subscribe(channel)
            self.assertEqual(client.wait("subscribed", of="client")["channel"], channel)
            other.call("publish", 1, channel=channel)
            client.wait("publication", of="client", channel=channel)
            client.call("disconnect")
            client.wait("disconnected", of="client")
            other.call("publish", 2, channel=channel)
            client.call("connect")
            self.assertTrue(client.wait("subscribed", 2, of="client")["recovered"])
            client.wait("publication", 2, of="client", channel=channel)
            self.assertEqual(client.publications(channel), [1, 2])

        def test_client_is_told_when_a_method_is_unknown(self) -> None:
            """No application answers rpc here."""
            self.assertEqual(self.client().call("rpc", "sum", {"a": 1}), (104, "method not found"))

        def test_client_reconnects_when_its_transport_is_cut(self) -> None:
            """And is another connection then."""
            client = self.client()
            first = client.wait("connected", of="client")["client"]
            client.tell("cut")
            self.assertNotEqual(client.wait("connected", 2, of="client")["client"], first)

        def test_connection_stays_when_it_answers_pings(self) -> None:
            """Over some intervals nothing happens."""
            client = self.client()
            time.sleep(3.5)
            self.assertEqual(len(client.found("connected", of="client")), 1)
            self.assertEqual(len(client.found("connecting", of="client")), 1)


class WebSocketTests(Cases.TransportCase):
    """Over ``/connection/websocket``."""

    transport = "websocket"


class SockJSWebSocketTests(Cases.TransportCase):
    """Over ``/connection/sockjs``, with WebSocket."""

    transport = "sockjs"
    sockjs = "websocket"


class SockJSStreamingTests(Cases.TransportCase):
    """Over ``/connection/sockjs``, where there is no WebSocket."""

    transport = "sockjs"
    sockjs = "xhr-streaming"


class HTTPStreamTests(Cases.TransportCase):
    """Over ``/connection/http_stream`` with ``/emulation``."""

    transport = "http_stream"


class SSETests(Cases.TransportCase):
    """Over ``/connection/sse`` with ``/emulation``."""

    transport = "sse"
