"""A Django site in one file: what startproject writes, without a database."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

DEBUG = False
SECRET_KEY = "for benchmarks"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = __name__
USE_TZ = True
DATABASES: dict[str, dict[str, str]] = {}
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
#: Turns of the loop of ``compute``: about 5 ms on the machine that the results are from, the same work on any.
TURNS = 105_000


def hello(request: HttpRequest) -> HttpResponse:
    """Answer at once."""
    return HttpResponse("Hello, world!")


def compute(request: HttpRequest) -> HttpResponse:
    """Compute in Python, then answer."""
    total = 0
    for number in range(TURNS):
        total += number * number % 7
    return HttpResponse(str(total))


urlpatterns = [path("hello", hello), path("compute", compute)]
