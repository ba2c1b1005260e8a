# -*- test-case-name: tests.test_django_wsgi -*-
"""The Django site: a WSGI gateway on a bounded pool of threads.

A thread runs Django and hands a complete body over together with the head; what several
threads have done crosses to the reactor at once (``http/crossing.py``), and how many of them
work is a matter of how busy they are (``http/crew.py``).  No answer holds a thread for its client:

- a complete one leaves its thread at once; what is large waits on disk instead of in memory;
- a file is left to the reactor, which reads it as the client does (``http/filebody.py``);
- a streamed one is made in threads while the client has room (``http/streaming.py``).

How many requests may run and wait is counted here; beyond that the answer is 503 at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib import import_module
from os import environ
from threading import Lock
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError, succeed
from twisted.logger import Logger

from sockjsd.config import Site as Options
from sockjsd.errors import HTTPError, StartError
from sockjsd.http.crew import Crew
from sockjsd.http.crossing import Crossing
from sockjsd.http.exchange import TEXT, Exchange
from sockjsd.http.fields import block
from sockjsd.http.handler import LeanHandler
from sockjsd.http.limits import BodyPolicy
from sockjsd.http.visit import House, Visit, WSGIApplication
from sockjsd.http.wsgi import StartResponse, WSGIRequest
from sockjsd.pool import Budget, Pool

#: Seconds after which a client that met a full site may try again.
RETRY_AFTER = block({"Retry-After": "1"})

#: Seconds that a stop waits for answers to be closed which were cut.
PATIENCE = 1.0

#: Threads that close answers whose client has left, or has got all of a file: apart from those of the
#: views, so that it does not take longer when these are busy.
CLOSERS = 4

#: Threads that read from disks what is not in memory.
READERS = 4


class Site:
    """A Django project and the threads it runs in.

    :param options: the section ``[site]``.
    :param reactor: where answers are handed over; Twisted has no one interface for that and for time.
    :param make_pool: makes threads: by the name of the pool, and how many.
    """

    _log = Logger()

    def __init__(
        self,
        options: Options,
        reactor: Any,
        make_pool: Callable[[str, int], Pool] = Pool,
    ) -> None:
        from sockjsd.django.baggage import Baggage, settle  # Django is for daemons that have a site

        self._options = options
        self._reactor = reactor
        self._crossing = crossing = Crossing(reactor)
        views, closers, readers = self._pools = (
            make_pool("site", options.threads),
            make_pool("site-closers", CLOSERS),
            make_pool("site-readers", READERS),
        )
        self._house = House(
            crossing,
            views=Crew(reactor, views, crossing),
            closers=closers,
            readers=readers,
            running=Budget(options.threads + options.queue),
            streams=Budget(options.streams),
            spooled=Budget(options.spool_limit),
            response_spool=options.response_spool,
            baggage=Baggage,
            settle=settle,
        )
        self._application: WSGIApplication = _not_started
        # Guards the next two: answers end in threads.
        self._lock = Lock()
        self._in_flight = 0
        self._drained: list[Deferred[None]] = []

    @property
    def row(self) -> tuple[str, type[LeanHandler], dict[str, Any]]:
        """The row of the URL table that sends everything here."""
        return r"/.*", SiteHandler, {"site": self}

    @property
    def body_policy(self) -> BodyPolicy:
        """The site's limit; what is large goes to disk."""
        return BodyPolicy(self._options.body_limit, self._options.body_memory, self._house.spooled)

    def start(self, application: WSGIApplication | None = None) -> None:
        """Import the project and start the threads; called after twistd's fork, which no thread survives.

        :param application: answers instead of the project.
        :raises StartError: the project cannot be imported; the message says why.
        """
        self._application = application if application is not None else load(self._options)
        for pool in self._pools:
            pool.start()

    def trusted_origins(self) -> tuple[str, ...]:
        """Return the site's ``CSRF_TRUSTED_ORIGINS``."""
        from django.conf import settings

        return tuple(settings.CSRF_TRUSTED_ORIGINS)

    def drained(self) -> Deferred[None]:
        """Return a Deferred that fires when no answer is under way."""
        with self._lock:
            if not self._in_flight:
                return succeed(None)
            drained: Deferred[None] = Deferred()
            self._drained.append(drained)
            return drained

    def stop(self) -> Deferred[None]:
        """End the threads, when what clients were cut from is closed; fires then.

        A view that never returns is left to the end of the process after ``PATIENCE``.
        """
        stopped = self.drained()
        if not stopped.called:
            stopped.addTimeout(PATIENCE, self._reactor)
        return stopped.addCallbacks(lambda _: self._stop_pools(), lambda failure: failure.trap(TimeoutError) and None)

    def _stop_pools(self) -> None:
        for pool in self._pools:
            pool.stop()

    def answer(self, exchange: Exchange) -> None:
        """Let the site answer.

        :raises HTTPError: 503, as many requests as may run and wait do.
        """
        if not self._house.running.take():
            raise HTTPError(503, "The site is busy", close=False)
        with self._lock:
            self._in_flight += 1
        request = WSGIRequest(exchange, self._crossing.call)
        visit = Visit(self._house, self._application, request, self._left)
        try:
            self._house.views.call(visit.run)
        except BaseException:  # it did not come as far as a thread
            visit.release()
            raise

    def _left(self) -> None:
        with self._lock:
            self._in_flight -= 1
            drained: list[Deferred[None]] = []
            if not self._in_flight:
                drained, self._drained = self._drained, drained
        for deferred in drained:
            self._crossing.call(partial(deferred.callback, None))


def _not_started(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    raise AssertionError("start() comes first")


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

    def _execute(self, transforms: Sequence[Any], *arguments: str, **named: str) -> None:
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
