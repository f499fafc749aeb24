"""The on-disk form of a journal event: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Event:
    """A journal event as it lies on disk, `t` seconds after the run's start. `data` is plain JSON.

    Product code writes and reads the types of `journal_events`; this form also holds kinds that are not known.
    """

    t: float
    kind: str
    subject: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Return the event of a JSON line. Raise ValueError if the line isn't an event."""
        try:
            record = json.loads(line)
            if not isinstance(record["data"], dict):
                raise TypeError("'data' isn't a mapping")
            return cls(float(record["t"]), str(record["kind"]), str(record["subject"]), record["data"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"not a journal event: {error}") from error

    def line(self) -> str:
        """Return the JSON line without its newline; `t` is rounded to microseconds."""
        record = {"t": round(self.t, 6), "kind": self.kind, "subject": self.subject, "data": dict(self.data)}
        return json.dumps(record, ensure_ascii=False, separators=(",", ":"))
