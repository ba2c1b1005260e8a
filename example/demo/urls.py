# -*- test-case-name: tests.test_example -*-
"""The pages.  ``/news``, ``/echo``, ``/events`` and ``/connection`` are the daemon's, so no page is called that."""

from __future__ import annotations

from django.urls import path

from demo import rooms, views

urlpatterns = [
    path("", views.Publish.as_view(), name="publish"),
    path("streams/", views.WithForm.as_view(template_name="demo/events.html"), name="events"),
    path("latency/", views.Shown.as_view(template_name="demo/echo.html"), name="echo"),
    path("rooms/", views.WithForm.as_view(template_name="demo/chat.html"), name="chat"),
    path("rooms/enter/", rooms.Enter.as_view(), name="enter"),
    path("rooms/token/", rooms.Token.as_view(), name="token"),
    path("rooms/say/", rooms.Say.as_view(), name="say"),
    path("inside/", views.Shown.as_view(template_name="demo/inside.html"), name="inside"),
]
