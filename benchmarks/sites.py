"""The Django site under ours and under other servers: one process, one core, the same number of threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from benchmarks.install import PEERS, python
from benchmarks.machine import Server, free_port
from benchmarks.own import daemon
from benchmarks.systems import Kind, Running, System

#: Threads for views, everywhere: waitress's default.
THREADS = 4

_FOLDER = PEERS / "hello_site"
_ENVIRONMENT = {"DJANGO_SETTINGS_MODULE": "hello_site", "PYTHONPATH": str(_FOLDER)}


def ours(redis_port: int) -> Running:
    """Start a daemon with the site."""
    port = free_port()
    configuration = f"""
        [server]
        listen = tcp:{port}:interface=127.0.0.1
        [site]
        settings = hello_site
        python_path = {_FOLDER}
        threads = {THREADS}
        """
    return Running(daemon(port, configuration, {}))


def _start(command: Callable[[int], str], redis_port: int) -> Running:
    """Start one of the programs in the peers' virtualenv.

    :param command: returns its words for a port.
    """
    program, *words = command(port := free_port()).split()
    return Running(Server([str(python() / program), *words], port, _ENVIRONMENT, cwd=_FOLDER))


def _waitress(port: int) -> str:
    return f"waitress-serve --listen=127.0.0.1:{port} --threads={THREADS} hello_wsgi:application"


def _gunicorn(port: int) -> str:
    options = f"--worker-class gthread --workers 1 --threads {THREADS} --keep-alive 75 --worker-tmp-dir /dev/shm"
    return f"gunicorn --bind 127.0.0.1:{port} {options} hello_wsgi:application"


def _uvicorn(port: int) -> str:
    return f"uvicorn --host 127.0.0.1 --port {port} --no-access-log --log-level warning hello_asgi:application"


def _daphne(port: int) -> str:
    return f"daphne --bind 127.0.0.1 --port {port} --verbosity 0 hello_asgi:application"


def _system(name: str, about: str, command: Callable[[int], str]) -> System:
    return System(name, about, {Kind.SITE: partial(_start, command)})


WAITRESS = _system("waitress", f"{THREADS} threads, its default", _waitress)
GUNICORN = _system("gunicorn", f"one gthread worker with {THREADS} threads, keep-alive as long as ours", _gunicorn)
UVICORN = _system("uvicorn", "uvloop and httptools, without its access log", _uvicorn)
DAPHNE = _system("daphne", "without its access log", _daphne)
