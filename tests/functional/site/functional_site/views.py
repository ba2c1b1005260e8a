# -*- test-case-name: tests.functional -*-
"""Views that answer at once, late, never, and with what was sent to them."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from threading import Event

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from sockjsd.django import publish

#: Names the folder into which ``upload`` saves files.
UPLOAD_FOLDER = "FUNCTIONAL_UPLOAD_FOLDER"
#: Names the file into which ``note`` writes.
NOTES_FILE = "FUNCTIONAL_NOTES"
#: What ``page`` shows.
PAGES = Path(__file__).resolve().parents[2] / "pages"

#: Nobody ever sets it.
_NEVER = Event()


def hello(request: HttpRequest) -> HttpResponse:
    """Answer at once, with the process that answers in a header field."""
    return HttpResponse("hello\n", content_type="text/plain; charset=utf-8", headers={"X-Process": str(os.getpid())})


def slow(request: HttpRequest) -> HttpResponse:
    """Answer after ``?seconds=…`` (1 by default)."""
    seconds = float(request.GET.get("seconds", "1"))
    time.sleep(seconds)
    return HttpResponse(f"slept {seconds:g} s\n", content_type="text/plain; charset=utf-8")


def never(request: HttpRequest) -> HttpResponse:
    """Hold a thread for ever, as a view does that waits for a dead server without a time-out."""
    _NEVER.wait()
    raise AssertionError("somebody set what nobody sets")


@require_POST
def publish_news(request: HttpRequest) -> HttpResponse:
    """Publish the form's ``data`` (a string) on the form's ``channel``, ``news`` by default."""
    publish(request.POST.get("channel", "news"), request.POST["data"])
    return HttpResponse(status=204)


@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """Save the form's ``file`` and answer with its name, size and SHA-256, as they are on disk."""
    sent = request.FILES["file"]
    target = Path(os.environ[UPLOAD_FOLDER], Path(sent.name).name)
    with target.open("wb") as file:
        for chunk in sent.chunks():
            file.write(chunk)
    with target.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return JsonResponse({"name": target.name, "size": target.stat().st_size, "sha256": digest})


def login(request: HttpRequest) -> HttpResponse:
    """Give the user a cookie that browsers send from the pages of any site: the worst case."""
    response = HttpResponse("welcome\n", content_type="text/plain; charset=utf-8")
    response.set_cookie("user", "alice", secure=True, httponly=True, samesite="None")
    return response


def visitor(request: HttpRequest) -> JsonResponse:
    """Answer with what the site is told of its visitor: the address, the protocol, and the fields of the request."""
    about = {name: value for name, value in request.META.items() if name.startswith("HTTP_")}
    known = {name: request.META[name] for name in ("REMOTE_ADDR", "wsgi.url_scheme")}
    return JsonResponse(about | known | {"secure": request.is_secure(), "url": request.build_absolute_uri()})


def environ(request: HttpRequest) -> JsonResponse:
    """Answer with all that the site is told of a request, as text."""
    return JsonResponse({name: str(value) for name, value in request.META.items()})


def note(request: HttpRequest) -> HttpResponse:
    """Write the query down, and what a proxy said of the client: that this was executed can be seen afterwards."""
    line = f"{request.META['QUERY_STRING']} {request.META.get('HTTP_X_FORWARDED_FOR', '')}".strip()
    with open(os.environ[NOTES_FILE], "a") as file:
        file.write(f"{line}\n")
    return HttpResponse(f"noted {line}\n", content_type="text/plain; charset=utf-8")


def page(request: HttpRequest, name: str) -> FileResponse:
    """Show a page for the browser."""
    file = PAGES / name
    if not file.is_file():
        raise Http404(name)
    return FileResponse(file.open("rb"))
