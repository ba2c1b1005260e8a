# -*- test-case-name: tests.brokers.test_redis_inbox -*-
"""Tests for sockjsd.brokers._redis_inbox."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers._redis_inbox import Inbox
from sockjsd.channels.publications import ClientInfo, Joined, Publication


class InboxTests(SynchronousTestCase):
    """Collecting messages."""

    def setUp(self) -> None:
        """Make an empty one."""
        self.inbox = Inbox("p.", (b"p:control", b"p:node:1"))

    def test_inbox_keeps_payloads_byte_for_byte(self) -> None:
        """What looks like a number stays the text that it is."""
        texts = ["007", "1_000", "1.50", "1e5", "", "-0", " 1 ", "é😀", "a\r\nb"]
        for text in texts:
            self.inbox.put(b"p.news", text.encode())
        self.assertEqual(self.inbox.take(), ({"news": [Publication(text) for text in texts]}, []))
        self.assertEqual((self.inbox.take(), self.inbox.malformed), (({}, []), 0))

    def test_inbox_mends_and_counts_what_is_no_text(self) -> None:
        """Broken bytes become U+FFFD; each message counts once."""
        self.inbox.put(b"p.news", b"a\xff\xfeb")
        self.inbox.put(b"p.news", b"ok")
        self.assertEqual(self.inbox.take()[0], {"news": [Publication("a\ufffd\ufffdb"), Publication("ok")]})
        self.assertEqual(self.inbox.malformed, 1)

    def test_inbox_reads_items_of_ours(self) -> None:
        """With their position, and who came."""
        self.inbox.put(b"p.news", b"p7:Ab3d:0123abcd:0:1")
        self.inbox.put(b"p.news", b'j{"u":"42","c":"c1"}')
        items = [Publication("1", 7, "Ab3d", "0123abcd"), Joined(ClientInfo("42", "c1"))]
        self.assertEqual(self.inbox.take()[0], {"news": items})

    def test_inbox_takes_a_run_apart(self) -> None:
        """In order; what is no text in it is mended and counted, and costs its neighbours nothing."""
        texts = [b"p7:Ab3d:0123abcd:0:1", b"", b"a\xffb", "é😀".encode()]
        self.inbox.put(b"p.news", b"0")
        self.inbox.put(b"p.news", b"r" + b"".join(b"%d:%b" % (len(text), text) for text in texts))
        items = [Publication("0"), Publication("1", 7, "Ab3d", "0123abcd")]
        items += [Publication(text) for text in ("", "a\ufffdb", "é😀")]
        self.assertEqual((self.inbox.take()[0], self.inbox.malformed), ({"news": items}, 1))

    def test_inbox_keeps_control_messages_apart(self) -> None:
        """They are bytes, from both names, and belong to no channel."""
        self.inbox.put(b"p:control", b"\xff")
        self.inbox.put(b"p:node:1", b"2")
        self.inbox.put(b"p.p:control", b"3")
        self.assertEqual(self.inbox.take(), ({"p:control": [Publication("3")]}, [b"\xff", b"2"]))

    def test_name_of_channel_keeps_every_character(self) -> None:
        """In any script, and one that is no Unicode."""
        for channel in ("news", "é:日本", "\ud800"):
            self.assertEqual(self.inbox.channel(b"p." + channel.encode(errors="surrogatepass")), channel)
