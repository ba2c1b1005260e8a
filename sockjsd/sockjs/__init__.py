"""Ring 0: every rule of the SockJS protocol 0.3.3, without I/O, clock or logging.

``frames`` writes and reads what client and server say to each other, ``batch`` holds
messages on their way out, ``envelopes`` wraps frames for each transport, ``session`` is
one client's life as a table of states, ``interfaces`` are its neighbours, ``connection``
is the class an application subclasses, ``origins`` says whose pages may connect.  The
sections named in the comments are those of the SockJS text (sockjs-protocol 0.3.3).
"""
