"""Actions that a timeline can hold, by name: deploys, environment deletion, and every registered fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from gameday.changes.deploy import Deploy
from gameday.changes.environment_delete import Delete
from gameday.faults import FAULTS

CHANGES: Mapping[str, type[BaseModel]] = {"deploy": Deploy, "environment.delete": Delete}


class Actions(Mapping[str, type[BaseModel]]):
    """Name → model of every action. A plug-in's fault is loaded when it is first looked up."""

    def __getitem__(self, name: str) -> type[BaseModel]:
        return CHANGES[name] if name in CHANGES else FAULTS[name]

    def __contains__(self, name: object) -> bool:
        return name in CHANGES or name in FAULTS

    def __iter__(self) -> Iterator[str]:
        yield from CHANGES
        yield from FAULTS

    def __len__(self) -> int:
        return len(CHANGES) + len(FAULTS)


ACTIONS = Actions()
