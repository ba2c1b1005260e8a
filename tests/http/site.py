"""A WSGI site in memory: threads and the reactor's other side are played by plain calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.task import Clock

from sockjsd.config import Site as Options
from sockjsd.django_wsgi import Site, WSGIApplication
from sockjsd.http.application import Application
from tests.http.memory import Client

StartResponse = Callable[..., Callable[[bytes], None]]


class Reactor(Clock):
    """Calls at once what a thread hands over, and counts.

    :ivar crossings: how often a thread called the reactor.
    """

    def __init__(self) -> None:
        super().__init__()
        self.crossings = 0

    def callFromThread(self, function: Callable[..., object], *arguments: Any, **named: Any) -> None:
        self.crossings += 1
        function(*arguments, **named)


class Pool:
    """Runs at once what is to run in a thread, or when the test says so.

    :ivar held: whether threads are all busy: what comes waits for ``run``.
    """

    most = wanted = 1
    taken = 0
    #: Nobody is ever seen to wait: what a crew makes of that has tests of its own.
    waiting = 0

    def __init__(self) -> None:
        self.held = False
        self.running = False
        self._waiting: list[Callable[[], object]] = []

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    def callInThread(self, function: Callable[[], object]) -> None:
        self._waiting.append(function)
        if not self.held:
            self.run()

    def run(self) -> None:
        """Run what waits."""
        while self._waiting:
            self._waiting.pop(0)()


class Gate:
    """What a thread waits at: here it waits for nobody, and says whether it would have to."""

    def __init__(self) -> None:
        self.is_open = False

    def set(self) -> None:
        self.is_open = True

    def clear(self) -> None:
        self.is_open = False

    def is_set(self) -> bool:
        return self.is_open

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is None and not self.is_open:
            self.blocked()
        return self.is_open

    def blocked(self) -> None:
        """A thread would be held until the gate opens; a test may do here what opens it."""
        raise AssertionError("this thread waits for ever")


class Response(list[bytes]):
    """A complete answer, as Django's: knows that it is not streamed, and is to be closed."""

    streaming = False
    closed = 0

    def close(self) -> None:
        self.closed += 1


class Streaming(Response):
    """A streamed one."""

    streaming = True


class WSGI:
    """A WSGI application that remembers its environs and answers what the test sets.

    :ivar response: the body's parts, or what is to be called with the environ for them.
    """

    def __init__(self) -> None:
        self.environs: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.status = "200 OK"
        self.headers: list[tuple[str, str]] = [("Content-Type", "text/plain")]
        self.response: Iterable[bytes] = Response([b"hello"])

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        self.environs.append(environ)
        self.bodies.append(environ["wsgi.input"].read())
        start_response(self.status, self.headers)
        return self.response


class Server:
    """A daemon that serves a WSGI application and nothing else.

    :ivar wsgi: the application, unless another one is given.
    :ivar client: the first client; ``connect`` makes more.
    """

    def __init__(self, application: WSGIApplication | None = None, **options: Any) -> None:
        self.reactor = Reactor()
        self.pool = Pool()
        self.wsgi = WSGI()
        self.site = Site(Options(**options), self.reactor, lambda name, threads: self.pool)  # type: ignore[arg-type,return-value]
        self.site.start(application if application is not None else self.wsgi)
        self.client = Client(Application([self.site.row]))

    def connect(self, **options: Any) -> Client:
        """Return another client of the same daemon."""
        return Client(factory=self.client.factory, **options)
