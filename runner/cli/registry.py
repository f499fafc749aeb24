"""What a timeline can hold: action → its model. A new kind of fault is one file, and one line here."""

from __future__ import annotations

from pydantic import BaseModel

from runner.changes.deploy import Deploy

ACTIONS: dict[str, type[BaseModel]] = {"deploy": Deploy}
