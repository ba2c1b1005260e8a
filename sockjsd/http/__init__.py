"""Ring 2: HTTP/1.1 under a Cyclone application.

``reader`` turns bytes into requests (httptools parses, ``rules`` refuses what two
parsers could read differently), ``connection`` keeps them in order, ``exchange`` is one
request and its answer, ``application`` finds the route and ``handler`` is what a
route's class derives from; ``flow`` is the way out, ``factory`` what all connections
share, and ``wsgi`` presents a request to Twisted's WSGI resource.
"""
