# -*- test-case-name: tests.test_example -*-
"""One page."""

from __future__ import annotations

from django.urls import path

from demo import views

urlpatterns = [path("", views.Page.as_view(), name="page")]
