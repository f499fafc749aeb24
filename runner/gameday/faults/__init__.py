"""Faults: what a timeline can do to the system, one small file a family. docs/faults.md lists them.

A new fault is a subclass of `Spec` with a `kind`, in a module of this folder or in a plug-in that
registers it by an entry point of the group `gameday.faults`.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

from gameday import registries
from gameday.faults.fault_spec import Spec
from gameday.ports import Arena, Fault

FAULTS: Mapping[str, type[Spec]] = registries.FAULTS
"""Every registered fault by the name of its action."""


def _collect() -> Iterator[type[Spec]]:
    """Yield the faults that the modules of this folder define, in the order of names and of the source."""
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        module = importlib.import_module(f"{__name__}.{info.name}")
        for member in vars(module).values():
            if is_fault(member) and member.__module__ == module.__name__:
                yield member


def is_fault(member: object) -> bool:
    """Return True if an object is a complete fault: a subclass of `Spec` with a `kind` of its own."""
    return (
        inspect.isclass(member) and issubclass(member, Spec) and isinstance(member.__dict__.get("kind"), str)
    )


def reject(name: str, member: object) -> str | None:
    """Return why an object can't be registered as the fault of that name, or None if it can."""
    if not is_fault(member):
        return "isn't a subclass of gameday.faults.Spec with a kind"
    kind = getattr(member, "kind", "")
    return f"is a fault of kind {kind!r}; the entry point's name must be the same" if kind != name else None


def rebuild(undo: Mapping[str, Any], arena: Arena) -> Fault:
    """Return the fault whose `undo()` this is, in any process.

    Raise KeyError or ValidationError if `undo` isn't such a record, ExtensionError if the fault's plug-in is broken.
    """
    return FAULTS[undo["kind"]].model_validate(undo["spec"]).made(arena, undo["chosen"])


BUILT_IN: Mapping[str, type[Spec]] = {spec.kind: spec for spec in _collect()}

__all__ = ["BUILT_IN", "FAULTS", "Spec", "rebuild", "reject"]
