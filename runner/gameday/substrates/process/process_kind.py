"""The kind of substrate `process`: it needs nothing installed; its leftovers are processes and shared memory."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

from gameday.ports import Substrate
from gameday.substrates.process import run_processes, runtime_folder, shared_memory, small_disks
from gameday.substrates.substrate_kind import (
    Availability,
    Cleared,
    SubstrateKind,
    SubstrateSetup,
    Traces,
    count,
)

WORK = "work"
"""Folder of a run that holds the files of its instances; removed with the run."""


def available() -> Availability:
    return True, "asked for"


def make(setup: SubstrateSetup) -> Substrate:
    from gameday.substrates.process.process_substrate import ProcessSubstrate

    template = functools.cache(setup.template)
    if any(
        "TEMPLATE_DIR" in text.variables()
        for one in setup.topology.services
        for text in one.environment.values()
    ):
        template()  # now: the time that a service has to start doesn't include the making of the data
    return ProcessSubstrate(
        setup.run,
        setup.topology,
        setup.folder,
        template_dir=template,
        entry_port=setup.entry_port,
        variables=setup.variables,
        disks=setup.disks,
        names_changed=setup.names_changed,
        link_command=setup.link_command,
    )


def reap(runs: Sequence[Traces], patience: float) -> Mapping[str, Cleared]:
    """End every process of the runs and remove their databases' shared memory. The load's worker is such a process."""
    results: dict[str, Cleared] = {}
    for traces in runs:
        results[traces.run] = result = Cleared()
        for what, work in (
            ("processes", _end_processes),
            ("shared memory", _remove_segments),
            ("small disks", _unmount),
            ("temporary folder", _remove_runtime_folders),
        ):
            result.add(_attempt(what, traces, work))
    return results


def _attempt(what: str, traces: Traces, work: Callable[[Traces], Cleared]) -> Cleared:
    try:
        return work(traces)
    except Exception as error:
        return Cleared(left=[f"{what} of {traces.run}: {type(error).__name__}: {error}"])


def _end_processes(traces: Traces) -> Cleared:
    ended, left = run_processes.end(traces.run)
    return Cleared([count(ended, "process", "processes")] if ended else [], left)


def _remove_segments(traces: Traces) -> Cleared:
    known = traces.folder is not None and traces.folder.name == traces.run
    folders = [traces.folder / WORK] if traces.folder and known else []
    removed = sum(shared_memory.remove(folder) for folder in (*folders, *runtime_folder.existing(traces.run)))
    return Cleared([count(removed, "segment", "segments") + " of shared memory"] if removed else [])


def _unmount(traces: Traces) -> Cleared:
    """Unmount the file systems of volumes, so that their folders can be removed."""
    known = traces.folder is not None and traces.folder.name == traces.run
    folders = [traces.folder / WORK] if traces.folder and known else []
    for folder in (*folders, *runtime_folder.existing(traces.run)):
        small_disks.unmount_below(folder)
    return Cleared()


def _remove_runtime_folders(traces: Traces) -> Cleared:
    result = Cleared()
    for folder in runtime_folder.existing(traces.run):
        removed = runtime_folder.remove(folder)
        result.add(Cleared([str(folder)]) if removed else Cleared(left=[str(folder)]))
    return result


KIND = SubstrateKind(
    "process", available, make, reap, environment_at=run_processes.environment_at, uses_link_server=True
)
