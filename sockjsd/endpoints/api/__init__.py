"""The server API: what the site orders and asks over HTTP, in the shapes of Centrifugo's.

``fields`` reads a command, ``methods`` carries it out, ``replies`` writes the answer, and ``handler`` is all that
knows HTTP.
"""
