# -*- test-case-name: tests.config -*-
"""The configuration: every option declared once, read from a file and the environment, checked, documented.

::

    kinds        what a value can be: seconds, sizes, flags, words …
    addresses    the same for what names a place: endpoint strings, the broker, URLs, origins
    declare      how an option is declared, and read back from its section
    options      the sections with all options: Server, Broker, Site, Config
    channels     the section of channels: clients, tokens, the server's API
    namespace    the sections of namespaces: what single channels can do
    endpoint     the section of an endpoint, and what must hold between endpoints
    ini          files, with line numbers
    environment  variables, which win over the file
    load         all of it together
    render       the sample file and docs/options.md

Only the standard library is imported here: Django and Celery processes read a
configuration to publish, and need nothing else of the daemon.
"""

from __future__ import annotations

from sockjsd.config.channels import Channels
from sockjsd.config.endpoint import Endpoint
from sockjsd.config.load import load
from sockjsd.config.namespace import Namespace
from sockjsd.config.options import Broker, Config, Server, Site

__all__ = ["Broker", "Channels", "Config", "Endpoint", "Namespace", "Server", "Site", "load"]
