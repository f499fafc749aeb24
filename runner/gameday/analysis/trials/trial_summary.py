"""Several trials of one scenario → the content of `trials.json`: medians with intervals, and how often it went well.

The outcomes of the trials are all it needs. `gameday/trials/v1` holds no infinity, as JSON has none: where a median or
the end of an interval is infinite, since trials never recovered, it is the text "Infinity"; null is not known.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gameday.analysis.model.time_models import State
from gameday.analysis.outcome.run_verdict import ERROR, INTERRUPTED, NAMES, worst
from gameday.analysis.trials.statistics import Interval, median, success_rate

SCHEMA = "gameday/trials/v1"
DURATIONS = ("ttd_s", "tta_s", "ttr_s", "ttfr_s")
RATIOS = ("failed_ratio", "users_affected_ratio")
METRICS = DURATIONS + RATIOS
BROKEN_OFF = (ERROR, INTERRUPTED)  # what such a run didn't reach says nothing about the system
DIGITS = 6
GRAVEST_FIRST = {"error": "ended in an error", "fail": "failed", "inconclusive": "were inconclusive"}
Schema = dict[str, Any]
STAMP: Schema = {"type": ["number", "null"]}
RATIO: Schema = {"type": ["number", "null"], "minimum": 0}
COUNT: Schema = {"type": ["integer", "null"], "minimum": 0}
TEXT: Schema = {"type": "string"}
STATE: Schema = {"enum": ["measured", "censored", "no_effect", "not_measured"]}
NUMBER: Schema = {"anyOf": [{"type": "number"}, {"enum": ["Infinity", "-Infinity"]}]}

Outcome = Mapping[str, Any]


@dataclass(frozen=True)
class Value:
    """One metric of one trial: `amount` in seconds, or a ratio, only where measured."""

    state: State
    amount: float | None = None
    censored_at: float | None = None

    @property
    def counted(self) -> float | None:
        """As statistics take it: infinite where censored, None where there is nothing to count."""
        return math.inf if self.state == "censored" else self.amount


def value_of(outcome: Outcome, metric: str) -> Value:
    """What a trial says of a metric. One that was broken off, by a failure of the tool or by hand, censors nothing."""
    if metric in RATIOS:
        ratio = outcome["impact"][metric]
        return Value("not_measured") if ratio is None else Value("measured", float(ratio))
    name = metric.removesuffix("_s")
    state: State = outcome[f"{name}_state"]
    if state == "measured":
        return Value(state, float(outcome[metric]))
    if state != "censored":
        return Value(state)
    if outcome["exit_status"] in BROKEN_OFF:
        return Value("not_measured")
    return Value(state, None, outcome[f"{name}_censored_at"])


def summarise(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The content of `trials.json`, trials in the order given. ValueError for none, or for more than one scenario."""
    scenarios = sorted({str(each["run"]["scenario"]) for each in outcomes})
    if len(scenarios) != 1:
        raise ValueError(f"trials are of one scenario, these are of {', '.join(scenarios) or 'none'}")
    status = worst([int(each["exit_status"]) for each in outcomes])
    return {
        "schema": SCHEMA,
        "scenario": scenarios[0],
        "n": len(outcomes),
        "verdict": NAMES.get(status, "error"),
        "exit_status": status,
        "reasons": list(_reasons(outcomes)),
        "success": _success(outcomes),
        "trials": [_trial(each) for each in outcomes],
        "metrics": {metric: _metric(outcomes, metric) for metric in METRICS},
    }


def number(value: float | None) -> float | str | None:
    """As JSON can hold it, rounded to microseconds and millionths; "Infinity" and "-Infinity" are texts."""
    if value is None or math.isnan(value):
        return None
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return round(value, DIGITS)


def interval_keys(interval: Interval | None) -> dict[str, Any]:
    """`interval` and `coverage`, both null where there is none."""
    if interval is None:
        return {"interval": None, "coverage": None}
    ends = [number(interval.low), number(interval.high)]
    return {"interval": ends, "coverage": round(interval.coverage, DIGITS)}


def _trial(outcome: Outcome) -> dict[str, Any]:
    run = outcome["run"]
    judged = {key: outcome[key] for key in ("verdict", "exit_status", "reasons")}
    return {"run": run["id"], "seed": run["seed"], **judged}


def _metric(outcomes: Sequence[Outcome], metric: str) -> dict[str, Any]:
    values = [value_of(each, metric) for each in outcomes]
    found = median([each.counted for each in values if each.counted is not None])
    return {
        "n": found.n,
        "censored": sum(each.state == "censored" for each in values),
        "median": number(found.value),
        **interval_keys(found.interval),
        "needed": found.needed,
        "values": [
            {"run": outcome["run"]["id"], **_told(value)}
            for outcome, value in zip(outcomes, values, strict=True)
        ],
    }


def _told(value: Value) -> dict[str, Any]:
    return {"value": number(value.amount), "state": value.state, "censored_at": number(value.censored_at)}


def _success(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Of the trials that could be judged: one that was inconclusive, or that the tool failed, is no failed trial."""
    verdicts = Counter(each["verdict"] for each in outcomes)
    rate = success_rate(verdicts["pass"], verdicts["pass"] + verdicts["fail"])
    return {
        "passed": rate.successes,
        "judged": rate.n,
        "ratio": number(rate.ratio),
        "at_least": number(rate.at_least),
        "confidence": rate.confidence,
    }


def _reasons(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """How many there were of each bad verdict, the gravest first, each followed by what those trials say."""
    for verdict, told in GRAVEST_FIRST.items():
        bad = [each for each in outcomes if each["verdict"] == verdict]
        if bad:
            yield f"{len(bad)} of {len(outcomes)} trials {told}"
        for each in bad:
            yield from (f"{each['run']['id']}: {reason}" for reason in each["reasons"])


def trials_schema() -> Schema:
    """JSON Schema, draft 2020-12. Keys may be added at any time, so unknown ones are allowed."""
    success = {"passed": COUNT, "judged": COUNT, "ratio": RATIO, "at_least": RATIO, "confidence": RATIO}
    trial = {"run": TEXT, "seed": {"type": ["integer", "null"]}, **_judgement_schema()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        "title": "Trials of one scenario",
        **_object(
            {
                "schema": {"const": SCHEMA},
                "scenario": TEXT,
                "n": {"type": "integer", "minimum": 1},
                **_judgement_schema(),
                "success": _object(success),
                "trials": _list(_object(trial)),
                "metrics": _object(dict.fromkeys(METRICS, _metric_schema())),
            }
        ),
    }


def _judgement_schema() -> dict[str, Schema]:
    return {
        "verdict": {"enum": ["pass", "fail", "inconclusive", "error"]},
        "exit_status": {"enum": [0, 1, 3, 4, 5, 130]},
        "reasons": _list(TEXT),
    }


def _metric_schema() -> Schema:
    value = {"run": TEXT, "value": {"type": ["number", "null"]}, "state": STATE, "censored_at": STAMP}
    return _object(
        {
            "n": COUNT,
            "censored": COUNT,
            "median": {"anyOf": [NUMBER, {"type": "null"}]},
            "interval": {"type": ["array", "null"], "items": NUMBER, "minItems": 2, "maxItems": 2},
            "coverage": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
            "needed": COUNT,
            "values": _list(_object(value)),
        }
    )


def _object(properties: dict[str, Schema]) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}
