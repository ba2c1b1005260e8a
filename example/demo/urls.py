# -*- test-case-name: tests.test_example -*-
"""The pages.  ``/echo``, ``/chat`` and ``/events`` belong to the daemon's endpoints, so no page is called that."""

from __future__ import annotations

from django.urls import path

from demo import views

urlpatterns = [
    path("", views.Publish.as_view(), name="publish"),
    path("latency/", views.Shown.as_view(template_name="demo/echo.html"), name="echo"),
    path("rooms/", views.Shown.as_view(template_name="demo/chat.html"), name="chat"),
    path("inside/", views.Shown.as_view(template_name="demo/inside.html"), name="inside"),
]
