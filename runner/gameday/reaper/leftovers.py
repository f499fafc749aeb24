"""Removal of what a dead runner left behind, with words for what was removed and what stays.

Everything is found by the run's mark: the environment of processes, the labels of an engine, the run's own folder.
Removal is idempotent, and two processes may do it at once.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from gameday.substrates import KINDS, OWN_KINDS
from gameday.substrates.process.process_kind import WORK
from gameday.substrates.substrate_kind import Cleared, Traces

LOCAL = "process"
"""The kind that is always reaped: on every substrate the load and the guards are processes of this machine."""


def clear(runs: Sequence[Traces], *, kinds: Iterable[str], patience: float) -> dict[str, Cleared]:
    """Remove what the runs left on the named kinds of substrates and in their folders; return the result by run.

    Kinds are reaped in parallel, each given `patience` seconds to answer. Never raise.
    """
    results = {traces.run: Cleared() for traces in runs}
    others = sorted({*kinds} - {LOCAL, ""})
    with ThreadPoolExecutor(len(others) + 1, thread_name_prefix="reaping") as pool:
        reaping = [pool.submit(_reap, name, runs, patience) for name in others]
        _add(results, _reap(LOCAL, runs, patience))
        for traces in runs:
            results[traces.run].add(_remove_work(traces))
            results[traces.run].add(_remove_token(traces))
        for reaped in reaping:
            _add(results, reaped.result())
    return results


def _add(results: dict[str, Cleared], reaped: Mapping[str, Cleared]) -> None:
    for run, cleared in reaped.items():
        results[run].add(cleared)


def _reap(name: str, runs: Sequence[Traces], patience: float) -> Mapping[str, Cleared]:
    try:
        kind = OWN_KINDS[name] if name in OWN_KINDS else KINDS[name]
        return kind.reap(runs, patience)
    except Exception as error:
        return {runs[-1].run: Cleared(left=[f"{name}: {type(error).__name__}: {error}"])}


def _remove_work(traces: Traces) -> Cleared:
    """Remove the run's work folder, but only from a folder that has the run's own name, as every run's has."""
    if traces.folder is None or traces.folder.name != traces.run:
        return Cleared()
    work = traces.folder / WORK
    try:
        if not work.exists():
            return Cleared()
        shutil.rmtree(work, ignore_errors=True)
        return Cleared(left=[str(work)]) if work.exists() else Cleared([f"{WORK}/"])
    except Exception as error:
        return Cleared(left=[f"folder of {traces.run}: {type(error).__name__}: {error}"])


def _remove_token(traces: Traces) -> Cleared:
    """Remove the token of the operators' API: it opens nothing any more, and must not outlive its run."""
    try:
        if traces.key is None or not traces.key.exists():
            return Cleared()
        traces.key.unlink(missing_ok=True)
        return Cleared(["the operators' token"])
    except OSError as error:
        return Cleared(left=[f"token of {traces.run}: {error}"])
