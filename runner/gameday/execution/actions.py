"""What a timeline can hold: action → its model. A new kind of fault is one file of `gameday.faults`."""

from __future__ import annotations

from pydantic import BaseModel

from gameday.changes.deploy import Deploy
from gameday.changes.environment_delete import Delete
from gameday.faults import FAULTS

ACTIONS: dict[str, type[BaseModel]] = {"deploy": Deploy, "environment.delete": Delete, **FAULTS}
