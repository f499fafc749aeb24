"""What carries a run's label on the Docker engine: listed by run, and removed, with an end even where the engine hangs.

A call that the runner made in its last moment may still come true: it is looked at least twice, and until a look finds
nothing.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from gameday.ports import PortError
from gameday.substrates.docker.docker_client import RUN, calling, connect
from gameday.substrates.docker.removal import remove as remove_all

CALL_S = 15
ASK_S = 5.0
LOOK_S = 0.5
LEAST_LOOKS = 2
Kinds = Counter[str]


def local() -> bool:
    """Whether the engine is this machine's, so that its runs are."""
    return os.environ.get("DOCKER_HOST", "unix://").startswith(("unix://", "http+unix://"))


def listed(client: Any) -> dict[str, Kinds]:
    """Run → how many of each kind. Raises PortError."""
    with calling("listing what is labelled"):
        wanted = {"label": RUN}
        found = {
            "container": client.containers(all=True, filters=wanted),
            "network": client.networks(filters=wanted),
            "volume": client.volumes(filters=wanted)["Volumes"] or (),
            "image": client.images(filters=wanted),
        }
    runs: dict[str, Kinds] = {}
    for kind, each in ((kind, each) for kind, several in found.items() for each in several):
        runs.setdefault((each.get("Labels") or {}).get(RUN, ""), Counter())[kind] += 1
    runs.pop("", None)
    return runs


def everything() -> dict[str, Kinds]:
    """As `listed`, of the engine that there is. Raises PortError where none answers within a few seconds."""
    with closing(connect(ASK_S)) as client:
        return listed(client)


def remove(runs: Sequence[str], patience: float) -> dict[str, tuple[list[str], list[str]]]:
    """Run → what was removed and what is left, in words.

    Tries for `patience` seconds where the engine doesn't answer, or something doesn't go.
    """
    until = time.monotonic() + patience
    seen: dict[str, Kinds] = {run: Counter() for run in runs}
    left: dict[str, list[str]] = {run: [] for run in runs}
    unanswered, looks = "", 0
    while True:
        try:
            unanswered, nothing = "", not _round(seen, left)
        except PortError as error:
            unanswered, nothing = str(error), False
        looks += 1
        if (nothing and looks >= LEAST_LOOKS) or time.monotonic() > until:
            break
        threading.Event().wait(LOOK_S)
    if unanswered:
        left[runs[-1]].append(unanswered)
    return {run: ([] if left[run] else said(seen[run]), left[run]) for run in runs}


def _round(seen: dict[str, Kinds], left: dict[str, list[str]]) -> bool:
    """Removes what there is of the runs; whether there was anything. Adds to `seen`, renews `left`."""
    with closing(connect(ASK_S)) as client:
        found = {run: kinds for run, kinds in listed(client).items() if run in seen}
        client.timeout = CALL_S
        for run in seen:
            left[run] = remove_all(client, run) if run in found else []
            seen[run] |= found.get(run, Counter())
    return bool(found)


def said(kinds: Kinds) -> list[str]:
    """`6 containers`, `1 volume`."""
    return [f"{number} {kind}{'s' if number > 1 else ''}" for kind, number in kinds.items()]
