# -*- test-case-name: tests.test_example_chat -*-
"""The chat's three requests: enter, be known to the daemon, say something.

Listening needs no code here: the page subscribes to the channel ``room:NAME`` with centrifuge-js, and the daemon knows
its history and who is there (``[namespace room]`` in ``conf/site.ini``).  What is said goes through
this site all the same, so that it is checked, and a site of yours could save it.
"""

from __future__ import annotations

import time
from dataclasses import asdict

from django.forms import Form
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import View

from demo.forms import EnterForm, SayForm
from demo.passes import Refused, Visitor, make_pass, new_visitor, read_pass
from sockjsd.django import publish
from sockjsd.django.tokens import connection_token
from sockjsd.errors import PublishError

#: Seconds after which a page asks for its next token; centrifuge-js does that by itself.
TOKEN_LIFETIME = 600


def first_error(form: Form) -> HttpResponse:
    """Return what is wrong with *form*, for a script that shows it."""
    (error, *_) = next(iter(form.errors.values()))
    return HttpResponse(error, content_type="text/plain; charset=utf-8", status=400)


class Enter(View):
    """``name`` → ``{"pass", "user", "name"}``."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Let somebody in."""
        form = EnterForm(request.POST)
        if not form.is_valid():
            return first_error(form)
        visitor = new_visitor(form.cleaned_data["name"])
        return JsonResponse({"pass": make_pass(visitor), "user": visitor.user, "name": visitor.name})


class WithPass(View):
    """A request of somebody who is in; 403 to all others."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Look at the pass first."""
        try:
            return self.answer(request, read_pass(request.POST.get("pass", "")))
        except Refused:
            return HttpResponse("Enter once more: your pass is too old.", content_type="text/plain", status=403)

    def answer(self, request: HttpRequest, visitor: Visitor) -> HttpResponse:
        """Answer *visitor*."""
        raise NotImplementedError


class Token(WithPass):
    """``pass`` → ``{"token"}``: it tells the daemon who connects, and others what to call them."""

    def answer(self, request: HttpRequest, visitor: Visitor) -> HttpResponse:
        """Sign."""
        return JsonResponse(
            {"token": connection_token(visitor.user, seconds=TOKEN_LIFETIME, info={"name": visitor.name})}
        )


class Say(WithPass):
    """``pass``, ``room``, ``text``, ``key`` → 204 when it is published; 503: send it again, with the same key."""

    def answer(self, request: HttpRequest, visitor: Visitor) -> HttpResponse:
        """Publish, and say only then that it is."""
        form = SayForm(request.POST)
        if not form.is_valid():
            return first_error(form)
        said = form.cleaned_data
        data = {**asdict(visitor), "at": int(time.time() * 1000), "text": said["text"], "key": said["key"]}
        try:
            publish(f"room:{said['room']}", data, immediate=True, idempotency_key=f"{visitor.user}.{said['key']}")
        except PublishError:
            return HttpResponse(status=503)
        return HttpResponse(status=204)
