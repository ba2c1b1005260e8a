# -*- test-case-name: tests.test_django_wsgi -*-
"""The site: its threads, who is let in, and what becomes of its failures."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import django.core.wsgi
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test.utils import override_settings
from django.urls import path
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.config import Site as Options
from sockjsd.django_wsgi import PATIENCE, Site, load
from sockjsd.errors import StartError
from sockjsd.http.limits import BodyPolicy
from tests.django import settings
from tests.django.fakes import LogLines
from tests.http.memory import Client, request
from tests.http.site import Pool, Reactor, Response, Server, StartResponse, Streaming


class SiteTestCase(SynchronousTestCase):
    """A site with one thread, and one request that may wait for it."""

    def setUp(self) -> None:
        self.server = Server(threads=1, queue=1)
        self.site, self.pool, self.wsgi = self.server.site, self.server.pool, self.server.wsgi
        self.client = self.server.client

    def assert_idle(self) -> None:
        """No request is counted as running."""
        self.successResultOf(self.site.drained())
        self.successResultOf(self.site.stop())
        self.assertFalse(self.pool.running)
        self.assertEqual(self.server.reactor.getDelayedCalls(), [])


class AdmissionTests(SiteTestCase):
    """Who is let in."""

    def test_full_site_says_so(self) -> None:
        """At once, with when to come again; the connection goes on."""
        self.pool.held = True
        for _ in range(2):
            self.server.connect().send(request())
        answer = self.client.ask()
        self.assertEqual((answer.status, answer.fields["retry-after"], answer.body), (503, "1", b"The site is busy\n"))
        self.assertIn("text/plain", answer.fields["content-type"])
        self.assertFalse(self.client.closed)
        self.pool.held = False
        self.pool.run()
        self.assertEqual(self.client.ask().status, 200)
        self.assert_idle()

    def test_body_of_refused_request_is_dropped(self) -> None:
        """Its file is closed."""
        self.pool.held = True
        for _ in range(3):
            self.server.connect().send(request("POST", "/", b"x" * 100_000))
        self.pool.run()
        self.assertEqual(len(self.wsgi.bodies), 2)

    def test_limits_are_those_of_the_options(self) -> None:
        """One for the body, one for what of it is kept in memory."""
        server = Server(body_limit=10, body_memory=4)
        self.assertEqual(server.site.body_policy, BodyPolicy(10, memory=4))
        self.assertEqual(server.client.ask("POST", "/", b"x" * 10).status, 200)
        self.assertEqual(server.wsgi.bodies, [b"x" * 10])
        self.assertEqual(server.client.ask("POST", "/", b"x" * 11).status, 413)


class CountTests(SiteTestCase):
    """A request is counted until it ends, whichever way."""

    def test_answered(self) -> None:
        """Complete or streamed."""
        for response in (Response([b"x"]), Streaming([b"x"])):
            self.wsgi.response = response
            self.client.ask()
            self.assertEqual(response.closed, 1)
        self.assert_idle()

    def test_client_left_before_its_turn(self) -> None:
        """The view runs all the same: the request was complete, and may have been meant."""
        self.pool.held = True
        self.client.send(request("POST", "/", b"x" * 100_000))
        self.client.lose()
        self.assertNoResult(self.site.drained())
        self.pool.run()
        self.assertEqual(self.wsgi.bodies, [b"x" * 100_000])
        self.assert_idle()

    def test_client_left_amid_answer(self) -> None:
        """No more of it is made, and it is closed."""

        def parts() -> Iterator[bytes]:
            yield b"one"
            self.client.lose()
            yield b"two"
            self.fail("nobody wants this")

        self.wsgi.response = parts()
        self.client.send(request())
        self.assert_idle()

    def test_client_left_while_view_ran(self) -> None:
        """Nothing is sent, nothing is logged."""

        def leave(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            server.client.lose()
            start_response("200 OK", [])
            return Response([b"x"])

        for method in ("GET", "HEAD"):
            server = Server(leave)
            server.client.send(request(method))
            self.successResultOf(server.site.drained())

    def test_request_that_reached_no_thread(self) -> None:
        """A bug on the way is answered with 500."""
        self.patch(Pool, "callInThread", None)
        self.assertEqual(self.client.ask("POST", "/", b"x" * 100_000).status, 500)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)
        self.assert_idle()


class FailureTests(SiteTestCase):
    """Sites that fail: logged once, closed always, and the client learns nothing of it."""

    def fail_with(self, application: Any) -> None:
        """Ask a server of *application*; it answers 500, logs one failure, and is idle."""
        server = Server(application)
        answer = server.client.ask()
        self.assertEqual((answer.status, answer.body), (500, b"Internal server error\n"))
        self.assertEqual(len(self.flushLoggedErrors()), 1)
        self.successResultOf(server.site.drained())

    def test_application_that_raises(self) -> None:
        """Before it says anything."""

        def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            raise ZeroDivisionError("secret")

        self.fail_with(application)

    def test_body_that_raises(self) -> None:
        """Before its first part: what was said of the head is forgotten."""

        def application(environ: dict[str, Any], start_response: StartResponse) -> Iterator[bytes]:
            start_response("200 OK", [("X", "y")])
            raise ZeroDivisionError("secret")
            yield b""

        self.fail_with(application)

    def test_close_that_raises(self) -> None:
        """After a complete body, which is not sent."""

        class Stuck(Response):
            def close(self) -> None:
                raise ZeroDivisionError("secret")

        self.wsgi.response = Stuck([b"x"])
        self.fail_with(self.wsgi)

    def test_start_response_that_is_never_called(self) -> None:
        """With a body, without one, and with one that is streamed."""
        for response in ([b"x"], [], Streaming([b"x"]), Streaming()):
            self.fail_with(lambda environ, start_response, response=response: response)

    def test_failure_amid_answer(self) -> None:
        """Cut, closed, logged once."""

        class Failing(Streaming):
            def __iter__(self) -> Iterator[bytes]:
                yield b"one"
                raise ZeroDivisionError("secret")

        self.wsgi.response = response = Failing()
        self.client.send(request())
        self.assertNotIn(b"secret", self.client.received())
        self.assertTrue(self.client.closed)
        self.assertEqual((response.closed, len(self.flushLoggedErrors(ZeroDivisionError))), (1, 1))
        self.assert_idle()

    def test_failure_can_be_told_by_application(self) -> None:
        """``start_response`` with ``exc_info`` replaces a head that was not sent, and raises where it was."""

        def application(environ: dict[str, Any], start_response: StartResponse) -> Iterator[bytes]:
            start_response("200 OK", [])
            if environ["PATH_INFO"] == "/late":
                yield b"one"
            try:
                raise ZeroDivisionError
            except ZeroDivisionError as error:
                start_response("418 Teapot", [], (type(error), error, error.__traceback__))
            yield b"told"

        client = Server(application).client
        answer = client.ask()
        self.assertEqual((answer.status, answer.body), (418, b"told"))
        client.send(request(target="/late"))
        self.assertTrue(client.received().endswith(b"one\r\n"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class StopTests(SiteTestCase):
    """The site while the daemon stops."""

    def test_drained_waits_for_views(self) -> None:
        """Whoever asked, and however often."""
        self.pool.held = True
        self.client.send(request())
        waiting = [self.site.drained(), self.site.drained()]
        for drained in waiting:
            self.assertNoResult(drained)
        self.pool.run()
        for drained in waiting:
            self.successResultOf(drained)

    def test_stop_does_not_wait_long_for_busy_thread(self) -> None:
        """Its view may never return: the pool is left to the end of the process."""
        self.pool.held = True
        self.client.send(request())
        stopped = self.site.stop()
        self.assertNoResult(stopped)
        self.server.reactor.advance(PATIENCE)
        self.successResultOf(stopped)
        self.assertTrue(self.pool.running)
        self.pool.run()

    def test_stop_waits_for_what_is_being_closed(self) -> None:
        """The clients of these answers have been cut a moment ago."""
        self.pool.held = True
        self.client.send(request())
        stopped = self.site.stop()
        self.pool.run()
        self.successResultOf(stopped)
        self.assert_idle()

    def test_each_kind_of_work_has_its_threads(self) -> None:
        """So that closing an answer does not wait for views, nor a view for disks."""
        pools: list[tuple[str, int]] = []

        def make_pool(name: str, threads: int) -> Any:
            pools.append((name, threads))
            return Pool()

        Site(Options(threads=3), Reactor(), make_pool)
        self.assertEqual(pools, [("site", 3), ("site-closers", 4), ("site-readers", 4)])


def greet(request: HttpRequest) -> HttpResponse:
    """Say what was asked."""
    return HttpResponse(f"{request.method} {request.get_full_path()} {request.get_host()} ".encode() + request.body)


def stream(request: HttpRequest) -> StreamingHttpResponse:
    """Answer in two parts."""
    return StreamingHttpResponse(iter([b"one", b"two"]))


def fail(request: HttpRequest) -> HttpResponse:
    """Raise."""
    raise ZeroDivisionError("secret")


class Urls:
    """What Django takes for a module of URLs."""

    urlpatterns = (path("greet/", greet), path("stream/", stream), path("fail/", fail))


class DjangoTests(SynchronousTestCase):
    """A real Django behind it."""

    def setUp(self) -> None:
        settings.configure()
        before = os.environ.get("DJANGO_SETTINGS_MODULE")
        self.addCleanup(self.restore, before)
        override = override_settings(
            ROOT_URLCONF=Urls, ALLOWED_HOSTS=["example.com"], CSRF_TRUSTED_ORIGINS=["https://a"]
        )
        override.enable()
        self.addCleanup(override.disable)

    def restore(self, before: str | None) -> None:
        """Let the next test find the environment as it was."""
        os.environ.pop("DJANGO_SETTINGS_MODULE", None)
        if before is not None:
            os.environ["DJANGO_SETTINGS_MODULE"] = before

    def client(self) -> Client:
        """Return a client of the project."""
        return Server(load(Options(settings="tests.django.settings"))).client

    def test_views_answer(self) -> None:
        """Complete and streamed, on one connection."""
        client = self.client()
        answer = client.ask("POST", "/greet/?a=b", b"body", content_type="text/plain")
        self.assertEqual((answer.status, answer.body), (200, b"POST /greet/?a=b example.com body"))
        self.assertEqual(client.ask("GET", "/stream/").body, b"onetwo")
        self.assertEqual(client.ask("GET", "/nothing/").status, 404)

    def test_head_has_length_of_get(self) -> None:
        """Django makes the body, and it is not sent."""
        client = self.client()
        answer = client.ask("HEAD", "/greet/")
        self.assertEqual((answer.fields["content-length"], answer.body), ("25", b""))

    def test_failure_of_view_is_logged_once(self) -> None:
        """By Django, which answers it; not by us again."""
        client = self.client()
        log = LogLines(self, "django.request")  # after Django has set up its own
        answer = client.ask("GET", "/fail/")
        self.assertEqual((answer.status, log.lines), (500, [("ERROR", "Internal Server Error: /fail/")]))
        self.assertNotIn(b"secret", answer.body)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_site_imports_project(self) -> None:
        """When it starts, by the name in the options; then it knows whom the project trusts."""
        pool = Pool()
        site = Site(Options(settings="tests.django.settings"), Reactor(), lambda name, threads: pool)
        self.assertFalse(pool.running)
        site.start()
        self.assertTrue(pool.running)
        self.assertEqual(os.environ["DJANGO_SETTINGS_MODULE"], "tests.django.settings")
        self.assertEqual(site.trusted_origins(), ("https://a",))

    def test_project_that_does_not_import_is_named(self) -> None:
        """With the error; its traceback is in the log."""

        def broken() -> None:
            raise ModuleNotFoundError("No module named 'shop'")

        self.patch(django.core.wsgi, "get_wsgi_application", broken)
        site = Site(Options(settings="shop.settings"), Reactor(), lambda name, threads: Pool())
        with self.assertRaises(StartError) as caught:
            site.start()
        self.assertIn("shop.settings", str(caught.exception))
        self.assertIn("No module named 'shop'", str(caught.exception))
        self.assertEqual(len(self.flushLoggedErrors(ModuleNotFoundError)), 1)
