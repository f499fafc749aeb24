"""What a timeline can hold: action → its model. A new kind of fault is one file of `runner.faults`."""

from __future__ import annotations

from pydantic import BaseModel

from runner.changes.delete import Delete
from runner.changes.deploy import Deploy
from runner.faults import FAULTS

ACTIONS: dict[str, type[BaseModel]] = {"deploy": Deploy, "environment.delete": Delete, **FAULTS}
