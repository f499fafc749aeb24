"""Proposals for tests of gates: a clean change, with added lines in one file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gameday import registries
from gameday.changes.change_identity import Ai, Person
from gameday.changes.changed_files import ChangedFile, Line
from gameday.changes.gates.gate import Finding, GateContext, Proposal
from gameday.changes.gates.instances_beside import InstancesBeside
from gameday.changes.gates.proposals import propose
from gameday.execution import library
from gameday.topology import read_topology
from tests.support.paths import COMPOSE

AI = Ai(tool="t", model="m", prompt="Show the lowest price.")


def proposal(path: str = "shop/app.py", *added: str, removed: Sequence[str] = (), **changed: Any) -> Proposal:
    """Return a change of `path` that adds lines from line 1 on; `changed` replaces fields."""
    lines = tuple(Line(number, text) for number, text in enumerate(added, 1))
    gone = tuple(Line(number, text) for number, text in enumerate(removed, 1))
    fields: dict[str, Any] = {
        "author": Person(id="dev", role="engineer", level="senior"),
        "ai": "none",
        "files": (ChangedFile(path, lines, gone),),
        "contents": {path: "\n".join((*added, ""))},
        "statement": "release.yaml",
        "places": {"author": 5, "ai.prompt": 9, "task": 12, "scope": 13},
        "task": "Show the lowest price.",
    }
    return Proposal("c1", "web-1.1.0", "web", "code", **{**fields, **changed})


def findings(gate: str, change: Proposal, context: GateContext | None = None) -> list[Finding]:
    """Return what a gate finds in a change."""
    return list(registries.GATES[gate].check(change, context or GateContext()))


def released(name: str) -> Proposal:
    """Return the proposal of a bundled release that replaces the first of its service."""
    service = name.rpartition("-")[0]
    return propose(library.catalogue(), name, change="c1", previous=f"{service}-1.0.0")


def beside() -> GateContext:
    """Return a context whose gates can start bundled releases beside the shop."""
    return GateContext(instances=InstancesBeside(library.catalogue(), read_topology(COMPOSE, ("us-east",))))
