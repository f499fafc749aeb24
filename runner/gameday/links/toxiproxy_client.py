"""Toxiproxy client: proxies and toxics over Toxiproxy's HTTP API, of the embedded server or a real one.

The only user of the `toxiproxy` package, which keeps host and port on a class, has no time-outs and takes a failed call
(status 500) for a good one. So each of its calls is made under one lock, through `_Http`; calls that the package lacks
are sent directly. /reset is never called, since others may share the server.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict
from urllib.parse import quote

import requests
import toxiproxy
import toxiproxy.api
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from gameday.host.http_client import direct_session
from gameday.host.waiting import NotInTime, wait_until
from gameday.ports import PortError

# Statuses that the package turns into exceptions of its own.
_LEFT_TO_PACKAGE = (400, 404, 409)

_package_lock = threading.Lock()


class LinkError(PortError):
    """A failed call of a link server (`host:port`), with the operation and the reason."""

    def __init__(self, server: str, operation: str, reason: str) -> None:
        super().__init__(f"link server {server}: {operation}: {reason}")
        self.server = server
        self.operation = operation
        self.reason = reason


class ProxySpec(TypedDict):
    """A proxy to populate. Addresses are `host:port`; a `listen` port of 0 lets the server choose."""

    name: str
    listen: str
    upstream: str
    enabled: NotRequired[bool]


@dataclass(frozen=True)
class ToxicState:
    name: str
    type: str
    stream: str
    toxicity: float
    attributes: Mapping[str, int]


@dataclass(frozen=True)
class ProxyState:
    """A proxy as the server reports it; `listen` is the actual address while it is enabled."""

    name: str
    listen: str
    upstream: str
    enabled: bool
    toxics: tuple[ToxicState, ...]


class _Http:
    """Replaces the `requests` module in the package, and gives every call a time-out."""

    def __init__(self) -> None:
        self.timeout_s = 5.0
        self.secret = ""

    def get(self, url: str, **arguments: Any) -> requests.Response:
        return self._checked(_send("GET", url, self.timeout_s, self.secret, **arguments))

    def post(self, url: str, **arguments: Any) -> requests.Response:
        return self._checked(_send("POST", url, self.timeout_s, self.secret, **arguments))

    def delete(self, url: str, **arguments: Any) -> requests.Response:
        return self._checked(_send("DELETE", url, self.timeout_s, self.secret, **arguments))

    @staticmethod
    def _checked(response: requests.Response) -> requests.Response:
        if not response.ok and response.status_code not in _LEFT_TO_PACKAGE:
            raise requests.HTTPError(_error_text(response.content, response.status_code))
        return response


def _send(method: str, url: str, timeout_s: float, secret: str, **arguments: Any) -> requests.Response:
    with direct_session() as session:
        session.headers.update(secret_header(secret))
        return session.request(method, url, timeout=timeout_s, **arguments)


def secret_header(secret: str) -> dict[str, str]:
    """The header that a link server with a secret asks for; none if there is no secret."""
    return {"X-Gameday-Secret": secret} if secret else {}


_http = _Http()
toxiproxy.api.requests = _http


class LinkServer:
    """One link server. Thread-safe. Every method raises LinkError if it fails.

    Each request takes at most `timeout_s` seconds to connect and as long again for each read, and brings the `secret`.
    """

    def __init__(self, host: str, port: int, timeout_s: float = 5.0, secret: str = "") -> None:
        self.host = host
        self.port = port
        self.timeout_s = timeout_s
        self._secret = secret

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def wait_ready(self, timeout_s: float) -> None:
        """Return once the API answers. Raise LinkError after `timeout_s` seconds."""
        errors: list[LinkError] = []

        def answers() -> bool:
            try:
                self.version()
            except LinkError as error:
                errors.append(error)
                return False
            return True

        try:
            wait_until(answers, timeout_s, "not ready")
        except NotInTime as late:
            raise LinkError(self.address, "start", f"{late} ({errors[-1].reason})") from errors[-1]

    def version(self) -> str:
        """Return the version of Toxiproxy's API that the server has, such as 2.12.0."""
        answer = self._ask("version", "GET", "/version")
        return str(answer["version"] if isinstance(answer, dict) else answer)

    # Proxies

    def populate(self, proxies: Sequence[ProxySpec]) -> dict[str, str]:
        """Create or replace proxies; return name → listening address. A proxy that exists unchanged is kept."""
        answer = self._ask("populate", "POST", "/populate", list(proxies))
        return {proxy["name"]: proxy["listen"] for proxy in answer["proxies"] or ()}

    def proxies(self) -> dict[str, ProxyState]:
        """Return every proxy by name, those of others included."""
        answer = self._ask("list proxies", "GET", "/proxies")
        return {name: _state(proxy) for name, proxy in answer.items()}

    def set_enabled(self, proxy: str, enabled: bool) -> None:
        """Enable or disable a proxy; a disabled one ends its connections and refuses new ones."""
        link = self._package_proxy(proxy)
        operation = f"{'enable' if enabled else 'disable'} {proxy}"
        self._through_package(operation, link.enable if enabled else link.disable)

    def set_upstream(self, proxy: str, upstream: str) -> None:
        """Point a proxy elsewhere. Drops its connections."""
        self._ask(
            f"set upstream of {proxy}", "POST", f"/proxies/{quote(proxy, safe='')}", {"upstream": upstream}
        )

    # Toxics

    def add_toxic(
        self,
        proxy: str,
        name: str,
        type: str,
        stream: str = "downstream",
        toxicity: float = 1.0,
        attributes: Mapping[str, int] | None = None,
    ) -> None:
        """Add a toxic, on open connections too. Raise LinkError if the proxy has one of that name."""
        self._through_package(
            f"add toxic {name} to {proxy}",
            lambda: self._package_proxy(proxy).add_toxic(
                name=name, type=type, stream=stream, toxicity=toxicity, attributes=dict(attributes or {})
            ),
        )

    def update_toxic(
        self,
        proxy: str,
        name: str,
        attributes: Mapping[str, int] | None = None,
        toxicity: float | None = None,
    ) -> None:
        """Change a toxic's attributes (merged into those it has) and toxicity; None leaves the toxicity."""
        change: dict[str, object] = {"attributes": dict(attributes or {})}
        if toxicity is not None:
            change["toxicity"] = toxicity
        path = f"/proxies/{quote(proxy, safe='')}/toxics/{quote(name, safe='')}"
        self._ask(f"update toxic {name} of {proxy}", "POST", path, change)

    def remove_toxic(self, proxy: str, name: str) -> None:
        """Remove a toxic; no-op if the toxic or the proxy doesn't exist."""
        self._through_package(
            f"remove toxic {name} of {proxy}",
            lambda: self._package_proxy(proxy).destroy_toxic(quote(name, safe="")),
            absent_is_fine=True,
        )

    # Calls

    def _package_proxy(self, name: str) -> Any:
        # The package uses nothing of it but the name, which it puts into the address as it is.
        return toxiproxy.Proxy(name=quote(name, safe=""), upstream="", listen="", enabled=True)

    def _through_package(
        self, operation: str, call: Callable[[], object], absent_is_fine: bool = False
    ) -> None:
        with _package_lock:
            toxiproxy.Toxiproxy().update_api_consumer(self.host, self.port)
            _http.timeout_s, _http.secret = self.timeout_s, self._secret
            try:
                call()
            except NotFound as error:
                if not absent_is_fine:
                    raise self._failed(operation, _error_text(error.args[0], 404)) from None
            except (InvalidToxic, ProxyExists) as error:
                raise self._failed(operation, _error_text(error.args[0], 400)) from None
            except requests.RequestException as error:
                raise self._failed(operation, self._why(error)) from error

    def _ask(self, operation: str, method: str, path: str, body: object = None) -> Any:
        try:
            response = _send(method, f"http://{self.address}{path}", self.timeout_s, self._secret, json=body)
            if response.ok:
                return response.json()
        except requests.RequestException as error:
            raise self._failed(operation, self._why(error)) from error
        raise self._failed(operation, _error_text(response.content, response.status_code))

    def _failed(self, operation: str, reason: str) -> LinkError:
        return LinkError(self.address, operation, reason)

    def _why(self, error: requests.RequestException) -> str:
        if isinstance(error, requests.Timeout):
            return f"no answer within {self.timeout_s:g} s"
        if isinstance(error, requests.ConnectionError):
            return f"not reachable ({_root(error)})"
        return str(error)


def _state(proxy: Mapping[str, Any]) -> ProxyState:
    toxics = tuple(
        ToxicState(toxic["name"], toxic["type"], toxic["stream"], toxic["toxicity"], toxic["attributes"])
        for toxic in proxy["toxics"] or ()
    )
    return ProxyState(proxy["name"], proxy["listen"], proxy["upstream"], proxy["enabled"], toxics)


def _error_text(content: bytes, status: int) -> str:
    """Return the `error` of an answer's body, or the whole body if it has none."""
    try:
        return str(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError):
        return content.decode("utf-8", "replace").strip() or f"HTTP {status}"


def _root(error: BaseException) -> str:
    """Return the operating system's message behind a chain of exceptions."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
        cause = cause.__cause__ or cause.__context__
    return "connection lost"
