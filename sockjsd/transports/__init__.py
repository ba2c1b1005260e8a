"""Ring 2: what carries a SockJS session.

``endpoint`` is one URL prefix at run time, ``handler`` does for every URL below it what
all have in common (origins, CORS, cookie, caching), and each of the other files is one
family of URLs: ``pages``, ``receiving`` (polling and streaming), ``sending``,
``websocket``.  ``urls`` is the table.
"""
