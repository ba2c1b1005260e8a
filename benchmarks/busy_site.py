"""A Django site in one file, for gil.py: settings, URLs, four views that compute without pause, and one that sleeps."""

from __future__ import annotations

import json
import time
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path

SECRET_KEY = "for benchmarks"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = __name__
DATABASES: dict[str, Any] = {}
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
USE_TZ = True

#: How often a view does its work: so it takes some tens of milliseconds, longer than CPython's switch interval.
REPEATS = 4
ROWS = [{"name": f"row {n}", "price": n * 1.25, "tags": ["a", "b", str(n)], "odd": n % 2} for n in range(200)]
PAGE = """<table>{% for row in rows %}<tr class="{% cycle 'one' 'two' %}">
<td>{{ row.name|title }}</td><td>{{ row.price|floatformat:2 }}</td>
<td>{% for tag in row.tags %}{{ tag }} {% endfor %}</td></tr>{% endfor %}</table>"""


def template(request: HttpRequest) -> HttpResponse:
    """Render a table; Django's templates are Python throughout."""
    from django.template import engines

    page = engines.all()[0].from_string(PAGE)
    for _ in range(REPEATS):
        text = page.render({"rows": ROWS})
    return HttpResponse(text)


def serialize(request: HttpRequest) -> HttpResponse:
    """Answer with JSON; with an indent it is made by Python."""
    for _ in range(5 * REPEATS):
        text = json.dumps(ROWS, indent=2)
    return HttpResponse(text, content_type="application/json")


def sort(request: HttpRequest) -> HttpResponse:
    """Sort a list."""
    for _ in range(100 * REPEATS):
        rows = sorted(ROWS, key=lambda row: (row["odd"], -row["price"]))
    return HttpResponse(str(rows[0]))


def total(request: HttpRequest) -> HttpResponse:
    """Add up."""
    return HttpResponse(str(sum(row["price"] * n % 7 for n in range(100 * REPEATS) for row in ROWS)))


def sleep(request: HttpRequest) -> HttpResponse:
    """Hold a thread without computing, as a view does that waits for a database."""
    time.sleep(float(request.GET["seconds"]))
    return HttpResponse("slept")


COMPUTING = (template, serialize, sort, total)
urlpatterns = [path(view.__name__, view) for view in (*COMPUTING, sleep)]
