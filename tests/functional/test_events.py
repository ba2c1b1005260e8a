# -*- test-case-name: tests.functional.test_events -*-
"""Event streams of a real daemon: over memory, and over a Redis that dies, loses everything or comes back older."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.functional.daemon import Daemon
from tests.functional.event_source import Event, EventSource, make_daemon, publish
from tests.functional.redis_server import RedisServer, redis_is_installed
from tests.functional.sockjs_client import ask, wait_until


class EventsTestCase(SynchronousTestCase):
    """What all of them do."""

    def start(self, redis_url: str = "", **channels: object) -> Daemon:
        """Start a daemon that is ended after the test."""
        daemon = make_daemon(redis_url, **channels)
        self.addCleanup(daemon.close)
        return daemon.start()

    def listen(self, daemon: Daemon, *channels: str, last_id: str = "") -> EventSource:
        """Open a stream that is closed after the test."""
        source = EventSource(daemon.port, *channels, last_id=last_id)
        self.addCleanup(source.close)
        return source

    def come_back(self, daemon: Daemon, source: EventSource, *channels: str) -> EventSource:
        """Cut *source*, if it is not, and open the stream that its browser would open next."""
        source.close()
        return self.listen(daemon, *channels, last_id=source.last_id)


class MemoryTests(EventsTestCase):
    """One daemon by itself."""

    def test_page_hears_what_is_published_after_it_opened(self) -> None:
        """On each of its channels, in order, from the first moment."""
        daemon = self.start()
        source = self.listen(daemon, "kept:a", "news")
        publish(daemon.port, "kept:a", 1, 2)
        publish(daemon.port, "news", 3)
        expected = [Event("kept:a", "1"), Event("kept:a", "2"), Event("news", "3")]
        self.assertEqual(expected, [source.read() for _ in range(3)])

    def test_page_gets_what_it_missed(self) -> None:
        """Once, in order, and then what follows."""
        daemon = self.start()
        source = self.listen(daemon, "kept:a", "kept:b")
        publish(daemon.port, "kept:a", 1)
        self.assertEqual(Event("kept:a", "1"), source.read())
        source.close()
        publish(daemon.port, "kept:a", 2, 3)
        publish(daemon.port, "kept:b", 4)
        again = self.come_back(daemon, source, "kept:a", "kept:b")
        publish(daemon.port, "kept:a", 5)
        self.assertEqual([2, 3, 4, 5], again.read_data(4))

    def test_page_is_told_when_history_is_gone(self) -> None:
        """A daemon with a memory of its own forgets it when it ends."""
        daemon = self.start()
        source = self.listen(daemon, "kept:a")
        publish(daemon.port, "kept:a", 1)
        source.read()
        daemon.kill()
        daemon.start()
        again = self.come_back(daemon, source, "kept:a")
        self.assertEqual(Event("reset", '{"channel":"kept:a"}'), again.read())
        publish(daemon.port, "kept:a", 2)
        self.assertEqual([2], again.read_data(1))

    def test_latest_comes_first_where_only_that_counts(self) -> None:
        """To a new page, and to one that has missed it."""
        daemon = self.start()
        publish(daemon.port, "price:x", 1, 2)
        source = self.listen(daemon, "price:x")
        self.assertEqual([2], source.read_data(1))
        source.close()
        publish(daemon.port, "price:x", 3, 4)
        again = self.come_back(daemon, source, "price:x")
        publish(daemon.port, "price:x", 5)
        self.assertEqual([4, 5], again.read_data(2))

    def test_stop_completes_the_answer_and_spreads_the_return(self) -> None:
        """The daemon does not wait for streams, which would never end."""
        daemon = self.start()
        sources = [self.listen(daemon, "kept:a") for _ in range(20)]
        daemon.signal_stop()
        rests = {source.stream.read_rest().decode() for source in sources}
        self.assertEqual(0, daemon.wait())
        delays = {rest.strip().splitlines()[-1] for rest in rests}
        self.assertTrue(all(delay.startswith("retry: ") for delay in delays), delays)
        self.assertGreater(len(delays), 5)

    def test_stalled_reader_is_bounded_and_counted(self) -> None:
        """It is closed, and others do not notice."""
        daemon = self.start(output_limit="100KiB")
        stalled = self.listen(daemon, "news")
        reader = self.listen(daemon, "news")
        text = "x" * 50_000
        # The kernel's buffers take some megabytes first.
        for number in range(400):
            publish(daemon.port, "news", f"{number} {text}")
            reader.read()
            if "connections ended before" in daemon.log():
                break
        self.assertIn("/events: 1 connections ended before", daemon.log())
        self.assertIn("3008", daemon.log())
        stalled.close()

    def test_refusals_are_answered_at_once(self) -> None:
        """With a sentence and without a stream."""
        daemon = self.start()
        for query, status in (("", 400), ("?channel=other:a", 400), ("?channel=kept:inbox%2342", 403)):
            with self.subTest(query):
                answer = ask(daemon.port, "GET", f"/events{query}")
                self.assertEqual(status, answer.status)
                self.assertNotEqual(b"", answer.body)


class RedisTests(EventsTestCase):
    """Daemons that share a Redis."""

    def setUp(self) -> None:
        """Start one that keeps everything."""
        if not redis_is_installed():
            raise SkipTest("redis-server is not installed")
        self.redis = RedisServer(appendonly=True)
        self.addCleanup(self.redis.close)
        self.redis.start()

    def ready(self, daemon: Daemon) -> None:
        """Wait until *daemon* has its Redis."""
        wait_until(lambda: b'"connected": true' in ask(daemon.port, "GET", "/ready").body, "Redis")

    def start(self, redis_url: str = "", **channels: object) -> Daemon:
        """Start a daemon and wait for its Redis."""
        daemon = super().start(redis_url or self.redis.url, **channels)
        self.ready(daemon)
        return daemon

    def test_restart_of_the_daemon_loses_nothing(self) -> None:
        """What another one publishes meanwhile is there when it is back."""
        daemon, other = self.start(), self.start()
        source = self.listen(daemon, "kept:a", "kept:b")
        publish(other.port, "kept:a", 1)
        self.assertEqual([1], source.read_data(1))
        daemon.kill()
        publish(other.port, "kept:a", 2)
        publish(other.port, "kept:b", 3)
        daemon.start()
        again = self.come_back(daemon, source, "kept:a", "kept:b")
        publish(other.port, "kept:b", 4)
        self.assertEqual([2, 3, 4], again.read_data(3))

    def test_other_daemon_goes_on_where_one_ended(self) -> None:
        """A position holds everywhere."""
        daemon, other = self.start(), self.start()
        source = self.listen(daemon, "kept:a")
        publish(other.port, "kept:a", 1)
        self.assertEqual([1], source.read_data(1))
        publish(other.port, "kept:a", 2)
        again = self.come_back(other, source, "kept:a")
        publish(daemon.port, "kept:a", 3)
        self.assertEqual([2, 3], again.read_data(2))

    def test_crash_of_redis_is_not_noticed_by_pages(self) -> None:
        """They stay connected and miss nothing."""
        daemon = self.start()
        source = self.listen(daemon, "kept:a")
        for number in range(3):
            publish(daemon.port, "kept:a", number)
            self.redis.kill()
            self.redis.start()
            publish(daemon.port, "kept:a", f"after {number}")
            self.assertEqual([number, f"after {number}"], source.read_data(2))

    def test_page_that_opens_without_redis_is_told_later(self) -> None:
        """It is connected, and learns that it may have missed something; one that comes back gets what it missed."""
        daemon = self.start()
        source = self.listen(daemon, "kept:a")
        publish(daemon.port, "kept:a", 1)
        source.read()
        self.redis.stop()
        new = self.listen(daemon, "kept:a")
        again = self.come_back(daemon, source, "kept:a")
        self.redis.start()
        publish(daemon.port, "kept:a", 2)
        self.assertEqual([2], again.read_data(1))
        self.assertEqual(Event("reset", '{"channel":"kept:a"}'), new.read())

    def test_redis_that_lost_everything_is_told(self) -> None:
        """To who is connected, and to who comes back."""
        daemon = self.start()
        source, gone = self.listen(daemon, "kept:a"), self.listen(daemon, "kept:a")
        publish(daemon.port, "kept:a", 1)
        source.read(), gone.read()
        gone.close()
        self.redis.kill()
        for file in Path(self.redis._folder).glob("appendonlydir/*"):
            file.unlink()
        self.redis.start()
        self.assertEqual("reset", source.read().name)
        publish(daemon.port, "kept:a", 2)
        self.assertEqual([2], source.read_data(1))
        self.assertEqual("reset", self.come_back(daemon, gone, "kept:a").read().name)

    def test_redis_that_came_back_older_is_told(self) -> None:
        """With the same epoch, and the same offset for another publication."""
        daemon = self.start()
        publish(daemon.port, "kept:a", 1)
        saved = Path(self.mktemp())
        self.redis.stop()
        shutil.copytree(self.redis._folder, saved, ignore=shutil.ignore_patterns("*.sock"))
        self.redis.start()
        self.ready(daemon)
        gone = self.listen(daemon, "kept:a")
        publish(daemon.port, "kept:a", 2)
        self.assertEqual([2], gone.read_data(1))
        gone.close()
        daemon.kill()
        self.redis.stop()
        shutil.rmtree(self.redis._folder)
        shutil.copytree(saved, self.redis._folder)
        self.redis.start()
        daemon.start()
        self.ready(daemon)
        publish(daemon.port, "kept:a", "2 of another world")
        again = self.come_back(daemon, gone, "kept:a")
        self.assertEqual("reset", again.read().name)

    def test_paused_redis_holds_nobody_up(self) -> None:
        """While it does not answer, streams open, and requests are answered."""
        daemon = self.start()
        self.redis.process.send_signal(signal.SIGSTOP)  # type: ignore[union-attr]
        try:
            source = self.listen(daemon, "kept:a")
            self.assertEqual(200, ask(daemon.port, "GET", "/live").status)
        finally:
            self.redis.process.send_signal(signal.SIGCONT)  # type: ignore[union-attr]
        self.ready(daemon)
        self.assertEqual("reset", source.read().name)
        publish(daemon.port, "kept:a", 1)
        self.assertEqual([1], source.read_data(1))
