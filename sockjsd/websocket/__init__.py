"""Ring 0: every rule of RFC 6455, without I/O, clock or logging.

``frames`` is how one frame looks, ``handshake`` how a request becomes a WebSocket,
``connection`` what may follow what, and which messages come out of it.
"""
