# What type checkers see: the names that __init__.py looks up when they are asked for.
from sockjsd import proto as proto
from sockjsd.http.listening import listen as listen
from sockjsd.multiplex import MultiplexConnection as MultiplexConnection
from sockjsd.router import SockJSRouter as SockJSRouter
from sockjsd.sockjs.connection import ConnectionInfo as ConnectionInfo
from sockjsd.sockjs.connection import SockJSConnection as SockJSConnection
from sockjsd.stats import StatsCollector as StatsCollector

__version__: str
