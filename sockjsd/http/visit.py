# -*- test-case-name: tests.http.test_visit -*-
"""One request on its way through a WSGI site, and what it holds until its answer is over.

What the site returns decides how the answer leaves its thread: a complete body at once,
a file with the reactor, and anything else part by part (see `sockjsd.http.streaming`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from sockjsd.errors import HTTPError
from sockjsd.http.crew import Crew
from sockjsd.http.crossing import Crossing
from sockjsd.http.filebody import Extent, FileSender, FileWrapper, find_extent
from sockjsd.http.spool import SpoolFile, open_spool
from sockjsd.http.streaming import Baggage, Stream
from sockjsd.http.wsgi import StartResponse, WSGIRequest
from sockjsd.pool import Budget, Pool

WSGIApplication = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class House:
    """What all visits share.

    :param crossing: the way to the reactor.
    :param views: threads for the site's code.
    :param closers: threads for the end of answers.
    :param readers: threads for slow disks.
    :param running: requests that run or wait for a thread.
    :param streams: streams that wait for their clients outside of a thread.
    :param spooled: bytes on disk, of requests and of answers.
    :param response_spool: bytes of a complete answer that stay in memory.
    :param baggage: makes what goes along with a stream from thread to thread; called in its first one.
    :param settle: called in a thread that a request leaves for good before it is over.
    """

    crossing: Crossing
    views: Crew
    closers: Pool
    readers: Pool
    running: Budget
    streams: Budget
    spooled: Budget
    response_spool: int
    baggage: Callable[[], Baggage]
    settle: Callable[[], object]


class Visit:
    """One request on its way through the site, and what it holds until it is over.

    :param house: what it shares with others.
    :param application: the site.
    :param request: what the site knows of it; it has its place in ``running``.
    :param over: called once, in some thread, when it holds nothing any more.
    """

    _log = Logger()

    def __init__(
        self, house: House, application: WSGIApplication, request: WSGIRequest, over: Callable[[], object]
    ) -> None:
        self._house = house
        self._application = application
        self._request = request
        self._over = over
        self._response: Iterable[bytes] = ()
        self._spooled: SpoolFile | None = None
        # Whether it counts as running, and as a stream that waits outside of a thread.
        self._runs = True
        self._waits = False
        self._is_over = False

    # In a thread.

    def run(self) -> None:
        """Run the site's application, and see to it that somebody answers."""
        request = self._request
        try:
            if self._run():
                self._house.views.hand_over(request.end)
        except BaseException:  # runs the site's code
            self._house.views.hand_over(partial(request.fail, Failure()))

    def _run(self) -> bool:
        """Return whether the answer is complete; if not, somebody goes on with it."""
        request = self._request
        try:
            self._response = response = self._application(request.environ(), request.begin)
            extent = self._extent(response)
            if not getattr(response, "streaming", not isinstance(response, list | tuple)):
                return self._answer_whole(list(response))
            if request.head is not None and request.is_bodiless:
                request.unmade = None if extent is None else extent.length
                self.release()
                return True
            if extent is not None:
                return self._answer_file(extent)
            self._answer_parts(response)
        except BaseException:  # runs the site's code
            self.release()
            raise
        return False

    def _extent(self, response: Iterable[bytes]) -> Extent | None:
        """Return the file that is the answer, if it is one that the reactor can send."""
        if not isinstance(response, FileWrapper):
            return None
        self._request.check_begun()
        assert self._request.head is not None, "that was checked"
        return find_extent(response.filelike, self._request.head.length)

    def _answer_whole(self, parts: list[bytes]) -> bool:
        """Let go of the thread and of the response; on disk a large body costs a slow client nobody's memory.

        Return whether the answer is complete.
        """
        request = self._request
        request.check_begun()
        size = len(parts[0]) if len(parts) == 1 else sum(map(len, parts))
        if size > self._house.response_spool and not request.is_bodiless and not request.is_begun:
            self._spooled = self._spool(parts)
        if self._spooled is None:
            request.body = b"".join(parts)
            self.release()
            return True
        self._close_response()
        self._leave_to_reactor(Extent(self._spooled.fileno(), 0, size))
        return False

    def _spool(self, parts: list[bytes]) -> SpoolFile | None:
        """Return a file with *parts*; ``None`` where the disk has no room for it: then they stay in memory."""
        try:
            file = open_spool(self._house.spooled)
            try:
                for part in parts:
                    file.write(part)
                file.flush()
            except BaseException:
                file.close()
                raise
        except (HTTPError, OSError) as error:
            self._log.warn("A large answer waits in memory for its client, not on disk: {error}", error=error)
            return None
        return file

    def _answer_file(self, extent: Extent) -> bool:
        """Let go of the thread; the response is closed when the file was sent.  Return whether that is so."""
        if extent.length <= self._house.response_spool:
            self._request.body = extent.read()
            self.release()
            return True
        self._leave_to_reactor(extent)
        self._house.settle()
        return False

    def _answer_parts(self, response: Iterable[bytes]) -> None:
        """Make the first parts in this thread."""
        stream = Stream(self._checked(response), self.release, self._request, self, self._house.baggage())
        self._request.leave_to(stream)
        stream.work()

    def _checked(self, response: Iterable[bytes]) -> Iterable[bytes]:
        request = self._request
        for part in response:
            request.check_begun()
            request.is_committed = request.is_committed or bool(part)
            yield part
        request.check_begun()

    def _leave_to_reactor(self, extent: Extent) -> None:
        self._stop_running()
        self.in_turn(partial(self._send_file, extent))

    def release(self) -> None:
        """Let go of everything; the first call does it, whoever makes it."""
        try:
            self._close_response()
        finally:
            self._end()

    def _close_response(self) -> None:
        response, self._response = self._response, ()
        try:
            close = getattr(response, "close", None)
            if close is not None:
                close()
        finally:
            self._request.content.close()

    def _end(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        if self._spooled is not None:
            self._spooled.close()
        self._stop_running()
        if self._waits:
            self._house.streams.give_back()
        self._over()

    def _stop_running(self) -> None:
        """Let another request have the place of this one."""
        if self._runs:
            self._runs = False
            self._house.running.give_back()

    def _released(self) -> None:
        """Let go of everything after the answer, when nobody hears of a failure any more but the log."""
        try:
            self.release()
        except BaseException:  # runs the site's code
            self._log.failure("Closing an answer failed")

    # For a stream.

    def in_turn(self, call: Callable[[], object]) -> None:
        """Let the reactor call something; from any thread."""
        self._house.crossing.call(call)

    def go_on(self, call: Callable[[], object]) -> None:
        """Let a thread call something when it is its turn."""
        self._house.views.call(call)

    def close_soon(self, call: Callable[[], object]) -> None:
        """Let a thread call something soon, however busy those of the views are."""
        self._house.closers.callInThread(call)

    def may_leave(self) -> bool:
        """Return whether a stream may wait outside of a thread; then its request does not count as running any more."""
        self._waits = self._house.streams.take()
        if self._waits:
            self._stop_running()
        return self._waits

    # In the reactor's thread.

    def _send_file(self, extent: Extent) -> None:
        read, ended = self._house.readers.callInThread, partial(self.close_soon, self._released)
        sender = FileSender(self._request.start(extent.length), extent, self.in_turn, read, ended)
        self._request.leave_to(sender)
        sender.drained()
