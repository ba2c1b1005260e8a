from http.cookies import SimpleCookie
from typing import Any

from cyclone.httputil import HTTPFile, HTTPHeaders
from twisted.internet.defer import Deferred
from twisted.protocols.basic import LineReceiver

class HTTPConnection(LineReceiver):
    no_keep_alive: bool
    xheaders: bool
    content_length: int | None
    def notifyFinish(self) -> Deferred[Any]: ...
    def write(self, chunk: bytes) -> None: ...
    def finish(self) -> None: ...

class HTTPRequest:
    method: str
    uri: str
    path: str
    query: str
    version: str
    headers: HTTPHeaders
    body: bytes
    remote_ip: str | None
    protocol: str
    host: str
    files: dict[str, list[HTTPFile]]
    # Anything with write(), finish(), notifyFinish(), xheaders and no_keep_alive.
    connection: Any
    @property  # a plain attribute there, which sub-classes may compute
    def arguments(self) -> dict[str, list[Any]]: ...  # text, but bytes from multipart forms
    def __init__(
        self,
        method: str,
        uri: str,
        version: str = "HTTP/1.0",
        headers: HTTPHeaders | None = None,
        body: bytes | None = None,
        remote_ip: str | None = None,
        protocol: str | None = None,
        host: str | None = None,
        files: dict[str, list[HTTPFile]] | None = None,
        connection: Any = None,
    ) -> None: ...
    def supports_http_1_1(self) -> bool: ...
    @property
    def cookies(self) -> SimpleCookie: ...
    def write(self, chunk: bytes) -> None: ...
    def finish(self) -> None: ...
    def full_url(self) -> str: ...
    def request_time(self) -> float: ...
    def notifyFinish(self) -> Deferred[Any]: ...
