"""Benchmarks: ours and the peers' side by side, ``make bench``.

::

    load/        the load and the limit, in C: no peer's client library is measured
    peers/       the peers' servers, as their documentation recommends them
    machine.py   cores, processes, the compiler
    systems.py   a row for each system: how it is started, what goes over its wire
    scenarios.py a row for each scenario: what the load does
    report.py    medians, ratios, the table and the plots
    __main__.py  the command

The server is pinned to one core and the load to the other; systems alternate within a
run, so that a noisy machine is noisy for all of them.
"""
