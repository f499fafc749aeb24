"""Tables of the page in words: alerts, detectors, SLOs, operations, expectations, event log.

Each function takes a run and returns rows of text; the template lays them out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gameday.analysis.model.result_file import Value
from gameday.recording.journal_events import Poll
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.formatting import BEGINS, HOLDS, count, percent, ratio_to_limit, seconds
from gameday_reports.text.loose import number, pick, rows, text

Row = Mapping[str, str]


def _moment(value: float | None, otherwise: str = "never") -> str:
    return otherwise if value is None else seconds(value)


def has_side(run: Run, side: str) -> bool:
    """Return True if the scenario has a detector of that side."""
    return any(result.side == side for result in run.outcome.detectors.values())


def alerts(run: Run, side: str) -> list[Row]:
    """Return the alerts of one side, client, service or outside; alerts without a recorded side count as
    client."""
    sides = {alert.raised.detector: alert.raised.side for alert in run.journal.alerts}
    sides |= {name: result.side for name, result in run.outcome.detectors.items()}
    return [
        {
            "t": seconds(alert.t),
            "detector": alert.detector or "",
            "pages": ("pages" if alert.pages else "watches")
            + (", late" if alert.late else ", false alarm" if alert.false_alarm else ""),
            "where": " · ".join(dict.fromkeys(filter(None, (alert.slo, alert.journey, alert.region)))),
            "summary": alert.summary or "",
        }
        for alert in run.outcome.alerts
        if (alert.side or sides.get(alert.detector or "") or "client") == side
    ]


def detectors(run: Run) -> list[Row]:
    """Return the race of detectors on the same stream, fastest first; `width` is the bar's length
    in % of the slowest."""
    paging = {
        text(row.get("detector")): bool(row.get("pages")) for row in rows(pick(run.scenario, "detectors"))
    }
    pages = {True: "pages", False: "watches", None: "not recorded"}
    paging |= {alert.raised.detector: alert.raised.pages for alert in run.journal.alerts}
    results = run.outcome.detectors
    slowest = max((result.ttd_s or 0.0 for result in results.values()), default=0.0)
    ordered = sorted(results.items(), key=lambda item: (item[1].ttd_s is None, item[1].ttd_s or 0.0, item[0]))
    return [
        {
            "name": name,
            "side": "own alerts" if result.side == "outside" else f"{result.side}-side",
            "pages": pages[paging.get(name) if result.pages is None else result.pages],
            "ttd": _moment(result.ttd_s, "did not see it" if "effect" in run.clocks else "nothing to see"),
            "width": f"{100 * (result.ttd_s or 0.0) / slowest:.1f}" if slowest else "0",
            "false_alarms": count(result.false_alarms),
            "limit": ratio_to_limit(result.limit_ratio),
        }
        for name, result in ordered
    ]


def slos(run: Run) -> list[Row]:
    specs = {slo.name: slo for slo in run.slos}
    results: list[Row] = []
    for result in run.outcome.slos:
        spec = specs.get(result.name)
        breached = result.verdict == "breach"
        results.append(
            {
                "name": result.name,
                "what": f"{spec.sli} of {spec.journey or 'all requests'}" if spec else "",
                "objective": percent(spec.objective) + (f" under {spec.under:g} s" if spec.under else "")
                if spec
                else "",
                "verdict": result.verdict,
                "effect": _moment(result.effect, "never" if breached else "no breach"),
                "detect": _moment(result.detect, "no page" if breached else "no breach"),
                "recovered": _moment(result.recovered, "never" if breached else "no breach"),
                "breached": seconds(result.breached_s),
                "budget": percent(result.budget_spent),
            }
        )
    return results


def operations(run: Run) -> list[Row]:
    right = {True: "right", False: "wrong", None: "not judged"}
    return [
        {
            "t": seconds(operation.t),
            "name": operation.name,
            "target": operation.target,
            "by": operation.by,
            "done": "failed" if operation.failed else _moment(operation.done, "not confirmed"),
            "right": right[operation.right],
        }
        for operation in run.outcome.operations
    ]


def expectations(run: Run) -> list[Row]:
    marks = {True: "yes", False: "no", None: "unknown"}
    return [
        {
            "expr": expectation.expr,
            "values": _values(expectation.values) or "none recorded",
            "holds": HOLDS[expectation.holds],
            "mark": marks[expectation.holds],
        }
        for expectation in run.outcome.expectations
    ]


def _values(values: Mapping[str, Value]) -> str:
    return ", ".join(f"{name} = {_value(name, value)}" for name, value in values.items())


def _value(name: str, value: Value) -> str:
    """Return the value with its unit if it is a clock, an interval or a key in seconds."""
    if value is None:
        return "unknown"
    if name.removesuffix("_s") in BEGINS or name.endswith("_s") or name.startswith("clocks."):
        return seconds(value)
    quantity = number(value)
    return text(value) if quantity is None else f"{quantity:.6g}"


def log(run: Run) -> list[Row]:
    """Return every event except polls and totals of scrapes: time, kind, subject, data as compact
    text."""
    return [
        {"t": f"{event.t:.3f}", "kind": event.kind, "subject": event.subject, "data": _data(event.data)}
        for event in run.events
        if event.kind != Poll.KIND
    ]


def _data(data: Mapping[str, Any]) -> str:
    return "  ".join(f"{key}={_compact(value)}" for key, value in data.items())


def _compact(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def relapses(run: Run) -> list[str]:
    """Return a sentence for each recovery that did not last."""
    return [
        f"Recovered at {seconds(relapse.recovered)}, in breach again at {seconds(relapse.breached)}."
        for relapse in run.outcome.relapses
    ]


def left_behind(run: Run) -> Sequence[str]:
    return run.outcome.cleanup.left
