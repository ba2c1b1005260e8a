"""A connection that tells the numbers of another router each second, as one writes it for sockjs-cyclone."""

from cyclone.web import Application
from sockjs.cyclone import SockJSConnection, SockJSRouter, proto
from twisted.internet import reactor, task


class Everybody(SockJSConnection):
    clients = set()

    def connectionMade(self, info):
        self.clients.add(self)

    def messageReceived(self, message):
        self.broadcast(self.clients, message)

    def connectionLost(self):
        self.clients.remove(self)


watched = SockJSRouter(Everybody, "/broadcast")


class Numbers(SockJSConnection):
    def connectionMade(self, info):
        self.loop = task.LoopingCall(self.tell)
        self.loop.start(1)

    def connectionLost(self):
        self.loop.stop()

    def tell(self):
        self.sendMessage(proto.json_encode(watched.stats.dump()))


if __name__ == "__main__":
    numbers = SockJSRouter(Numbers, "/numbers")
    application = Application(watched.urls + numbers.urls)
    reactor.listenTCP(8888, application)
    reactor.run()
