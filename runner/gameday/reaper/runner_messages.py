"""Messages from a runner to its reaper, one JSON object a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict


class WatchedRun(TypedDict):
    """A run to clean up after. `folder`, `entry` and `key` are absolute paths.

    `entry` lists the run as under way; `key` has the token of its operators' API.
    """

    run: str
    folder: str
    substrate: str
    entry: str | None
    key: str | None


class PendingRequest(TypedDict):
    """A POST to make if the runner dies; `key` names it when it is cancelled."""

    key: str
    url: str
    body: Mapping[str, object]
    headers: Mapping[str, str]


class RunnerMessage(TypedDict, total=False):
    """Exactly one key: `cancel` is the key of a pending request, `done` that no clean-up is needed."""

    watch: WatchedRun
    pending: PendingRequest
    cancel: str
    done: bool
