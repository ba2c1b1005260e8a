# -*- test-case-name: tests.test_pool -*-
"""Threads and the bounds around them.

Each kind of work that may block has a pool of its own, with a name that tracebacks and
debuggers show, so that one kind never waits for another: the views of the site, the
closing of answers, reads from a slow disk.  Code of the site that answers connections,
and whatever authenticates them, gets its own in the same way: a ``Pool`` for the
threads, a ``Budget`` for how many calls may run and wait, made and started by whoever
owns that work and stopped by it when it is idle.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Lock, Thread, get_ident

from twisted.logger import Logger

Call = Callable[[], object]

#: Returns the clock of the time that a thread has computed; not every system has it.
_clock_of = getattr(time, "pthread_getcpuclockid", None)


class _Worker(Thread):
    """One thread of a pool; it sleeps until it is woken, works as long as there is work, and sleeps again.

    :param name: of the thread.
    :param work: does what there is to do; false: there will be no more.
    """

    def __init__(self, name: str, work: Callable[[_Worker], bool]) -> None:
        # It calls code of the site, which may never return: that must not keep the process from exiting.
        super().__init__(name=name, daemon=True)
        self._work = work
        self._clock: int | None = None
        self._asleep = Lock()
        self._asleep.acquire()
        self.start()

    def wake(self) -> None:
        """Let it work."""
        self._asleep.release()

    def computed(self) -> float:
        """Return the seconds that it has computed."""
        return 0.0 if self._clock is None else time.clock_gettime(self._clock)

    def run(self) -> None:
        """Work whenever there is work, until there is none any more."""
        if _clock_of is not None:
            self._clock = _clock_of(get_ident())
        while self._asleep.acquire() and self._work(self):
            pass


class Pool:
    """At most so many threads, started when there is work; they do not keep the process from exiting.

    The thread that has worked last is the first to work again: its memory is in the caches.

    :param name: of the pool and its threads.
    :param threads: at most.
    :ivar most: the same.
    :ivar wanted: how many may work at once; whoever has reasons sets it, from 1 to ``most``.
    :ivar taken: calls that were begun, in all.
    """

    _log = Logger()

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        self.most = self.wanted = threads
        self.taken = 0
        # Guards all below, and ``taken``.
        self._lock = Lock()
        self._calls: deque[Call] = deque()
        self._workers: list[_Worker] = []
        self._idle: list[_Worker] = []
        self._open = False

    @property
    def waiting(self) -> int:
        """How many calls wait for a thread."""
        return len(self._calls)

    @property
    def working(self) -> int:
        """How many threads are at work."""
        return len(self._workers) - len(self._idle)

    def computed(self) -> float:
        """Return the seconds of a processor that its threads have had, in all; 0 where the system does not tell."""
        return sum(worker.computed() for worker in tuple(self._workers))

    def start(self) -> None:
        """Take calls from now on."""
        self._open = True

    def stop(self) -> None:
        """Take no more calls, and wait until those that were taken are done."""
        with self._lock:
            self._open = False
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.wake()
        for worker in self._workers:
            worker.join()

    def callInThread(self, call: Call) -> None:
        """Let a thread make *call* when it is its turn; what that raises is logged.  Dropped where it is not started.

        :raises RuntimeError: the system has no thread for it.
        """
        with self._lock:
            if not self._open:
                return
            worker = self._next()
            self._calls.append(call)
        if worker is not None:
            worker.wake()

    def hurry(self) -> None:
        """Let one more thread work, if calls wait and ``wanted`` allows it."""
        with self._lock:
            worker = self._next() if self._calls else None
        if worker is not None:
            worker.wake()

    def _next(self) -> _Worker | None:
        """Return a thread that has to be woken; it counts as working."""
        if self.working >= self.wanted:
            return None
        if self._idle:
            return self._idle.pop()
        worker = _Worker(f"{self.name}-{len(self._workers) + 1}", self._work)
        self._workers.append(worker)
        return worker

    def _work(self, worker: _Worker) -> bool:
        """Make calls, in *worker*, while there are any; return whether there may be more some day."""
        while True:
            with self._lock:
                if not self._calls or self.working > self.wanted:
                    self._idle.append(worker)
                    return self._open
                call = self._calls.popleft()
                self.taken += 1
            try:
                call()
            except BaseException:  # code of the site
                self._log.failure("A call in a thread of {pool} failed", pool=self.name)
            del call  # an idle thread keeps nothing


class Budget:
    """So much of something may be had at once: bytes on disk, requests, streams.  Any thread may ask.

    :param limit: how much in all; ``None`` for any amount.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._lock = Lock()
        self._used = 0

    @property
    def used(self) -> int:
        """How much is taken."""
        return self._used

    def has(self, amount: int = 1) -> bool:
        """Return whether *amount* more could be taken now."""
        return self._limit is None or self._used + amount <= self._limit

    def take(self, amount: int = 1) -> bool:
        """Take *amount*, which has to be given back; return whether that was possible."""
        with self._lock:
            if not self.has(amount):
                return False
            self._used += amount
            return True

    def give_back(self, amount: int = 1) -> None:
        """Let somebody else have what ``take`` got."""
        with self._lock:
            self._used -= amount
