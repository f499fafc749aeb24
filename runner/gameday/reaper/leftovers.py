"""Removes what a run left on this machine and its engine, once its runner is gone; says what was removed, what stays.

Everything is found by the run's mark: environment of processes, labels of the engine, what lies in the run's folder.
Safe to do twice, and by two at once.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from gameday.reaper import run_processes
from gameday.substrates.process import runtime_folder, shared_memory

WORK = "work"


@dataclass(frozen=True)
class Traces:
    """Where to look. `folder` is the run's; `entry` the file that lists it as under way. What isn't known is None."""

    run: str
    folder: Path | None = None
    substrate: str = ""
    entry: Path | None = None


@dataclass
class Cleared:
    """In words: `31 processes`, `container 0123456789ab`."""

    removed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def add(self, other: Cleared) -> None:
        self.removed += other.removed
        self.left += other.left


def clear(runs: Sequence[Traces], *, docker: bool, patience: float) -> dict[str, Cleared]:
    """By run. An engine that doesn't answer is waited for, `patience` seconds at most. Never raises."""
    found = {each.run: Cleared() for each in runs}
    with ThreadPoolExecutor(1, thread_name_prefix="engine") as pool:
        engine = pool.submit(_engine, list(found), patience) if docker else None
        for each in runs:
            found[each.run].add(_tried("processes", each, _processes))
            found[each.run].add(_tried("shared memory", each, _segments))
            found[each.run].add(_tried("folder", each, _work))
        if engine:
            for run, cleared in engine.result().items():
                found[run].add(cleared)
    return found


def _tried(what: str, traces: Traces, work: Callable[[Traces], Cleared]) -> Cleared:
    try:
        return work(traces)
    except Exception as error:
        return Cleared(left=[f"{what} of {traces.run}: {type(error).__name__}: {error}"])


def _processes(traces: Traces) -> Cleared:
    ended, left = run_processes.end(traces.run)
    return Cleared([_count(ended, "process", "processes")] if ended else [], left)


def _segments(traces: Traces) -> Cleared:
    work = _work_of(traces)
    folders = [*([work] if work else []), *runtime_folder.existing(traces.run)]
    removed = sum(shared_memory.remove(folder) for folder in folders)
    return Cleared([_count(removed, "segment", "segments") + " of shared memory"] if removed else [])


def _engine(runs: Sequence[str], patience: float) -> dict[str, Cleared]:
    from gameday.reaper import docker_labels

    try:
        found = docker_labels.remove(runs, patience)
    except Exception as error:
        return {runs[-1]: Cleared(left=[f"docker: {type(error).__name__}: {error}"])}
    return {run: Cleared(removed, left) for run, (removed, left) in found.items()}


def _work(traces: Traces) -> Cleared:
    cleared = Cleared()
    work = _work_of(traces)
    if work and work.exists():
        shutil.rmtree(work, ignore_errors=True)
        cleared.add(Cleared(left=[str(work)]) if work.exists() else Cleared([f"{WORK}/"]))
    for folder in runtime_folder.existing(traces.run):
        removed = runtime_folder.remove(folder)
        cleared.add(Cleared([str(folder)]) if removed else Cleared(left=[str(folder)]))
    return cleared


def _work_of(traces: Traces) -> Path | None:
    """Only in a folder of the run's own name, which is what every run's is called."""
    return traces.folder / WORK if traces.folder and traces.folder.name == traces.run else None


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
