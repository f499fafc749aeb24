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
    """A POST to make if the runner dies; `key` names it when it is cancelled or due.

    It resolves the page of the `alert` of a `run`, if these aren't empty.
    """

    key: str
    run: str
    alert: str
    url: str
    body: Mapping[str, object]
    headers: Mapping[str, str]


class RunnerMessage(TypedDict, total=False):
    """Exactly one key: `cancel` and `due` are keys of pending requests, `done` says that no clean-up is needed.

    A request that is due is made from now on, with back-off, also after the runner's end.
    """

    watch: WatchedRun
    pending: PendingRequest
    cancel: str
    due: str
    done: bool
