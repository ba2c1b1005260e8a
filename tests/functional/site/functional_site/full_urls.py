# -*- test-case-name: tests.functional.test_site tests.functional.test_site_slow -*-
"""One URL for each way to answer."""

from __future__ import annotations

from django.urls import path

from functional_site import answers, views

urlpatterns = [
    path("hello/", views.hello),
    path("slow/", views.slow),
    path("upload/", views.upload),
    path("swallow/", answers.swallow),
    path("meta/", answers.meta),
    path("file/", answers.big_file),
    path("part/", answers.part_of_file),
    path("temporary/", answers.temporary_file),
    path("packed/", answers.packed_file),
    path("parts/", answers.parts),
    path("asynchronous/", answers.asynchronous),
    path("whole/", answers.whole),
    path("rows/", answers.rows),
    path("language/", answers.language),
    path("cookies/", answers.cookies),
    path("dated/", answers.dated),
    path("status/<int:status>/", answers.with_status),
    path("broken/", answers.broken),
]
