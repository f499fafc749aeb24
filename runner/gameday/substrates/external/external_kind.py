"""The kind of substrate `external`: named by scenarios with `system.external`; its leftovers are undos not carried out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from gameday.ports import PortError
from gameday.recording.printable_text import single_line
from gameday.recording.undo_list import UndoEntry, read_undo_list
from gameday.substrates.external.user_commands import UserCommands
from gameday.substrates.substrate_kind import Availability, Cleared, SubstrateKind, SubstrateSetup, Traces


def available() -> Availability:
    """Return that it can't be chosen: a scenario's own system names it."""
    return False, "external is for scenarios with system.external, which need no --substrate"


def make(setup: SubstrateSetup) -> NoReturn:
    raise PortError(available()[1])


def reap(runs: Sequence[Traces], patience: float) -> Mapping[str, Cleared]:
    """Carry out the undos that dead runs left; each has the time-out that its scenario gives it."""
    return {traces.run: undo_left(traces) for traces in runs}


def undo_left(traces: Traces) -> Cleared:
    """Carry out what is left of one run's undo list, if this machine recorded it; else return the commands as left."""
    if traces.folder is None:
        return Cleared()
    try:
        entries = read_undo_list(traces.folder)
        if not traces.recorded_here:
            return Cleared(left=[_by_hand(entry) for entry in entries.entries()])
        commands = UserCommands(entries, Path(), {})
        undone, left = commands.undo_all()
    except (OSError, ValueError, TypeError, KeyError) as error:
        return Cleared(left=[f"the undo list of {traces.run}: {type(error).__name__}: {error}"])
    return Cleared([f"undone: {what}" for what in undone], left)


def _by_hand(entry: UndoEntry) -> str:
    command = single_line(shlex.join(entry.command))
    return f"undo of {single_line(entry.what)}: not run, since this machine didn't record the run; by hand: {command}"


KIND = SubstrateKind("external", available, make, reap, place="the external system")
