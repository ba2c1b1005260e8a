"""What a cluster does when its parts are killed, when everybody comes back at once, and when somebody stops reading.

``ledger`` says what a client may claim, ``listeners`` are clients of four kinds, ``crowd`` is many of them in a
process of their own, ``publisher`` repeats until it is acknowledged, ``stage`` is a Redis with daemons; and
``chaos``, ``storm`` and ``stalled`` are the programs.
"""
