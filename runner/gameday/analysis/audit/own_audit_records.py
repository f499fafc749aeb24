"""Audit of a system of one's own: ids that clients were told, compared with ids that the system stores."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gameday.analysis.model.harm_models import Audit
from gameday.scenario import Scenario
from gameday.scenario.own.own_system import STORED

SAVED = "samples/saved.jsonl"


@dataclass(frozen=True)
class OwnRecords:
    """Ids as texts: those that a client was told, and those that the system stores, as often as it does."""

    acknowledged: frozenset[str]
    stored: Counter[str]

    def audit(self) -> Audit:
        """Return how many ids were acknowledged, how many of them are lost, and how many are stored too often."""
        return Audit(
            acknowledged=len(self.acknowledged),
            lost=sum(order not in self.stored for order in self.acknowledged),
            duplicated=sum(times - 1 for times in self.stored.values()),
        )


def read_own_records(folder: Path, scenario: Scenario) -> OwnRecords | None:
    """Return the records of a run; None without an audit of one's own, or if nothing could be collected.

    Raise ValueError if a file isn't valid. A last line that was cut off by the load's death is left out.
    """
    audit, stored = scenario.audit, folder / STORED
    if audit is None or not stored.is_file():
        return None
    lines = stored.read_text(encoding="utf-8").splitlines()
    acknowledged = frozenset(
        str(saved["saved"][audit.id])
        for saved in _saved(folder / SAVED)
        if saved["journey"] == audit.journey and audit.id in saved["saved"]
    )
    return OwnRecords(acknowledged, Counter(str(json.loads(line)) for line in lines))


def _saved(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            yield json.loads(line)
