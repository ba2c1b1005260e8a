# -*- test-case-name: tests.http.test_listening -*-
"""``listen``: what it starts and stops, and when."""

from __future__ import annotations

import os
from typing import Any

from cyclone import web
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

import sockjsd.http
from sockjsd.errors import StartError
from sockjsd.http import listening
from sockjsd.http.limits import Limits
from sockjsd.http.listening import GATHERING, ApplicationFactory
from tests.http.cyclone_app import WARNINGS, Page, quiet
from tests.http.memory import Client

suppress = WARNINGS


class NotingPart:
    """Something that keeps time behind a row; notes what it is told."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def start(self, reactor: Any) -> None:
        self.calls.append("start")

    def end_sessions(self) -> None:
        self.calls.append("end sessions")

    def stop(self) -> None:
        self.calls.append("stop")


class Row(web.RequestHandler):
    """A handler of a row with a part."""

    def initialize(self, **options: object) -> None:
        pass


class FullReactor(MemoryReactorClock):
    """Every port is in use."""

    def listenTCP(self, port: int, factory: object, backlog: int = 50, interface: str = "") -> IAddress:
        raise CannotListenError(interface, port, OSError("in use"))


class ListenTests(SynchronousTestCase):
    """From the port's opening to its last connection's end."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.part = NotingPart()
        rows = [(r"/", Page), (r"/a", Row, {"router": self.part}), (r"/b", Row, {"router": self.part})]
        self.application = web.Application(rows, log_function=quiet)

    def listen(self, description: str = "tcp:80", **options: Any) -> ApplicationFactory:
        """Listen, and return the factory of the port."""
        self.successResultOf(sockjsd.http.listen(self.application, description, self.reactor, **options))
        factory = self.reactor.tcpServers[-1][1]
        assert isinstance(factory, ApplicationFactory)
        return factory

    def client(self, factory: ApplicationFactory) -> Client:
        """Return a connected client."""
        return Client(factory=factory)

    def test_port_is_opened_with_our_backlog(self) -> None:
        """The application answers there."""
        factory = self.listen()
        self.assertEqual((self.reactor.tcpServers[0][0], self.reactor.tcpServers[0][2]), (80, 4096))
        self.assertEqual(self.client(factory).ask("GET", "/").status, 200)

    def test_unix_socket_gets_the_umask(self) -> None:
        """Which is not changed by that."""
        old = os.umask(0o027)
        self.addCleanup(os.umask, old)
        self.successResultOf(sockjsd.http.listen(self.application, "unix:/nowhere/s", self.reactor))
        self.assertEqual(self.reactor.unixServers[0][3], 0o640)
        self.assertEqual(os.umask(0o027), 0o027)

    def test_port_in_use_is_an_error_at_once(self) -> None:
        """A script must not run on without its port, and nothing has started."""
        self.reactor = FullReactor()
        error = self.assertRaises(StartError, sockjsd.http.listen, self.application, "tcp:80", self.reactor)
        self.assertIn("cannot listen on tcp:80", str(error))
        self.assertEqual((self.part.calls, self.reactor.getDelayedCalls()), ([], []))

    def test_reactor_is_the_global_one_unless_given(self) -> None:
        """It stands where scripts had reactor.listenTCP."""
        self.assertRaises(StartError, sockjsd.http.listen, self.application, "nonsense:1")

    def test_limits_are_those_that_are_given(self) -> None:
        """The usual ones, and that of classic handlers' bodies."""
        client = self.client(self.listen(limits=Limits(head_fields=3), body_limit=2))
        self.assertEqual(client.ask("POST", "/", b"ab").status, 200)
        self.assertEqual(client.ask("POST", "/", b"abc").status, 413)
        other = self.client(self.listen(limits=Limits(head_fields=3)))
        self.assertEqual(other.ask("GET", "/", a="", b="", c="").status, 431)

    def test_proxies_are_those_that_are_trusted(self) -> None:
        """Or the caller hears of a mistake."""
        self.listen(trusted_proxies=["192.0.2.7"])
        self.assertRaises(ValueError, self.listen, trusted_proxies=["x"])

    def test_time_is_kept_while_the_port_is_open(self) -> None:
        """Each part is started once, however many rows it has."""
        factory = self.listen()
        factory.doStart()
        self.assertEqual((self.part.calls, len(self.reactor.getDelayedCalls())), (["start"], 1))
        factory.doStop()
        self.assertEqual(self.part.calls, ["start", "end sessions", "stop"])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_last_answer_is_waited_for(self) -> None:
        """Then time stops."""
        held: list[Any] = []

        class Later(web.RequestHandler):
            @web.asynchronous
            def get(self) -> None:
                held.append(self)

        self.application.add_handlers(".*", [(r"/later", Later)])
        factory = self.listen()
        factory.doStart()
        client, idle = Client(factory=factory, clock=self.reactor), Client(factory=factory, clock=self.reactor)
        idle.ask("GET", "/")
        client.send(b"GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        factory.doStop()
        idle.received()
        self.assertEqual((idle.closed, self.part.calls), (True, ["start", "end sessions"]))
        held[0].finish("late")
        self.assertEqual(client.answers()[0].body, b"late")
        self.assertEqual((self.part.calls[-1], self.reactor.getDelayedCalls()), ("stop", []))

    def test_all_ports_gather_together(self) -> None:
        """One broadcast may go to several."""
        self.assertIs(self.listen().gathering, GATHERING)
        self.assertIs(self.listen().gathering, GATHERING)


class NameTests(SynchronousTestCase):
    """``sockjsd.http.listen``."""

    def test_folder_has_it_by_its_short_name(self) -> None:
        """And no other name that is none."""
        self.assertIs(sockjsd.http.listen, listening.listen)
        self.assertRaises(AttributeError, getattr, sockjsd.http, "listne")
