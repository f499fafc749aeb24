"""Docker client: the Engine API for all threads, every call with a time-out, every failure a PortError; the labels.

The engine is the one that Docker's own command uses: that of `DOCKER_HOST`, then the context of `DOCKER_CONTEXT`, then the
current context of the configuration (`docker context use`), then the local socket (`engine_address`).

An engine that hangs accepts every call and answers none: once a call has timed out, no other waits its full time
(`Engine`). Removing objects from an engine is in `removal`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import docker
import docker.errors
import requests
from docker.context import ContextAPI
from docker.context.config import get_current_context_name
from docker.utils import kwargs_from_env

from gameday.ports import PortError

TIMEOUT_S = 30.0
LIST_S = 10.0
LISTS = ("/containers/json", "/networks", "/volumes", "/images/json")
"""Calls that a working engine answers at once; any other call may wait for the machine."""
LONGEST_S = 600.0
"""Between two reads of a call that sets no limit of its own, such as a pull."""
PING_S = 3.0
CALLS_AT_ONCE = 32
RUN = "gameday.run"
LOCAL = "unix:///var/run/docker.sock"


class Unanswered(PortError):
    """The engine hangs or isn't there: further calls would fail as well."""


class Engine(docker.APIClient):
    """Thread-safe. After a call that timed out, the engine must answer a ping before the next call is sent."""

    def __init__(self, **settings: Any) -> None:
        self._pinging = threading.Lock()
        self.hangs = False
        self._timed_out = 0.0
        super().__init__(**settings)

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> Any:
        """Send a request, as a `requests.Session` does; the time-out is for the connection and for each read."""
        if self.hangs:
            self._ping()
        limit = options.get("timeout") or LONGEST_S
        options["timeout"] = min(limit, LIST_S) if str(url).endswith(LISTS) else limit
        try:
            return super().request(method, url, *args, **options)
        except requests.Timeout:
            self.hangs, self._timed_out = True, time.monotonic()
            raise

    def _ping(self) -> None:
        """Raise requests.Timeout if the engine doesn't answer a ping; for 3 s after a time-out it isn't pinged."""
        with self._pinging:
            if not self.hangs:
                return
            if time.monotonic() - self._timed_out < PING_S:
                raise requests.Timeout
            try:
                super().request("GET", f"{self.base_url}/_ping", timeout=PING_S).close()
            except requests.Timeout:
                self._timed_out = time.monotonic()
                raise
            self.hangs = False


@contextlib.contextmanager
def calling(what: str) -> Iterator[None]:
    """Turn every error inside into a PortError that begins with `what`, Unanswered if no answer came."""
    try:
        yield
    except docker.errors.APIError as error:
        raise PortError(f"{what}: the Docker engine says: {error.explanation or error}") from error
    except requests.Timeout as error:
        raise Unanswered(f"{what}: the Docker engine hangs: it gave no answer in time") from error
    except (docker.errors.DockerException, requests.RequestException) as error:
        # If an answer is read piece by piece, as a build's is, a time-out shows as a broken connection.
        if "timed out" in str(error):
            raise Unanswered(f"{what}: the Docker engine hangs: it gave no answer in time") from error
        raise Unanswered(f"{what}: the Docker engine can't be reached: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """Return the first cause as the system puts it; never the address, which may hold a secret."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        arguments = (*cause.args, getattr(cause, "reason", None))
        inner = [argument for argument in arguments if isinstance(argument, BaseException)]
        cause = inner[0] if inner else cause.__cause__ or cause.__context__
    host = os.environ.get("DOCKER_HOST", "")
    return str(error).replace(host, "DOCKER_HOST") if host else str(error)


@contextlib.contextmanager
def absent_is_fine() -> Iterator[None]:
    """Ignore errors about objects that are gone, and about containers that ended meanwhile."""
    try:
        yield
    except docker.errors.NotFound:
        pass
    except docker.errors.APIError as error:
        if error.status_code not in (304, 409):
            raise


@dataclass(frozen=True)
class EngineAddress:
    """`url` of the engine, further settings of the client, and `source`: what chose it."""

    url: str
    source: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_local(self) -> bool:
        """Return True if the engine is this machine's."""
        return self.url.startswith(("unix://", "http+unix://"))


def engine_address() -> EngineAddress:
    """Return the address of the engine in use. Raise PortError if the settings that choose it are invalid."""
    try:
        return _from_environment() or _from_context() or EngineAddress(LOCAL, "the local socket")
    except (
        docker.errors.DockerException,
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    ) as error:
        raise PortError(f"the settings of the Docker engine can't be read: {error}; {_hint()}") from error


def _from_environment() -> EngineAddress | None:
    if not os.environ.get("DOCKER_HOST"):
        return None
    settings: dict[str, Any] = {**kwargs_from_env()}
    return EngineAddress(settings.pop("base_url", LOCAL), "DOCKER_HOST", settings)


def _from_context() -> EngineAddress | None:
    name = os.environ.get("DOCKER_CONTEXT") or get_current_context_name()
    if name in ("", "default"):
        return None
    context = ContextAPI.get_context(name)
    if context is None:
        raise PortError(f"there is no Docker context {name!r}: see `docker context ls`")
    tls = {"tls": context.TLSConfig} if context.TLSConfig else {}
    return EngineAddress(context.Host or LOCAL, f"the Docker context {name}", tls)


def _hint() -> str:
    named = [name for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG") if os.environ.get(name)]
    return f"check {', '.join(named)}" if named else "check ~/.docker/config.json"


def connect(timeout: float = TIMEOUT_S) -> Engine:
    """Return the engine in use (`engine_address`). Raise PortError if it doesn't answer within `timeout` seconds."""
    address = engine_address()
    with calling("docker"):
        _knock(address.url, timeout)
        try:
            return Engine(
                **address.settings,
                base_url=address.url,
                version="auto",
                timeout=timeout,
                max_pool_size=CALLS_AT_ONCE,
            )
        except (ValueError, TypeError) as error:  # from the client's reading of the address
            raise Unanswered(
                f"the address from {address.source} isn't one of a Docker engine: {error}"
            ) from error


def _knock(url: str, timeout: float) -> None:
    """Raise PortError if nothing listens at a local socket: the client would leak its own then."""
    path = url.removeprefix("http+").removeprefix("unix://")
    if path == url:
        return
    with socket.socket(socket.AF_UNIX) as knock:
        knock.settimeout(timeout)
        try:
            knock.connect(path)
        except OSError as error:
            raise Unanswered(
                f"the Docker engine can't be reached at {path}: {error.strerror or error}"
            ) from None


def of_run(run_id: str) -> dict[str, str]:
    """Return the filter for everything of a run."""
    return {"label": f"{RUN}={run_id}"}
