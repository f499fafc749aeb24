"""Status of a run as the on-call sees it, as plain data: never the scenario, its fault, or a release's defect.

Every value is picked by name from what a responder sees, so that a new field doesn't leak by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gameday.operations import Alert, Change, Operation, Suspect
from gameday.operator_api.status_document import (
    AlertRow,
    ChangeRow,
    OperationRow,
    RegionRow,
    SloRow,
    StatusDocument,
    SuspectRow,
)
from gameday.ports import Health, View
from gameday.recording.samples import Samples
from gameday.scenario import Slo
from gameday.slo import select, verdict


@dataclass(frozen=True)
class OperationStatus:
    """A requested operation: `state` is accepted, running, done, failed or refused; `why` explains the last two."""

    id: str
    operation: Operation
    state: str
    why: str = ""


def run_status(
    run: str,
    view: View,
    operations: Sequence[OperationStatus],
    slos: Sequence[SloRow] = (),
    *,
    runbook: str | None = None,
    ended: bool = False,
) -> StatusDocument:
    """Return the status of a run; times in seconds since its start, keys as in docs/operator-api.yaml.

    `operations` replaces `view.operations`, which lacks their ids; `slos` comes from `slo_rows`.
    """
    acknowledged = {
        status.operation.target: status.operation.by
        for status in operations
        if status.operation.name == "ack"
    }
    return {
        "run": run,
        "now": round(view.now, 3),
        "phase": "ended" if ended else "running",
        "runbook": runbook,
        "alerts": [_alert_row(alert, acknowledged.get(alert.id)) for alert in view.alerts if alert.pages],
        "slos": list(slos),
        "changes": [_change_row(change) for change in view.changes],
        "regions": [_region_row(name, health, view.primary) for name, health in view.regions.items()],
        "operations": [operation_row(status) for status in operations],
        "suspects": [_suspect_row(suspect) for suspect in view.suspects],
    }


def _suspect_row(suspect: Suspect) -> SuspectRow:
    return {
        "change": suspect.change,
        "service": suspect.service,
        "release": suspect.release,
        "author": suspect.author,
        "odds": round(suspect.odds, 3),
        "bad": suspect.bad,
        "requests": suspect.requests,
        "bad_without": suspect.bad_without,
        "requests_without": suspect.requests_without,
    }


def _alert_row(alert: Alert, acknowledged_by: str | None) -> AlertRow:
    return {
        "id": alert.id,
        "t": round(alert.t, 3),
        "slo": alert.slo,
        "summary": alert.summary,
        "region": alert.region,
        "journey": alert.journey,
        "acknowledged_by": acknowledged_by,
    }


def _change_row(change: Change) -> ChangeRow:
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


def _region_row(name: str, health: Health, primary: str) -> RegionRow:
    return {
        "region": name,
        "up": health.up,
        "database": health.database,
        "drained": health.drained,
        "primary": name == primary,
        "since_s": round(health.since, 1),
    }


def operation_row(status: OperationStatus) -> OperationRow:
    """Return an operation as the status lists it."""
    operation = status.operation
    return {
        "id": status.id,
        "name": operation.name,
        "target": operation.target,
        "change": operation.change,
        "text": operation.text,
        "by": operation.by,
        "state": status.state,
        "why": status.why or None,
    }


def slo_rows(slos: Sequence[Slo], samples: Samples, end: float) -> list[SloRow]:
    """Return the verdict of each SLO over its last window up to `end` (seconds since the run's start).

    A row holds `state` (ok, breach or unknown), `bad` and `requests` beside the SLO's own fields.
    """
    records = samples.records
    rows: list[SloRow] = []
    for slo in slos:
        window = samples.part(records[(records["planned"] > end - slo.window) & (records["planned"] <= end)])
        counts, good = select(slo, window)
        n = int(counts.sum())
        bad = n - int(good.sum())
        rows.append(
            {
                "name": slo.name,
                "sli": slo.sli,
                "objective": slo.objective,
                "journey": slo.journey,
                "state": verdict(bad, n, slo.objective),
                "requests": n,
                "bad": bad,
            }
        )
    return rows
