# -*- test-case-name: tests.channels.protocol -*-
"""The Centrifuge client protocol, version 2, as JSON: pure text in, values out, and back.

::

    codes      errors, disconnects and unsubscribes, with what SDKs make of them
    commands   what clients send
    replies    what they are answered, and pushed

Pushes of publications, joins and leaves, which thousands share, are made in ``channels/forms.py``.
"""
