"""HTTP clients of the house: none of them sends a request for this machine through a proxy.

`HTTP_PROXY` and its like speak of the way out. Instances, link servers, runs and local receivers are reached directly,
since a proxy would answer in their place.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import urllib.request

    import requests


class DirectConnection(http.client.HTTPConnection):
    """A connection to a numeric IPv4 address, opened without a resolver, whose tables take time to load."""

    def connect(self) -> None:
        self.sock = socket.socket()
        self.sock.settimeout(self.timeout)
        self.sock.connect((self.host, self.port))


def is_loopback(host: str | None) -> bool:
    """Return whether a host name or address is this machine's own."""
    name = (host or "").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def direct_session() -> requests.Session:
    """Return a session for instances and link servers: no proxy, no credentials from the environment."""
    import requests

    session = requests.Session()
    session.trust_env = False
    return session


def open_url(
    request: urllib.request.Request, timeout: float, *handlers: urllib.request.BaseHandler
) -> http.client.HTTPResponse:
    """Send a request to any host; through the environment's proxy, unless the host is loopback.

    Raise OSError (HTTPError for statuses from 400 on), ValueError or HTTPException.
    """
    import urllib.request

    direct = [urllib.request.ProxyHandler({})] if is_loopback(urlsplit(request.full_url).hostname) else []
    response: http.client.HTTPResponse = urllib.request.build_opener(*direct, *handlers).open(
        request, timeout=timeout
    )
    return response
