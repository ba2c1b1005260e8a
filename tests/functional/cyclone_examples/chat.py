"""A chat, as one writes it for sockjs-cyclone."""

from cyclone.escape import xhtml_escape
from cyclone.web import Application, RequestHandler
from sockjs.cyclone import SockJSConnection, SockJSRouter
from twisted.internet import reactor


class Page(RequestHandler):
    def get(self):
        self.write(f"<title>Chat</title><h1>Hello, {xhtml_escape(self.get_argument('name', 'you'))}</h1>")


class Chat(SockJSConnection):
    people = set()

    def connectionMade(self, info):
        self.broadcast(self.people, "somebody came")
        self.people.add(self)

    def messageReceived(self, message):
        self.broadcast(self.people, message)

    def connectionLost(self):
        self.people.discard(self)
        self.broadcast(self.people, "somebody left")


if __name__ == "__main__":
    router = SockJSRouter(Chat, "/chat")
    application = Application([(r"/", Page), *router.urls])
    reactor.listenTCP(8888, application)
    reactor.run()
