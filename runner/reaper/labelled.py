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
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

from runner.ports import PortError
from runner.substrates.engine import RUN, absent_is_fine, calling, connect, of_run
from runner.substrates.removal import CREATED
from runner.substrates.removal import remove as remove_all

CALL_S = 15
ASK_S = 5.0
LOOK_S = 0.5
LEAST_LOOKS = 2
SETTLE_S = 5.0
AT_ONCE = 16
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
            if run in found:
                _settle(client, run)
            left[run] = remove_all(client, run) if run in found else []
            seen[run] |= found.get(run, Counter())
    return bool(found)


def _settle(client: Any, run: str) -> None:
    """Waits for starts that the runner asked for in its last moment: to look at a container that is being started the
    engine waits until it is. Those that nobody starts are found as they were."""
    until = time.monotonic() + SETTLE_S
    while time.monotonic() < until:
        waiting = _created(client, run)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="settle") as pool:
            if all(pool.map(lambda each: _status(client, each) == CREATED, waiting)):
                return


def _status(client: Any, container: str) -> str:
    """Of one that is there no more: as created, for nobody starts it."""
    with calling(f"looking at {container[:12]}"), absent_is_fine():
        return str(client.inspect_container(container)["State"]["Status"])
    return CREATED


def _created(client: Any, run: str) -> list[str]:
    with calling("listing containers"):
        found = client.containers(all=True, filters=of_run(run))
    return [str(each["Id"]) for each in found if each["State"] == CREATED]


def said(kinds: Kinds) -> list[str]:
    """`6 containers`, `1 volume`."""
    return [f"{number} {kind}{'s' if number > 1 else ''}" for kind, number in kinds.items()]
