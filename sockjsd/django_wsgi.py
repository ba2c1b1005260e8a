# -*- test-case-name: tests.test_django_wsgi -*-
"""The Django site: Twisted's WSGI resource on a bounded pool of threads.

Each request gets a ``WSGIResource`` of its own, whose application is ours: it runs
Django in a thread and hands a complete body over together with the head, so that the
reactor is called once instead of three times.  ``SiteRequest`` presents a request to the
resource the way ``twisted.web`` would.

How many requests may run and wait is counted here; beyond that the answer is 503 at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from io import BytesIO
from os import environ
from threading import Lock, Thread
from typing import Any, BinaryIO
from urllib.parse import unquote_to_bytes

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from twisted.web.http_headers import Headers
from twisted.web.wsgi import WSGIResource

from sockjsd.config import Site as Options
from sockjsd.errors import HTTPError, StartError
from sockjsd.http.exchange import Exchange, Phase
from sockjsd.http.fields import block, field
from sockjsd.http.handler import LeanHandler
from sockjsd.http.limits import BodyPolicy

WSGIApplication = Callable[[dict[str, Any], Callable[..., object]], Iterable[bytes]]

#: Fields about the connection between us and the client: ours to write, not the site's (PEP 3333, "Other HTTP Features").
_OURS = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"date", b"content-length"})

#: Seconds after which a client that met a full site may try again.
RETRY_AFTER = block({"Retry-After": "1"})

#: What stands in for a Unix socket's peer and host, which have no address.
_NO_ADDRESS = IPv4Address("TCP", "127.0.0.1", 80)


class DaemonThreadPool(ThreadPool):
    """A pool whose threads do not keep the process from exiting: a view may never return."""

    @staticmethod
    def threadFactory(*args: Any, **kwargs: Any) -> Thread:
        """Return a thread that dies with the process."""
        return Thread(*args, daemon=True, **kwargs)


class SiteRequest:
    """One request, as ``WSGIResource`` wants it; called in the reactor's thread only.

    :param exchange: the request.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._finished: list[Deferred[None]] = []
        self._status = 200
        self._phrase = ""
        #: A complete body, set by our application before it returns.
        self.body: bytes | None = None
        request = exchange.request
        self.method = request.method.encode("latin-1")
        self.uri = request.uri.encode("latin-1")
        self.clientproto = request.version.encode("latin-1")
        self.prepath: list[bytes] = []
        path = self.uri.partition(b"?")[0]
        self.postpath = [unquote_to_bytes(segment) for segment in path[1:].split(b"/")]
        self.content: BinaryIO = request.file if request.file is not None else BytesIO(request.body)
        self.requestHeaders = self._request_headers()
        self.responseHeaders = Headers()
        self.defaultContentType = None
        exchange.on_gone = self._gone

    def _request_headers(self) -> Headers:
        """Return the client's fields, without those that could pass for others.

        ``X_Forwarded_For`` and ``X-Forwarded-For`` get the same name in the environ, and
        ``Proxy`` becomes ``HTTP_PROXY``, which programs take for their own configuration.
        """
        headers = Headers()
        for name, value in self._exchange.request.headers.get_all():
            if "_" not in name and name not in ("Proxy", "Content-Length", "Transfer-Encoding"):
                headers.addRawHeader(name.encode("latin-1"), value.encode("latin-1"))
        return headers

    def getHeader(self, name: bytes) -> bytes | None:
        """Return one field of the request; the length is that of the body which came, chunked or not."""
        if name == b"content-length":
            return self._content_length()
        values = self.requestHeaders.getRawHeaders(name)
        return values[-1] if values else None

    def _content_length(self) -> bytes:
        size = self.content.seek(0, 2)
        self.content.seek(0)
        return b"%d" % size if size or not self._exchange.head.has_body else b"0"

    def getClientAddress(self) -> IPv4Address:
        """Return the peer."""
        peer = self._exchange.peer
        return peer if hasattr(peer, "host") else _NO_ADDRESS

    def getHost(self) -> IPv4Address:
        """Return our own side of the connection."""
        host = self._exchange.host
        return host if hasattr(host, "port") else _NO_ADDRESS

    def getRequestHostname(self) -> bytes:
        """Return the host that the client asked for, without the port."""
        return self._exchange.head.host.rpartition(":")[0].encode("latin-1") or self._exchange.head.host.encode("latin-1")

    def isSecure(self) -> bool:
        """Return whether TLS is spoken."""
        return self._exchange.request.protocol == "https"

    def notifyFinish(self) -> Deferred[None]:
        """Return a Deferred that fails when the client leaves before the answer is complete."""
        finished: Deferred[None] = Deferred()
        self._finished.append(finished)
        return finished

    def setResponseCode(self, code: int, message: bytes | None = None) -> None:
        """Take the status."""
        self._status = code
        self._phrase = (message or b"").decode("latin-1")

    def write(self, data: bytes) -> None:
        """Send a part of the body; never raises, because then the site's iterator would not be closed."""
        if self._exchange.phase is Phase.RECEIVED:
            self._exchange.start(self._status, self._fields(), phrase=self._phrase, length=self._declared_length())
        self._exchange.write(data)

    def finish(self) -> None:
        """End the answer."""
        exchange = self._exchange
        if exchange.phase is not Phase.RECEIVED:
            exchange.end()
        elif self.body or exchange.request.method != "HEAD":
            exchange.respond(self._status, self._fields(), self.body or b"", phrase=self._phrase)
        else:  # HEAD, answered without a body: the length that the site declares is that of the GET
            exchange.start(self._status, self._fields(), phrase=self._phrase, length=self._declared_length() or 0)
            exchange.end()

    def loseConnection(self) -> None:
        """Cut the answer short: the site failed in its middle."""
        self._exchange.abort()

    def _fields(self) -> bytes:
        return b"".join(
            field(name.decode("latin-1"), value.decode("latin-1"))
            for name, values in self.responseHeaders.getAllRawHeaders()
            if name.lower() not in _OURS
            for value in values
        )

    def _declared_length(self) -> int | None:
        values = self.responseHeaders.getRawHeaders(b"content-length")
        return int(values[0]) if values and values[0].isdigit() else None

    def _gone(self) -> None:
        waiting, self._finished = self._finished, []
        for finished in waiting:
            finished.errback(Failure(ConnectionError("the client has left")))


class Site:
    """A Django project and the threads it runs in.

    :param options: the section ``[site]``.
    :param reactor: where answers are handed over.
    """

    _log = Logger()

    def __init__(self, options: Options, reactor: IReactorFromThreads) -> None:
        self._options = options
        self._reactor = reactor
        self._pool = DaemonThreadPool(0, options.threads, "site")
        self._application: WSGIApplication | None = None
        self._lock = Lock()
        self._busy = 0
        self._idle: Deferred[None] | None = None

    @property
    def row(self) -> tuple[str, type[LeanHandler], dict[str, Any]]:
        """The row of the URL table that sends everything here."""
        return r"/.*", SiteHandler, {"site": self}

    def start(self) -> None:
        """Import the project and start the threads; called after twistd's fork, which no thread survives.

        :raises StartError: the project cannot be imported; the message says why.
        """
        self._application = load(self._options)
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
            self._idle = Deferred()
            return self._idle

    def stop(self) -> None:
        """End the threads that are idle; one whose view never returns is left to the end of the process."""
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
        request = SiteRequest(exchange)

        def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterator[bytes]:
            return self._run(request, environ, start_response)

        WSGIResource(self._reactor, self._pool, application).render(request)

    def _run(
        self, request: SiteRequest, environ: dict[str, Any], start_response: Callable[..., object]
    ) -> Iterator[bytes]:
        """Run Django, in a thread; yields only what is streamed."""
        assert self._application is not None, "start() comes first"
        response: Iterable[bytes] = ()
        try:
            response = self._application(environ, start_response)
            if getattr(response, "streaming", False):
                yield from response
            else:
                request.body = b"".join(response)
        finally:
            close = getattr(response, "close", None)
            if close is not None:
                close()
            self._left()

    def _left(self) -> None:
        with self._lock:
            self._busy -= 1
            idle, self._idle = (self._idle, None) if not self._busy else (None, self._idle)
        if idle is not None:
            self._reactor.callFromThread(idle.callback, None)


class SiteHandler(LeanHandler):
    """Everything that is no endpoint's."""

    @classmethod
    def body_policy(cls, **options: Any) -> BodyPolicy:
        """Return the site's limit; what is large goes to disk."""
        site: Site = options["site"]
        return BodyPolicy(site._options.body_limit, site._options.body_memory)

    def initialize(self, site: Site, **options: Any) -> None:
        """Take the row."""
        self._site = site

    def _execute(self, transforms: list[Any], *arguments: str, **named: str) -> None:
        """Pass the request on, whatever its method."""
        try:
            self._site.answer(self.exchange)
        except HTTPError as error:
            self.exchange.respond(error.status, RETRY_AFTER, error.reason.encode() + b"\n")


def load(options: Options) -> WSGIApplication:
    """Import the project and return its WSGI application.

    :raises StartError: it cannot be imported.
    """
    if options.python_path is not None and options.python_path not in sys.path:
        sys.path.insert(0, options.python_path)
    environ["DJANGO_SETTINGS_MODULE"] = options.settings
    try:
        application: WSGIApplication = import_module("django.core.wsgi").get_wsgi_application()
    except Exception as error:  # runs user code: anything may come
        Site._log.failure("The Django site does not import")
        raise StartError(f"Django with settings {options.settings} does not start: {error!r}") from error
    return application
