"""Three connections over one, as one writes it for sockjs-cyclone."""

import sys

from cyclone.web import Application, RequestHandler
from sockjs.cyclone import MultiplexConnection, SockJSConnection, SockJSRouter
from twisted.internet import reactor


class Page(RequestHandler):
    def get(self):
        self.render("multiplex.html")


class Ann(SockJSConnection):
    def connectionMade(self, info):
        self.sendMessage("Ann is here")

    def messageReceived(self, message):
        self.sendMessage("Ann heard " + message)


class Bob(SockJSConnection):
    def messageReceived(self, message):
        self.sendMessage("Bob heard " + message)


class Carl(SockJSConnection):
    def connectionMade(self, info):
        self.sendMessage("Carl has to go")
        self.close()


if __name__ == "__main__":
    everybody = MultiplexConnection.create(ann=Ann, bob=Bob, carl=Carl)
    router = SockJSRouter(everybody, "/multiplex")
    application = Application([(r"/", Page), *router.urls], template_path=sys.argv[1], static_path=sys.argv[1])
    reactor.listenTCP(8888, application)
    reactor.run()
