# -*- test-case-name: tests.functional.test_site tests.functional.test_site_slow -*-
"""Views that answer in every way Django knows, and write down when what they hold is closed.

``FUNCTIONAL_FOLDER`` names the folder with ``big`` (a large file), ``database``, and ``events``, to which
a line of JSON is added for each event.
"""

from __future__ import annotations

import gzip
import json
import os
import tempfile
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from django.core.files import File
from django.core.signals import request_finished
from django.db import connection
from django.dispatch import receiver
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.utils import timezone, translation
from django.views.decorators.http import last_modified

FOLDER = Path(os.environ["FUNCTIONAL_FOLDER"])
#: Bytes of a part of a streamed answer, unless the request says otherwise.
PART = 64 * 1024
BLOCK = 1024 * 1024


def note(event: str, **details: object) -> None:
    """Write *event* down."""
    with open(FOLDER / "events", "a") as file:
        file.write(json.dumps({"event": event, "time": time.time(), **details}) + "\n")


@receiver(request_finished)
def finished(**kwargs: object) -> None:
    """Write down that Django takes a request for finished."""
    note("finished")


def watch_requests(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Write down which requests come, and when their responses are closed."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response._resource_closers.append(lambda: note("closed", path=request.path))
        return response

    return middleware


def swallow(request: HttpRequest) -> JsonResponse:
    """Read the body piece by piece; answer with its size and checksum."""
    size, checksum = 0, 0
    while data := request.read(BLOCK):
        size += len(data)
        checksum = zlib.crc32(data, checksum)
    return JsonResponse({"size": size, "crc32": checksum})


def meta(request: HttpRequest) -> JsonResponse:
    """Answer with what the site is told of the request."""
    known = {name: value for name, value in request.META.items() if isinstance(value, str) and name not in os.environ}
    return JsonResponse({"META": known, "secure": request.is_secure(), "cookies": request.COOKIES})


def big_file(request: HttpRequest) -> FileResponse:
    """Send the large file."""
    return FileResponse((FOLDER / "big").open("rb"), filename="big")


def part_of_file(request: HttpRequest) -> FileResponse:
    """Send ``?from=…&length=…`` of the large file, through Django's own file class."""
    file = File((FOLDER / "big").open("rb"))
    file.seek(int(request.GET["from"]))
    response = FileResponse(file, status=206)
    response["Content-Length"] = request.GET["length"]  # FileResponse has put that of the rest there
    return response


def temporary_file(request: HttpRequest) -> FileResponse:
    """Send a file that was made for this answer and goes away with it."""
    file = tempfile.NamedTemporaryFile(dir=FOLDER, prefix="temporary-")  # noqa: SIM115  # closed with the response
    file.write(b"t" * int(request.GET["size"]))
    file.seek(0)
    return FileResponse(file)


def packed_file(request: HttpRequest) -> FileResponse:
    """Send what is in a packed file, which has a descriptor that gives something else."""
    with gzip.open(FOLDER / "packed.gz", "wb") as file:
        file.write(b"unpacked " * 1000)
    return FileResponse(gzip.open(FOLDER / "packed.gz"))  # closed with the response


def parts(request: HttpRequest) -> StreamingHttpResponse:
    """Stream ``?size=…`` bytes in parts of ``?part=…``, with ``?pause=…`` seconds after each."""
    size, part = int(request.GET["size"]), int(request.GET.get("part", PART))
    return StreamingHttpResponse(_make(size, part, float(request.GET.get("pause", "0"))))


def _make(size: int, part: int, pause: float) -> Iterator[bytes]:
    data = bytes(part)
    try:
        for _ in range(size // part):
            yield data
            time.sleep(pause)
    finally:
        note("generator closed")


def asynchronous(request: HttpRequest) -> StreamingHttpResponse:
    """Stream from an asynchronous iterator."""

    async def make() -> AsyncIterator[bytes]:
        for word in (b"one", b"two", b"three"):
            yield word

    return StreamingHttpResponse(make())


def whole(request: HttpRequest) -> HttpResponse:
    """Answer with ``?size=…`` bytes at once."""
    return HttpResponse(b"w" * int(request.GET["size"]))


def rows(request: HttpRequest) -> StreamingHttpResponse:
    """Stream ``?rows=…`` numbers out of one query, each with 1,000 blanks; ``?pause=…`` seconds before the first."""
    time.sleep(float(request.GET.get("pause", "0")))
    return StreamingHttpResponse(_select(int(request.GET["rows"])), content_type="text/plain")


def _select(count: int) -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %s) "
            "SELECT n FROM numbers",
            [count],
        )
        while found := cursor.fetchmany(100):
            yield "".join(f"{number:<1000}\n" for (number,) in found)


def language(request: HttpRequest) -> StreamingHttpResponse:
    """Stream ``?size=…`` bytes, and at the end language and time zone as they are then."""

    def make() -> Iterator[bytes]:
        yield from _make(int(request.GET["size"]), PART, 0)
        yield f"{translation.get_language()} {timezone.get_current_timezone_name()}".encode()

    return StreamingHttpResponse(make())


def cookies(request: HttpRequest) -> HttpResponse:
    """Set two."""
    response = HttpResponse("cookies\n")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2", httponly=True)
    return response


@last_modified(lambda request: datetime(2020, 1, 1, tzinfo=UTC))
def dated(request: HttpRequest) -> HttpResponse:
    """Answer with something that has not changed since 2020."""
    return HttpResponse("dated\n")


def with_status(request: HttpRequest, status: int) -> HttpResponse:
    """Answer with *status*, and ``?size=…`` bytes, which some statuses do not have."""
    return HttpResponse(b"x" * int(request.GET.get("size", "0")), status=status)


def broken(request: HttpRequest) -> StreamingHttpResponse:
    """Stream ``?size=…`` bytes, then raise."""

    def make() -> Iterator[bytes]:
        yield from _make(int(request.GET["size"]), PART, 0)
        raise ZeroDivisionError("secret")

    return StreamingHttpResponse(make())
