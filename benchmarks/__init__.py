"""Benchmarks: ours and the peers' side by side, ``make bench``.

::

    __main__.py   the command
    running.py    scenario by scenario, round by round, system after system
    ratios.py     medians, spreads, ratios of neighbours in time
    report.py     the table for people; results.py has the JSON for programs
    requirements.py  what ours wants to be, and whether it is
    page.py       the page with all plots: plots.py, overview.py, families.py, svg.py

    scenarios.py  a row for each scenario: what the load does with a running system
    rooms.py      who is on which channel where there are many
    syscalls.py, profiling.py  look into a running daemon
    loading.py    runs the load; ceiling.py says what the load itself can do
    load/         the load and the limit, in C: no peer's client library is measured

    systems.py    what a system is; catalog.py has all of them
    own.py        ours, and the limit in C
    node.py       those that run on Node.js; pythons.py on Python; native.py the others
    sites.py      servers of Django sites
    wire.py       what clients of each protocol send
    install.py    installs what peers need
    peers/        the peers' servers, as their documentation recommends them
    machine.py    cores, processes, the compiler

Servers are pinned to one core, the load and Redis to another; systems alternate within a
run, so that a noisy machine is noisy for all of them.

For themselves stand ``gil.py`` and ``fanout_gil.py`` (views that compute), ``site.py`` (slow
clients of the site) and ``compression.py``.
"""
