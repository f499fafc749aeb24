"""The kind of substrate `compose`: named by scenarios with `system.compose` or `system.attach`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import NoReturn

from gameday.ports import PortError
from gameday.substrates.compose.container_record import read_record, restore
from gameday.substrates.docker import docker_labels
from gameday.substrates.docker.docker_client import connect
from gameday.substrates.external.external_kind import undo_left
from gameday.substrates.substrate_kind import Availability, Cleared, SubstrateKind, SubstrateSetup, Traces

ASK_S = 5.0


def available() -> Availability:
    """Return that it can't be chosen: a scenario's own system names it."""
    return False, "compose is for scenarios with system.compose or system.attach, which need no --substrate"


def make(setup: SubstrateSetup) -> NoReturn:
    raise PortError(available()[1])


def reap(runs: Sequence[Traces], patience: float) -> Mapping[str, Cleared]:
    """Undo what dead runs did to projects that they attached to; remove those that they brought up, by their label."""
    results = {traces.run: Cleared() for traces in runs}
    labelled = []
    for traces in runs:
        results[traces.run].add(undo_left(traces))
        try:
            if _is_attached(traces, results[traces.run]):
                continue
        except (PortError, OSError, ValueError, TypeError, KeyError) as error:
            results[traces.run].add(Cleared(left=[f"the project of {traces.run}: {error}"]))
            continue
        labelled.append(traces.run)
    if labelled:
        for run, (removed, left) in docker_labels.remove(labelled, patience).items():
            results[run].add(Cleared(removed, left))
    return results


def _is_attached(traces: Traces, result: Cleared) -> bool:
    """Return True, with the project as it was found, if the run attached to it."""
    record = read_record(traces.folder) if traces.folder else None
    if record is None or not record.attached:
        return False
    with closing(connect(ASK_S)) as client:
        left = restore(client, record)
    result.add(Cleared([f"project {record.project} is as it was found"] if not left else [], left))
    return True


KIND = SubstrateKind("compose", available, make, reap, survey=None, place="the Compose project")
