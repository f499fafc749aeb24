"""What a timeline can do to the system: action → its model, one small file a family. `docs/faults.md` lists them.

A new fault is a `Spec` in one of these files, and its name in the registry below.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gameday.faults import address_gone, database, dependency, instance, link, load_surge, region
from gameday.faults.fault_spec import Spec
from gameday.ports import Arena, Fault

_ALL: tuple[type[Spec], ...] = (
    region.Lose,
    region.Isolate,
    region.Grey,
    region.Flap,
    link.Down,
    link.Latency,
    link.Timeout,
    link.Reset,
    link.Bandwidth,
    link.SlowClose,
    link.Slicer,
    link.LimitData,
    dependency.Error,
    dependency.Garbage,
    dependency.Silent,
    address_gone.Gone,
    database.Kill,
    database.Pause,
    database.Slow,
    database.Connections,
    database.Disk,
    instance.Kill,
    instance.Pause,
    instance.Cpu,
    instance.OutOfMemory,
    instance.RestartLoop,
    load_surge.Surge,
    load_surge.RetryStorm,
)
FAULTS: dict[str, type[Spec]] = {spec.kind: spec for spec in _ALL}


def rebuild(undo: Mapping[str, Any], arena: Arena) -> Fault:
    """The fault whose `undo()` this is, in whatever process. KeyError, ValidationError where it is no such thing."""
    return FAULTS[undo["kind"]].model_validate(undo["spec"]).made(arena, undo["chosen"])


__all__ = ["FAULTS", "Spec", "rebuild"]
