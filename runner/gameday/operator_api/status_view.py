"""What somebody on call sees of a run, as plain data: never the scenario, its fault, or what is wrong with a release.

Every value is picked by name from what a responder sees, so that nothing new can slip out by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gameday.operations import Alert, Change, Operation
from gameday.ports import Health, View
from gameday.recording.samples import Samples
from gameday.scenario import Slo
from gameday.slo import select, verdict


@dataclass(frozen=True)
class Ordered:
    """An operation as it stands: `state` is accepted, running, done, failed or refused; `why` of the last two."""

    id: str
    operation: Operation
    state: str
    why: str = ""


def picture(
    run: str,
    view: View,
    operations: Sequence[Ordered],
    slos: Sequence[Mapping[str, Any]] = (),
    *,
    runbook: str | None = None,
    ended: bool = False,
) -> dict[str, Any]:
    """The status of a run; times in seconds since its start. Keys as in docs/door.openapi.yaml.

    `view.operations` isn't read: `operations` has the same ones with their ids. `slos` is what `seen_slos` gives.
    """
    taken = {each.operation.target: each.operation.by for each in operations if each.operation.name == "ack"}
    return {
        "run": run,
        "now": round(view.now, 3),
        "phase": "ended" if ended else "running",
        "runbook": runbook,
        "alerts": [_alert(alert, taken.get(alert.id)) for alert in view.alerts if alert.pages],
        "slos": list(slos),
        "changes": [_change(change) for change in view.changes],
        "regions": [_region(name, health, view.primary) for name, health in view.regions.items()],
        "operations": [ordered(each) for each in operations],
    }


def _alert(alert: Alert, taken: str | None) -> dict[str, Any]:
    return {
        "id": alert.id,
        "t": round(alert.t, 3),
        "slo": alert.slo,
        "summary": alert.summary,
        "region": alert.region,
        "journey": alert.journey,
        "acknowledged_by": taken,
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "id": change.id,
        "t": round(change.t, 3),
        "service": change.service,
        "release": change.release,
        "previous": change.previous,
        "kind": change.kind,
        "summary": change.summary,
        "by": change.by,
        "author": change.author,
        "state": change.state,
        "rollback_of": change.rollback_of,
    }


def _region(name: str, health: Health, primary: str) -> dict[str, Any]:
    return {
        "region": name,
        "up": health.up,
        "database": health.database,
        "drained": health.drained,
        "primary": name == primary,
        "since_s": round(health.since, 1),
    }


def ordered(each: Ordered) -> dict[str, Any]:
    """One operation, as the status lists it."""
    operation = each.operation
    return {
        "id": each.id,
        "name": operation.name,
        "target": operation.target,
        "change": operation.change,
        "text": operation.text,
        "by": operation.by,
        "state": each.state,
        "why": each.why or None,
    }


def seen_slos(slos: Sequence[Slo], samples: Samples, end: float) -> list[dict[str, Any]]:
    """Each SLO over its last window, up to `end` (seconds since the run's start): ok, breach or unknown; bad of n."""
    records = samples.records
    found: list[dict[str, Any]] = []
    for slo in slos:
        window = samples.part(records[(records["planned"] > end - slo.window) & (records["planned"] <= end)])
        counts, good = select(slo, window)
        n = int(counts.sum())
        bad = n - int(good.sum())
        about = {"name": slo.name, "sli": slo.sli, "objective": slo.objective, "journey": slo.journey}
        found.append({**about, "state": verdict(bad, n, slo.objective), "requests": n, "bad": bad})
    return found
