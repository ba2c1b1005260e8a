# -*- test-case-name: tests.test_example -*-
"""The pages: one with a form that publishes headlines, and others that only show what their scripts do.

With script the form is sent in the background and answered without a page; without script it is an ordinary form.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView

from demo.forms import CHANNELS, HeadlineForm
from sockjsd.django import publish

#: What the navigation leads to: the names of URLs, and what they are called there.
PAGES = {"publish": "Publish", "events": "Events", "chat": "Chat", "echo": "Echo", "inside": "Inside"}


def wants_page(request: HttpRequest) -> bool:
    """Return whether a browser shows the answer; the script asks for plain text."""
    return request.accepts("text/html")


class Shown(TemplateView):
    """A page that is the same for everybody."""

    extra_context = {"pages": PAGES, "channels": CHANNELS}


@method_decorator(never_cache, name="dispatch")
class WithForm(Shown):
    """The same with a form; an old copy would have an old form token."""


class Publish(View):
    """The page with the form."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show it."""
        return self._page(request, HeadlineForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Publish a headline."""
        form = HeadlineForm(request.POST)
        if not form.is_valid():
            return self._refuse(request, form)
        publish(form.cleaned_data["channel"], {"title": form.cleaned_data["title"]})
        if not wants_page(request):
            return HttpResponse(status=204)
        messages.success(request, "Published.")
        return redirect("publish")

    def _refuse(self, request: HttpRequest, form: HeadlineForm) -> HttpResponse:
        if wants_page(request):
            return self._page(request, form, status=400)
        return HttpResponse(next(iter(form.errors.values()))[0], content_type="text/plain; charset=utf-8", status=400)

    def _page(self, request: HttpRequest, form: HeadlineForm, status: int = 200) -> HttpResponse:
        response = render(request, "demo/publish.html", {"pages": PAGES, "form": form}, status=status)
        # An old copy would have an old form token.
        response.headers["Cache-Control"] = "no-store"
        return response
