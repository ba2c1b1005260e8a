# -*- test-case-name: tests.test_example -*-
"""The Content-Security-Policy of the demo's pages: nothing from elsewhere, nothing inline, only tags that we wrote.

``'self'`` is there beside the nonce for what our scripts load in turn: modules, and the scripts of JSONP polling.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
    "img-src data:; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Return a middleware that gives each request a ``nonce``, for the page's own ``<script>`` and ``<link>``."""

    def answer(request: HttpRequest) -> HttpResponse:
        request.nonce = secrets.token_urlsafe(16)
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", _POLICY.format(nonce=request.nonce))
        return response

    return answer
