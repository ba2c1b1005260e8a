"""A Cyclone application as people have them, for the tests of whatever serves it."""

from __future__ import annotations

from typing import Any

from cyclone import web
from twisted.internet.defer import Deferred
from twisted.trial import util

from sockjsd.http.foreign import ForeignApplication
from tests.http.fakes import Echo
from tests.http.memory import Client

#: Cyclone's own, since Python 3.12: for trial's ``suppress`` in the modules of tests that run its handlers.
WARNINGS = [util.suppress(category=DeprecationWarning, message=r"datetime\.datetime\.utcnow\(\) is deprecated")]


class Page(web.RequestHandler):
    """Answers at once, with what it knows of the request."""

    def get(self) -> None:
        self.set_cookie("seen", "yes")
        self.write({"argument": self.get_argument("q", ""), "cookie": self.get_cookie("user", "")})

    def head(self) -> None:
        self.get()

    def post(self) -> None:
        files = {name: [(each["filename"], each["body"].decode()) for each in found] for name, found in self.files()}
        self.write({"arguments": self.get_arguments("q"), "files": files, "length": len(self.request.body)})

    def files(self) -> Any:
        """The files of a form."""
        return self.request.files.items()


class Named(web.RequestHandler):
    """Answers with what the groups of its pattern matched."""

    def get(self, *arguments: str, **named: str) -> None:
        self.write(repr((arguments, named)))


class Stream(web.RequestHandler):
    """Answers piece by piece."""

    def get(self) -> None:
        for piece in ("one", "two", ""):
            self.write(piece)
            self.flush()
        self.write("three")


class Later(web.RequestHandler):
    """Answers when the test likes.

    :param held: gets the handler.
    """

    def initialize(self, held: list[Later]) -> None:
        self.gone: list[object] = []
        held.append(self)

    @web.asynchronous
    def get(self) -> None:
        self.notifyFinish().addCallback(self.gone.append)

    post = get


class Waiting(web.RequestHandler):
    """Answers when its Deferred fires.

    :param waiting: gets the Deferred.
    """

    def initialize(self, waiting: list[Deferred[None]]) -> None:
        self._waiting = waiting

    def get(self) -> Deferred[None]:
        deferred: Deferred[None] = Deferred()
        self._waiting.append(deferred)
        return deferred.addCallback(lambda _: self.write("done"))


class Raw(web.RequestHandler):
    """Writes its answer by itself, past Cyclone.

    :param pieces: what is written to the connection, one after the other.
    """

    def initialize(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    @web.asynchronous
    def get(self) -> None:
        for piece in self._pieces:
            self.request.connection.write(piece)
        self.request.connection.finish()

    head = get


class Refusing(web.RequestHandler):
    """Raises.

    :param error: what.
    """

    def initialize(self, error: Exception) -> None:
        self._error = error

    def get(self) -> None:
        raise self._error


class LastOne(Page):
    """Wants the connection to end."""

    no_keep_alive = True


def quiet(handler: web.RequestHandler) -> None:
    """Log no request: the setting ``log_function``."""


class Served:
    """An application, and a client of it in memory.

    :param rows: beside those that are always there.
    :param arguments: of ``Client``.
    :param settings: of the application.
    """

    def __init__(
        self, *rows: Any, body_limit: int = 1000, client: dict[str, Any] | None = None, **settings: Any
    ) -> None:
        self.held: list[Later] = []
        self.waiting: list[Deferred[None]] = []
        table = [
            *rows,
            (r"/", Page),
            (r"/named/(?P<a>[^/]*)/(?P<b>.*)", Named),
            (r"/groups/([^/]*)(?:/(x))?", Named),
            (r"/stream", Stream),
            (r"/later", Later, {"held": self.held}),
            (r"/waiting", Waiting, {"waiting": self.waiting}),
            (r"/last", LastOne),
            (r"/lean/(.*)", Echo),
        ]
        self.application = web.Application(table, log_function=quiet, **settings)
        self.client = Client(**(client or {}))
        self.client.factory.application = ForeignApplication(self.application, body_limit)
