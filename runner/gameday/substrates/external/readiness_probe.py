"""Readiness of a system of one's own: its probe or command, and what else its substrate knows."""

from __future__ import annotations

import http.client
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from gameday.host.http_client import open_url
from gameday.host.user_command import CommandFailed, filled, run_command
from gameday.host.waiting import NotInTime, wait_until
from gameday.ports import PortError
from gameday.scenario.own.own_system import Ready

PROBE_S = 2.0
LOOK_S = 0.1


def await_ready(
    ready: Ready,
    url: str,
    values: Mapping[str, str],
    folder: Path,
    closing: threading.Event,
    stop: threading.Event | None = None,
    why_not: Callable[[], str] = lambda: "",
) -> None:
    """Wait until `why_not` returns "" and the probe or the command succeeds, or `stop` is set.

    Raise PortError with the last reason if that isn't so within `ready.within`.
    """
    reasons = [""]

    def look() -> bool:
        reasons[0] = why_not() or _why_not_ready(ready, url, values, folder)
        return not reasons[0] or (stop is not None and stop.is_set())

    def pause(seconds: float) -> None:
        if closing.wait(seconds):
            raise PortError("the run is being ended")

    try:
        wait_until(look, ready.within, "", every=LOOK_S, pause=pause)
    except NotInTime:
        raise PortError(f"the system at {url} wasn't ready within {ready.within:g} s: {reasons[0]}") from None


def _why_not_ready(ready: Ready, url: str, values: Mapping[str, str], folder: Path) -> str:
    try:
        if ready.command is not None:
            run_command(filled(ready.command.command, values), ready.command.timeout, folder)
        else:
            request = urllib.request.Request(url + ready.probe)  # noqa: S310  # http or https
            open_url(request, PROBE_S).close()
    except urllib.error.HTTPError as error:
        error.close()
        return f"{ready.probe} answers with status {error.code}"
    except (OSError, ValueError, http.client.HTTPException, CommandFailed) as error:
        return str(getattr(error, "reason", error))
    return ""
