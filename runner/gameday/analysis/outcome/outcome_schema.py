"""The published JSON Schema of `outcome.json`. `docs/outcome.schema.json` is this, written out.

Keys may be added to an outcome at any time, so unknown ones are allowed everywhere; those listed are always there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from gameday.analysis.clocks.durations import NAMES

Schema = dict[str, Any]

STAMP: Schema = {
    "type": ["number", "null"],
    "description": "seconds since the run's start; null = never happened",
}
SECONDS: Schema = {"type": ["number", "null"], "minimum": 0}
RATIO: Schema = {"type": ["number", "null"], "minimum": 0}
COUNT: Schema = {"type": ["integer", "null"], "minimum": 0}
TEXT: Schema = {"type": "string"}
MAYBE_TEXT: Schema = {"type": ["string", "null"]}
MAYBE_BOOL: Schema = {"type": ["boolean", "null"]}
BOOL: Schema = {"type": "boolean"}
ANYTHING: Schema = {}
STATE: Schema = {"enum": ["measured", "censored", "no_effect", "not_measured"]}
VERDICT: Schema = {"enum": ["ok", "breach", "unknown"]}

CLOCKS = {
    "inject": "the fault's injection was ordered",
    "injected": "the system confirmed it",
    "effect": "planned time of the first bad request of the excursion that led to the first breach, not before inject",
    "detect": "the first page at or after effect for an SLO then in breach",
    "paged": "that page was delivered",
    "ack": "a responder took the alert, or the first operation",
    "act": "the operation that ended the outage was ordered",
    "acted": "it was confirmed",
    "recovered": "planned time just after the last bad request, with every SLO holding from there to the end",
    "restored": "full capacity: every instance of every region on a good release",
}


LIMIT = "mean seconds in which the best possible detector would have raised, from the first bad request"
ERRORS = {
    "effect": "±, at 95 %: the machine's calibration and the spacing of requests; null without a calibration",
    "recovered": "likewise",
    "ttd": "of TTD: that of the effect",
    "ttr": "of TTR: of effect and recovered together",
}
SPACINGS = {
    "effect": "ln 20/(rate × p1): how long after the truth the first bad request may have come, at 95 %",
    "recovered": "how long before the truth the last one may have come",
}
DETECTION = {
    "rate": "outcomes/s of the SLO's stream in steady state",
    "p0": "the share of bad ones that was taken for normal",
    "p0_upper": "the most that the steady state allows it to be (95 %, Clopper–Pearson)",
    "p1": "the share of bad ones from the SLO's effect to its end, or the run's",
    "limit_s": LIMIT,
    "limit_at_upper_s": "the same, were p0 as high as its upper bound",
    "ratio": "TTD in multiples of the limit",
    "arl_s": "mean seconds between false alarms that the limit allows, over all paging streams together",
}
AUDITED = {
    "acknowledged": "orders that a client was told are placed",
    "lost": "of them those that Postgres doesn't hold as paid",
    "duplicated": "orders that Postgres holds beyond one for each purchase",
    "charged_twice": "orders with more than one charge in the ledger",
    "oversold": "units sold for which no stock was taken",
    "wrong_amount": "paid orders of which client, Postgres and ledger don't name one amount",
    "wrong_amount_cents": "the sum of highest less lowest amount of each",
    "indeterminate": "paid orders whose client got an error or no answer",
    "charged_not_kept": "orders that were charged and that Postgres doesn't hold as paid",
}
RECOVERY = {
    "rpo_s": "loss of the database less the acknowledgement of the oldest lost order; 0 if none is lost"
}
REPORTED = {
    "peak": "most reports in one second",
    "total": "till the end of the run",
    "first_s": "the first, seconds since the effect",
    "alarm_s": "the one that makes enough of them for everybody to know, seconds since the effect",
    "ahead_client_s": "how much sooner the fastest client-side detector was than that; below 0 it was later",
    "ahead_service_s": "likewise the fastest service-side one",
}
QUIET = {
    "seconds": "from the steady state's begin to the fault or, where nothing had an effect, to the end; null = none",
    "per_hour": "false pages an hour",
    "bound_per_hour": "the most that this quiet time allows them to be (95 %): 3/T where there were none",
}


_STOPPED: Schema = {
    "type": ["object", "null"],
    "description": "the abort condition that ended the run; values by the names that it used",
    "required": ["t", "expr", "values"],
    "properties": {"t": {"type": "number"}, "expr": TEXT, "values": {"type": "object"}},
}


CHANGE: Schema = {
    "enum": ["done", "failed", "refused", "cancelled", None],
    "description": "refused: the system itself said no; cancelled: taken back while under way; null = never ended",
}


def outcome_schema() -> Schema:
    """JSON Schema, draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "gameday/outcome/v1",
        "title": "Outcome of a run",
        **_object(
            {"schema": {"const": "gameday/outcome/v1"}, **_judgement(), **_times(), **_lists(), **_sums()}
        ),
    }


def schema_text() -> str:
    """The content of `docs/outcome.schema.json`."""
    return json.dumps(outcome_schema(), indent=2, ensure_ascii=False) + "\n"


def _object(properties: dict[str, Schema]) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _each(names: Iterable[str], schema: Schema) -> dict[str, Schema]:
    return dict.fromkeys(names, schema)


def _described(texts: dict[str, str]) -> dict[str, Schema]:
    return {name: {**SECONDS, "description": text} for name, text in texts.items()}


def _map(value: Schema) -> Schema:
    return {"type": "object", "additionalProperties": value}


def _judgement() -> dict[str, Schema]:
    texts = _each(("id", "scenario"), TEXT) | _each(("substrate", "started", "version", "host"), MAYBE_TEXT)
    expectation = {"expr": TEXT, "holds": MAYBE_BOOL, "values": {"type": "object"}, "states": _map(STATE)}
    return {
        "run": _object(
            {**texts, "seed": {"type": ["integer", "null"]}, "duration_s": SECONDS, "judged_s": SECONDS}
        ),
        "verdict": {"enum": ["pass", "fail", "inconclusive", "error"]},
        "exit_status": {"enum": [0, 1, 3, 4, 5, 130]},
        "reasons": _list(TEXT),
        "steady_state": _object({"met": MAYBE_BOOL, "why": TEXT}),
        "expectations": {**_list(_object(expectation)), "minItems": 1},
        "cleanup": _object({"clean": MAYBE_BOOL, "left": _list(TEXT)}),
    }


def _times() -> dict[str, Schema]:
    durations: dict[str, Schema] = {}
    for name in NAMES:
        durations |= {f"{name}_s": SECONDS, f"{name}_state": STATE, f"{name}_censored_at": STAMP}
    return {
        "load": _object(_each(("planned", "achieved", "late", "not_sent", "missing"), COUNT)),
        "lag_p95_s": SECONDS,
        "error_s": _object(_described(ERRORS)),
        "spacing_s": _object(_described(SPACINGS)),
        "clocks": _object({name: {**STAMP, "description": text} for name, text in CLOCKS.items()}),
        **durations,
        "limit_s": {**SECONDS, "description": LIMIT},
        "detection": _object(
            {"slo": MAYBE_TEXT, **_each(("n", "errors", "streams"), COUNT), **_described(DETECTION)}
        ),
        "ended_by": {"enum": ["responder", "system", "schedule", "cleanup", None]},
        "stopped": _STOPPED,
        "relapses": _list(_object(_each(("recovered", "breached"), {"type": "number"}))),
    }


def _lists() -> dict[str, Schema]:
    fault = _each(("kind", "target", "change", "reverted_by"), MAYBE_TEXT) | _each(
        ("injected", "reverted"), STAMP
    )
    change = _each(
        ("kind", "service", "release", "by", "previous", "summary", "strategy", "rollback_of"), MAYBE_TEXT
    )
    operation = _each(("name", "target", "by"), TEXT)
    alert = _each(("detector", "slo", "region", "journey", "summary", "side"), MAYBE_TEXT)
    slo = _each(("effect", "detect", "recovered"), STAMP) | _each(("requests", "bad"), COUNT)
    entry = {"id": TEXT, "t": {"type": "number"}}
    return {
        "faults": _list(_object({"id": TEXT, "inject": {"type": "number"}, **fault})),
        "changes": _list(
            _object(
                {**entry, **change, "ai": ANYTHING, "approvals": ANYTHING, "done": STAMP, "state": CHANGE}
            )
        ),
        "operations": _list(
            _object({**entry, **operation, "done": STAMP, "failed": BOOL, "right": MAYBE_BOOL})
        ),
        "alerts": _list(_object({**entry, **alert, "pages": MAYBE_BOOL, "false_alarm": BOOL})),
        "slos": _list(
            _object({"name": TEXT, "verdict": VERDICT, **slo, "breached_s": SECONDS, "budget_spent": RATIO})
        ),
    }


def _sums() -> dict[str, Schema]:
    hurt = {"requests": COUNT, "failed": COUNT, "failed_ratio": RATIO, "hurt_s": SECONDS}
    people = {"users": COUNT, "users_affected_ratio": RATIO}
    pair = {"region": TEXT, "journey": TEXT}
    detector = {
        "side": {"enum": ["client", "service"]},
        "pages": BOOL,
        "ttd_s": SECONDS,
        "false_alarms": COUNT,
    }
    alarms = _map(_object({"alarms": COUNT, **_each(("per_hour", "bound_per_hour"), RATIO)}))
    reports = {name: {"type": ["number", "null"], "description": text} for name, text in REPORTED.items()}
    curve = {
        "type": ["object", "null"],
        "description": "{since, counts}: reports of each second from `since` on",
    }
    groups = _each(("served", "journeys", "releases"), _map(_object(hurt)))
    return {
        "detectors": _map(_object({**detector, "limit_ratio": RATIO})),
        "quiet": _object(
            {**_each(("since", "until"), STAMP), "pages": COUNT, **_described(QUIET), "detectors": alarms}
        ),
        "impact": _object(
            {
                **hurt,
                **people,
                "user_hurt_s": _object(_each(("median", "p95", "longest"), SECONDS)),
                "regions": {
                    **_map(_object({**hurt, **people})),
                    "description": "by the region that users live in",
                },
                **groups,
                "blast": _list(_object({**pair, **hurt})),
                "error_budget_spent": RATIO,
                "budgets": _map(RATIO),
            }
        ),
        "audit": _object(
            {name: {**COUNT, "description": text} for name, text in AUDITED.items()} | _described(RECOVERY)
        ),
        "customer_reports": _object({**reports, "curve": curve}),
        "system": _object(
            {"regions": _list(TEXT), "replication": TEXT, "delay_s": SECONDS, "guardrails": _list(TEXT)}
        ),
        "responder": _object(
            {
                "kind": TEXT,
                "policy": MAYBE_TEXT,
                "first_right_s": {
                    **SECONDS,
                    "description": "from effect to the first operation that was right",
                },
                "wrong": {
                    **COUNT,
                    "description": "operations that were wrong; they are carried out all the same",
                },
                "notes": {**_list(ANYTHING), "description": "what people put on the timeline: t, text, by"},
            }
        ),
    }
