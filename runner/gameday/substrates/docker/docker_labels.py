"""Objects with a run's label on the Docker engine: listed by run, and removed, within a time limit if the engine hangs.

A call that the runner made in its last moment may still take effect: a removal looks at least twice, and until a look
finds nothing.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from gameday.ports import PortError
from gameday.substrates.docker.docker_client import RUN, calling, connect, engine_address
from gameday.substrates.docker.removal import remove as remove_all

CALL_S = 15
ASK_S = 5.0
LOOK_S = 0.5
LEAST_LOOKS = 2
Kinds = Counter[str]


def local() -> bool:
    """Return True if the engine is this machine's, so that its runs are."""
    try:
        return engine_address().is_local
    except PortError:
        return False


def listed(client: Any) -> dict[str, Kinds]:
    """Return run → number of labelled objects of each kind. Raise PortError."""
    with calling("listing what is labelled"):
        wanted = {"label": RUN}
        objects = {
            "container": client.containers(all=True, filters=wanted),
            "network": client.networks(filters=wanted),
            "volume": client.volumes(filters=wanted)["Volumes"] or (),
            "image": client.images(filters=wanted),
        }
    runs: dict[str, Kinds] = {}
    for kind, labelled in ((kind, one) for kind, several in objects.items() for one in several):
        runs.setdefault((labelled.get("Labels") or {}).get(RUN, ""), Counter())[kind] += 1
    runs.pop("", None)
    return runs


def everything() -> dict[str, Kinds]:
    """Return `listed` of the engine in use. Raise PortError if none answers within 5 s."""
    with closing(connect(ASK_S)) as client:
        return listed(client)


def remove(runs: Sequence[str], patience: float) -> dict[str, tuple[list[str], list[str]]]:
    """Remove everything of the runs; return run → what was removed and what is left, as texts.

    Retry for `patience` seconds if the engine doesn't answer or something can't be removed.
    """
    until = time.monotonic() + patience
    seen: dict[str, Kinds] = {run: Counter() for run in runs}
    left: dict[str, list[str]] = {run: [] for run in runs}
    unanswered, looks = "", 0
    while True:
        try:
            unanswered, clean = "", not _remove_once(seen, left)
        except PortError as error:
            unanswered, clean = str(error), False
        looks += 1
        if (clean and looks >= LEAST_LOOKS) or time.monotonic() > until:
            break
        threading.Event().wait(LOOK_S)
    if unanswered:
        left[runs[-1]].append(unanswered)
    return {run: ([] if left[run] else as_text(seen[run]), left[run]) for run in runs}


def _remove_once(seen: dict[str, Kinds], left: dict[str, list[str]]) -> bool:
    """Remove what exists of the runs; return True if anything did. Add to `seen`, replace `left`."""
    with closing(connect(ASK_S)) as client:
        existing = {run: kinds for run, kinds in listed(client).items() if run in seen}
        client.timeout = CALL_S
        for run in seen:
            left[run] = remove_all(client, run) if run in existing else []
            seen[run] |= existing.get(run, Counter())
    return bool(existing)


def as_text(kinds: Kinds) -> list[str]:
    """Return `6 containers`, `1 volume`."""
    return [f"{number} {kind}{'s' if number > 1 else ''}" for kind, number in kinds.items()]
