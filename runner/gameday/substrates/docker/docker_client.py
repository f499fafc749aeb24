"""The Docker Engine API: one client for all threads, every call with a time-out, every failure a PortError; the labels.

An engine that hangs takes every call and answers none: once one of them went without an answer, no other waits its full
time (`Engine`). Taking things off an engine is `removal`'s.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import docker
import docker.errors
import docker.utils
import requests

from gameday.ports import PortError

TIMEOUT_S = 30.0
LIST_S = 10.0
LISTS = ("/containers/json", "/networks", "/volumes", "/images/json")
"""What an engine that works at all gives at once; any other call may wait for the machine."""
LONGEST_S = 600.0
"""Between two words of a call that sets no limit of its own, such as a pull."""
PING_S = 3.0
CALLS_AT_ONCE = 32
DEFAULT_HOST = "unix:///var/run/docker.sock"
RUN = "gameday.run"


class Unanswered(PortError):
    """The engine hangs or isn't there: there is no use in asking it anything else now."""


class Engine(docker.APIClient):
    """Safe from any thread. After a call without an answer the engine must give a sign of life before the next one."""

    def __init__(self, **settings: Any) -> None:
        self._asking = threading.Lock()
        self.hangs = False
        self._asked = 0.0
        super().__init__(**settings)

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> Any:
        """As of a `requests.Session`. A time-out is that of the connection, and of every wait for the answer."""
        if self.hangs:
            self._ask()
        limit = options.get("timeout") or LONGEST_S
        options["timeout"] = min(limit, LIST_S) if str(url).endswith(LISTS) else limit
        try:
            return super().request(method, url, *args, **options)
        except requests.Timeout:
            self.hangs, self._asked = True, time.monotonic()
            raise

    def _ask(self) -> None:
        """Raises requests.Timeout where no sign of life comes; so soon after the last one was missed it isn't asked."""
        with self._asking:
            if not self.hangs:
                return
            if time.monotonic() - self._asked < PING_S:
                raise requests.Timeout
            try:
                super().request("GET", f"{self.base_url}/_ping", timeout=PING_S).close()
            except requests.Timeout:
                self._asked = time.monotonic()
                raise
            self.hangs = False


@contextlib.contextmanager
def calling(what: str) -> Iterator[None]:
    """Whatever goes wrong inside is a PortError that begins with `what`; Unanswered where no answer came."""
    try:
        yield
    except docker.errors.APIError as error:
        raise PortError(f"{what}: the Docker engine says: {error.explanation or error}") from error
    except requests.Timeout as error:
        raise Unanswered(f"{what}: the Docker engine hangs: it gave no answer in time") from error
    except (docker.errors.DockerException, requests.RequestException) as error:
        # Read piece by piece, as a build's answer is, a time-out is a broken connection.
        if "timed out" in str(error):
            raise Unanswered(f"{what}: the Docker engine hangs: it gave no answer in time") from error
        raise Unanswered(f"{what}: the Docker engine can't be reached: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """The first cause in the system's own words; never the address, which may hold what is secret."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, OSError) and found.strerror:
            return found.strerror
        inner = [
            each for each in (*found.args, getattr(found, "reason", None)) if isinstance(each, BaseException)
        ]
        found = inner[0] if inner else found.__cause__ or found.__context__
    host = os.environ.get("DOCKER_HOST", "")
    return str(error).replace(host, "DOCKER_HOST") if host else str(error)


@contextlib.contextmanager
def absent_is_fine() -> Iterator[None]:
    """For what is to be gone afterwards, and for containers that ended meanwhile."""
    try:
        yield
    except docker.errors.NotFound:
        pass
    except docker.errors.APIError as error:
        if error.status_code not in (304, 409):
            raise


def connect(timeout: float = TIMEOUT_S) -> Engine:
    """The engine of DOCKER_HOST, or the local one. Raises PortError where none answers within `timeout` seconds."""
    with calling("docker"):
        settings: Any = docker.utils.kwargs_from_env()
        _knock(settings.get("base_url", DEFAULT_HOST), timeout)
        settings |= {"version": "auto", "timeout": timeout, "max_pool_size": CALLS_AT_ONCE}
        return Engine(**settings)


def _knock(url: str, timeout: float) -> None:
    """The client leaks its socket where nobody listens on a local one; raises PortError there."""
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
    """The filter for everything of a run."""
    return {"label": f"{RUN}={run_id}"}
