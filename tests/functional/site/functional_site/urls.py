# -*- test-case-name: tests.functional -*-
"""The site's few URLs."""

from __future__ import annotations

from django.urls import path

from functional_site import views

urlpatterns = [
    path("hello/", views.hello),
    path("slow/", views.slow),
    path("never/", views.never),
    path("publish/", views.publish_news),
    path("upload/", views.upload),
    path("login/", views.login),
    path("visitor/", views.visitor),
    path("environ/", views.environ),
    path("note/", views.note),
    path("page/<str:name>", views.page),
]
