# -*- test-case-name: tests.test_django_wsgi -*-
"""The Django site: Twisted's WSGI resource on a bounded pool of threads.

Each request gets a ``WSGIResource`` of its own, whose application is ours: it runs
Django in a thread and hands a complete body over together with the head, so that the
reactor is called once instead of three times.  A streamed body waits in its thread while
the client does not read.

How many requests may run and wait is counted here; beyond that the answer is 503 at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import import_module
from os import environ
from threading import Lock, Thread
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool
from twisted.web.wsgi import WSGIResource

from sockjsd.config import Site as Options
from sockjsd.errors import HTTPError, StartError
from sockjsd.http.exchange import TEXT, Exchange
from sockjsd.http.fields import block
from sockjsd.http.handler import LeanHandler
from sockjsd.http.limits import BodyPolicy
from sockjsd.http.wsgi import StartResponse, WSGIRequest

WSGIApplication = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

#: Seconds after which a client that met a full site may try again.
RETRY_AFTER = block({"Retry-After": "1"})


def _daemonic(*args: Any, **kwargs: Any) -> Thread:
    return Thread(*args, daemon=True, **kwargs)


class DaemonThreadPool(ThreadPool):
    """A pool whose threads do not keep the process from exiting: a view may never return."""

    threadFactory = staticmethod(_daemonic)  # type: ignore[assignment]  # a function instead of the class


class Site:
    """A Django project and the threads it runs in.

    :param options: the section ``[site]``.
    :param reactor: where answers are handed over.
    :param pool: runs the views; one of daemonic threads unless given.
    """

    _log = Logger()

    def __init__(self, options: Options, reactor: IReactorFromThreads, pool: ThreadPool | None = None) -> None:
        self._options = options
        self._reactor = reactor
        self._pool = pool if pool is not None else DaemonThreadPool(0, options.threads, "site")
        self._application: WSGIApplication | None = None
        # Guards the next two: views end in their threads.
        self._lock = Lock()
        self._busy = 0
        self._drained: list[Deferred[None]] = []

    @property
    def row(self) -> tuple[str, type[LeanHandler], dict[str, Any]]:
        """The row of the URL table that sends everything here."""
        return r"/.*", SiteHandler, {"site": self}

    @property
    def body_policy(self) -> BodyPolicy:
        """The site's limit; what is large goes to disk."""
        return BodyPolicy(self._options.body_limit, self._options.body_memory)

    def start(self, application: WSGIApplication | None = None) -> None:
        """Import the project and start the threads; called after twistd's fork, which no thread survives.

        :param application: answers instead of the project.
        :raises StartError: the project cannot be imported; the message says why.
        """
        self._application = application if application is not None else load(self._options)
        self._pool.start()

    def trusted_origins(self) -> tuple[str, ...]:
        """Return the site's ``CSRF_TRUSTED_ORIGINS``."""
        from django.conf import settings

        return tuple(settings.CSRF_TRUSTED_ORIGINS)

    def drained(self) -> Deferred[None]:
        """Return a Deferred that fires when no view runs."""
        with self._lock:
            if not self._busy:
                return succeed(None)
            drained: Deferred[None] = Deferred()
            self._drained.append(drained)
            return drained

    def stop(self) -> None:
        """End the threads, where all are idle; one whose view never returns is left to the end of the process."""
        if not self._busy:
            self._pool.stop()

    def answer(self, exchange: Exchange) -> None:
        """Let the site answer.

        :raises HTTPError: 503, as many requests as may run and wait do.
        """
        with self._lock:
            if self._busy >= self._options.threads + self._options.queue:
                raise HTTPError(503, "The site is busy", close=False)
            self._busy += 1
        request = WSGIRequest(exchange)
        try:
            WSGIResource(self._reactor, self._pool, partial(self._run, request)).render(request)
        except BaseException:  # it did not come as far as a thread
            self._close(request, ())
            raise

    def _run(self, request: WSGIRequest, environ: dict[str, Any], start_response: StartResponse) -> Iterator[bytes]:
        """Run Django, in a thread; yields only what is streamed."""
        assert self._application is not None, "start() comes first"
        response: Iterable[bytes] = ()
        try:
            response = self._application(environ, partial(request.begin, start_response))
            if getattr(response, "streaming", not isinstance(response, list | tuple)):
                for part in response:
                    _check_begun(request)
                    yield part
                    request.gate.wait()
            else:
                request.body = b"".join(response)
            _check_begun(request)
        finally:
            self._close(request, response)

    def _close(self, request: WSGIRequest, response: Iterable[bytes]) -> None:
        """Let go of everything that one answer held."""
        try:
            close = getattr(response, "close", None)
            if close is not None:
                close()
        finally:
            request.content.close()
            self._left()

    def _left(self) -> None:
        with self._lock:
            self._busy -= 1
            drained: list[Deferred[None]] = []
            if not self._busy:
                drained, self._drained = self._drained, drained
        for deferred in drained:
            self._reactor.callFromThread(deferred.callback, None)


def _check_begun(request: WSGIRequest) -> None:
    if request.head is None:
        raise RuntimeError("the site's application did not call start_response")


class SiteHandler(LeanHandler):
    """Everything that is no endpoint's."""

    @classmethod
    def body_policy(cls, **options: Any) -> BodyPolicy:
        """Return the site's."""
        site: Site = options["site"]
        return site.body_policy

    def initialize(self, site: Site) -> None:
        """Take the row."""
        self._site = site

    def _execute(self, transforms: list[Any], *arguments: str, **named: str) -> None:
        """Pass the request on, whatever its method."""
        try:
            self._site.answer(self.exchange)
        except HTTPError as error:
            self.exchange.respond(error.status, TEXT + RETRY_AFTER, error.reason.encode() + b"\n")


def load(options: Options) -> WSGIApplication:
    """Import the project and return its WSGI application.

    :raises StartError: it cannot be imported.
    """
    environ["DJANGO_SETTINGS_MODULE"] = options.settings
    try:
        application: WSGIApplication = import_module("django.core.wsgi").get_wsgi_application()
    except Exception as error:  # runs user code: anything may come
        Site._log.failure("The Django site does not import")
        raise StartError(f"Django with settings {options.settings} does not start: {error!r}") from error
    return application
