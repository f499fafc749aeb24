"""Tables of the page in words: alerts, detectors, SLOs, operations, expectations, event log.

Each function takes a run and returns rows of text; the template lays them out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gameday.recording.journal_events import Poll
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.formatting import BEGINS, HOLDS, count, percent, seconds, times
from gameday_reports.text.loose import items, mapping, number, pick, rows, text

Row = Mapping[str, str]


def _moment(value: Any, otherwise: str = "never") -> str:
    return otherwise if number(value) is None else seconds(value)


def alerts(run: Run, side: str) -> list[Row]:
    """Return the alerts of one side, client or service; alerts without a recorded side count as
    client."""
    sides = {alert.raised.detector: alert.raised.side for alert in run.journal.alerts}
    detectors = mapping(pick(run.outcome, "detectors"))
    found: list[Row] = []
    for row in rows(pick(run.outcome, "alerts")):
        name = text(row.get("detector"))
        if (row.get("side") or pick(detectors, name, "side") or sides.get(name) or "client") == side:
            where = dict.fromkeys(text(row.get(key)) for key in ("slo", "journey", "region") if row.get(key))
            pages = ("pages" if row.get("pages") else "watches") + (
                ", false alarm" if row.get("false_alarm") else ""
            )
            what = {
                "detector": name,
                "pages": pages,
                "where": " · ".join(where),
                "summary": text(row.get("summary")),
            }
            found.append({"t": _moment(row.get("t"), "time unknown"), **what})
    return found


def detectors(run: Run) -> list[Row]:
    """Return the race of detectors on the same stream, fastest first; `width` is the bar's length
    in % of the slowest."""
    paging = {
        text(row.get("detector")): bool(row.get("pages")) for row in rows(pick(run.scenario, "detectors"))
    }
    paging |= {alert.raised.detector: alert.raised.pages for alert in run.journal.alerts}
    found = {name: mapping(row) for name, row in mapping(pick(run.outcome, "detectors")).items()}
    slowest = max((number(row.get("ttd_s")) or 0.0 for row in found.values()), default=0.0)
    ordered = sorted(
        found.items(),
        key=lambda item: (number(item[1].get("ttd_s")) is None, number(item[1].get("ttd_s")), item[0]),
    )
    return [
        {
            "name": name,
            "side": f"{row['side']}-side" if row.get("side") else "side not recorded",
            "pages": {True: "pages", False: "watches"}.get(
                row.get("pages", paging.get(name)), "not recorded"
            ),
            "ttd": _moment(
                row.get("ttd_s"), "did not see it" if "effect" in run.clocks else "nothing to see"
            ),
            "width": f"{100 * (number(row.get('ttd_s')) or 0.0) / slowest:.1f}" if slowest else "0",
            "false_alarms": count(row.get("false_alarms")),
            "limit": times(row.get("limit_ratio")),
        }
        for name, row in ordered
    ]


def slos(run: Run) -> list[Row]:
    specs = {slo.name: slo for slo in run.slos}
    found: list[Row] = []
    for row in rows(pick(run.outcome, "slos")):
        spec = specs.get(text(row.get("name")))
        verdict = row.get("verdict") if row.get("verdict") in ("ok", "breach") else "unknown"
        breached = verdict == "breach"
        found.append(
            {
                "name": text(row.get("name")),
                "what": f"{spec.sli} of {spec.journey or 'all requests'}" if spec else "",
                "objective": percent(spec.objective) + (f" under {spec.under:g} s" if spec.under else "")
                if spec
                else "",
                "verdict": str(verdict),
                "effect": _moment(row.get("effect"), "never" if breached else "no breach"),
                "detect": _moment(row.get("detect"), "no page" if breached else "no breach"),
                "recovered": _moment(row.get("recovered"), "never" if breached else "no breach"),
                "breached": seconds(row.get("breached_s")),
                "budget": percent(row.get("budget_spent")),
            }
        )
    return found


def operations(run: Run) -> list[Row]:
    right = {True: "right", False: "wrong", None: "not judged"}
    return [
        {
            "t": _moment(row.get("t"), "time unknown"),
            "name": text(row.get("name")),
            "target": text(row.get("target")),
            "by": text(row.get("by")),
            "done": "failed" if row.get("failed") else _moment(row.get("done"), "not confirmed"),
            "right": right.get(
                row.get("right") if isinstance(row.get("right"), bool) else None, "not judged"
            ),
        }
        for row in rows(pick(run.outcome, "operations"))
    ]


def expectations(run: Run) -> list[Row]:
    marks = {True: "yes", False: "no", None: "unknown"}
    found: list[Row] = []
    for row in rows(pick(run.outcome, "expectations")):
        holds = row.get("holds") if isinstance(row.get("holds"), bool) else None
        values = mapping(row.get("values"))
        shown = ", ".join(f"{name} = {_value(name, value)}" for name, value in values.items()) or text(
            row.get("values")
        )
        found.append(
            {
                "expr": text(row.get("expr")),
                "values": shown or "none recorded",
                "holds": HOLDS[holds],
                "mark": marks[holds],
            }
        )
    return found


def _value(name: str, value: Any) -> str:
    """Return the value with its unit if it is a clock, an interval or a key in seconds."""
    if value is None:
        return "unknown"
    if name.removesuffix("_s") in BEGINS or name.endswith("_s") or name.startswith("clocks."):
        return seconds(value)
    found = number(value)
    return text(value) if found is None else f"{found:.6g}"


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
        f"Recovered at {_moment(row.get('recovered'), 'an unknown time')}, in breach again at "
        f"{_moment(row.get('breached'), 'an unknown time')}."
        for row in rows(pick(run.outcome, "relapses"))
    ]


def left_behind(run: Run) -> list[str]:
    return [text(each) for each in items(pick(run.outcome, "cleanup", "left"))]
