# -*- test-case-name: tests.http.test_handler -*-
"""What the handlers derive from."""

from __future__ import annotations

from cyclone import web
from cyclone.httpserver import HTTPConnection, HTTPRequest
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.errors import ConfigurationError
from sockjsd.http.application import Application
from sockjsd.http.handler import LeanHandler
from sockjsd.http.limits import BodyPolicy
from tests.http.fakes import Echo
from tests.http.memory import Client


class CycloneConnection(HTTPConnection):
    """Cyclone's own, as far as a request needs it."""

    xheaders = False
    transport = None


class Promising(LeanHandler):
    """Names a method, and leaves the rest to its parent."""

    METHODS = ("GET",)


class LeanHandlerTests(SynchronousTestCase):
    """Methods, and bodies."""

    def setUp(self) -> None:
        self.client = Client(Application([(r"/echo", Echo, {}), (r"/lean", LeanHandler, {}), (r"/p", Promising, {})]))

    def test_named_methods_are_handled(self) -> None:
        """By ``handle``."""
        for method in Echo.METHODS:
            self.assertEqual(self.client.ask(method, "/echo").status, 200)

    def test_other_methods_are_not_allowed(self) -> None:
        """The answer says which are, and the connection goes on."""
        for method in ("OPTIONS", "PATCH"):
            answer = self.client.ask(method, "/echo")
            self.assertEqual((answer.status, answer.fields["allow"]), (405, "GET, HEAD, POST, PUT, DELETE"))

    def test_handler_without_methods_is_not_there(self) -> None:
        """Nor is one that does not handle what it promises."""
        for path in ("/lean", "/p"):
            self.assertEqual(self.client.ask("GET", path).status, 404)

    def test_server_of_cyclone_is_refused(self) -> None:
        """It has neither limits nor exchanges: the error says what to call instead."""
        request = HTTPRequest("GET", "/", connection=CycloneConnection())
        error = self.assertRaises(ConfigurationError, web.Application([(r"/", Promising)]), request)
        self.assertIn("sockjsd.http.listen(application, 'tcp:8888')", str(error))

    def test_small_bodies_are_welcome_by_default(self) -> None:
        """In memory."""
        self.assertEqual(LeanHandler.body_policy(), BodyPolicy(64 * 1024, None))
