"""Numbers with their units, states and verdicts in words: plain, blameless, in standard terms.

Pure. Every function accepts None and always returns words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gameday.analysis.model.harm_models import Tally
from gameday.analysis.model.outcome_model import Outcome
from gameday_reports.text.loose import number

if TYPE_CHECKING:
    from gameday.analysis.model.matrix_model import Variant

NOT_MEASURED = "not measured"
DAY_S = 86_400.0

CLOCKS: Mapping[str, str] = {
    "inject": "fault ordered",
    "injected": "fault confirmed",
    "effect": "users first affected",
    "detect": "first page raised",
    "paged": "page delivered",
    "ack": "alert taken",
    "act": "action ordered",
    "acted": "action confirmed",
    "recovered": "users well again",
    "restored": "full capacity back",
}

VERDICTS: Mapping[str, tuple[str, str]] = {
    "pass": ("Passed", "Every expectation held."),
    "fail": ("Failed", "An expectation did not hold, or the system did not recover."),
    "inconclusive": ("Inconclusive", "The run does not allow a judgement, either way."),
    "error": ("Tool error", "The tool or the substrate failed; this says nothing about the system."),
}

ENDED_BY: Mapping[str, str] = {
    "responder": "The responder ended the outage with an operation.",
    "system": "The system ended the outage by itself (fail-over, breaker or restart policy).",
    "schedule": "The timeline reverted the fault; nobody had ended the outage by then.",
    "cleanup": "The clean-up at the end of the run reverted the fault; nobody had ended the outage by then.",
}

HOLDS: Mapping[bool | None, str] = {True: "holds", False: "does not hold", None: "unknown"}


def seconds(value: Any) -> str:
    """Return '1.08 s'; one decimal from 100 s on."""
    quantity = number(value)
    if quantity is None:
        return NOT_MEASURED
    return f"{quantity:.1f} s" if abs(quantity) >= 100 else f"{quantity:.2f} s"


def count(value: Any) -> str:
    """Return '2,700', or 'not measured'."""
    quantity = number(value)
    if quantity is None:
        return NOT_MEASURED
    return f"{quantity:,.0f}" if quantity == round(quantity) else f"{quantity:,.2f}"


def percent(value: Any) -> str:
    """Return a ratio as a percentage with two significant decimals if it is small: '3.2 %', '0.04
    %', '100 %'."""
    quantity = number(value)
    if quantity is None:
        return NOT_MEASURED
    shown = quantity * 100
    if shown == 0 or shown == 100:
        return f"{shown:.0f} %"
    if abs(shown) < 0.01:
        return "under 0.01 %" if shown > 0 else f"{shown:.2g} %"
    places = 2 if abs(shown) < 1 else 1 if abs(shown) < 100 else 0
    return f"{shown:,.{places}f} %"


def times(value: Any) -> str:
    """Return '1.9×', or 'not measured'."""
    quantity = number(value)
    return NOT_MEASURED if quantity is None else f"{quantity:.1f}×"


def per_hour(value: Any) -> str:
    """Return a rate: '257 an hour', '0.30 an hour'; three digits if it is small."""
    quantity = number(value)
    if quantity is None:
        return NOT_MEASURED
    return f"{quantity:,.0f} an hour" if quantity >= 10 or quantity == 0 else f"{quantity:.3g} an hour"


def give_or_take(value: Any) -> str:
    """Return '±0.49 s', or nothing if the error is unknown."""
    return "" if number(value) is None else f"±{seconds(value)}"


def money(value: Any) -> str:
    """Return cents as units of currency."""
    quantity = number(value)
    return NOT_MEASURED if quantity is None else f"{quantity / 100:,.2f}"


def ratio_to_limit(ratio: float | None) -> str:
    """Return the ratio of a time to detect to the limit in a table's cell."""
    return "at the limit" if ratio is not None and ratio < 1 else times(ratio)


def beside_limit(ratio: float) -> str:
    """Return a time to detect beside the limit, which is a mean: a detector that was lucky isn't better than it."""
    return "at the limit" if ratio < 1 else f"{times(ratio)} the limit"


@dataclass(frozen=True)
class Figure:
    """One large figure: `tone` is plain, good, bad or muted; `value` is never empty."""

    label: str
    value: str
    note: str
    tone: str = "plain"


BEGINS = {"ttd": "effect", "ttd_from_inject": "inject", "tta": "detect", "ttr": "effect", "ttfr": "effect"}
"""The clock that each interval counts from."""


def interval(outcome: Outcome | Variant, key: str) -> tuple[str, str]:
    """Return (short text, state) of `<key>_s`; the state is 'measured' only if there is a number."""
    duration = outcome.duration(key)
    if duration.state == "censored":
        return "never", _censored(outcome, key)
    if duration.state == "no_effect":
        return "no effect", "no objective was breached"
    if duration.seconds is None or duration.state == "not_measured":
        return NOT_MEASURED, ""
    return seconds(duration.seconds), "measured"


def _censored(outcome: Outcome | Variant, key: str) -> str:
    """Return how long the interval had lasted at `<key>_censored_at`, a time on the run's clock."""
    at, begin = outcome.duration(key).censored_at, dict(outcome.clocks).get(BEGINS[key])
    if at is None:
        return "censored"
    return (
        f"censored after {seconds(at - begin)}"
        if begin is not None
        else f"censored at {seconds(at)} of the run"
    )


def interval_figure(outcome: Outcome, key: str, label: str, meaning: str) -> Figure:
    """Return the large figure of TTD, TTA or TTR with its state, its error, and for TTD its ratio
    to the limit."""
    value, state = interval(outcome, key)
    if state == "measured":
        ratio = outcome.detection.ratio if key == "ttd" else None
        limit = "" if ratio is None else beside_limit(ratio)
        length, bound = outcome.duration(key).seconds, bound_of(outcome, key)
        if length is not None and bound:
            value = with_bound(length, bound)
        return Figure(label, value, ": ".join(filter(None, (meaning, limit))))
    tone = "bad" if value == "never" else "muted"
    return Figure(label, value, f"{meaning}: {state}" if state else meaning, tone)


def bound_of(outcome: Outcome, key: str) -> float | None:
    """Return ± seconds of TTD or TTR at 95 %: with the machine's error if it was calibrated, else by spacing alone."""
    apart = outcome.spacing_s
    spacing = {"ttd": (apart.effect,), "ttr": (apart.effect, apart.recovered)}.get(key)
    calibrated: float | None = getattr(outcome.error_s, key, None)
    if calibrated is not None or spacing is None or None in spacing:
        return calibrated
    return math.fsum(part for part in spacing if part is not None)


def with_bound(value: float, bound: float) -> str:
    """Return '2.1 s ± 0.9 s': as many digits as the bound allows, which has one, or two if the first is a 1."""
    exponent = math.floor(math.log10(bound))
    first = bound / 10**exponent
    digits = min(max(0, -exponent + (first < 1.95)), 3)
    return f"{value:.{digits}f} s ± {bound:.{digits}f} s"


def users_figure(outcome: Outcome) -> Figure:
    ratio, users = outcome.impact.users_affected_ratio, outcome.impact.users
    note = "share of those who came during the outage"
    if users is not None:
        note = f"{count(users)} of those who came during the outage" if users else "nobody met a bad request"
    return Figure("Users hurt", percent(ratio), note, _tone(ratio))


def bad_figure(outcome: Outcome) -> Figure:
    """Return the large figure of bad requests, with their kinds."""
    impact = outcome.impact
    bad, requests = impact.bad, impact.requests
    if bad is None:
        return Figure("Bad requests", NOT_MEASURED, "failed, wrong or slow from effect to recovery", "muted")
    end = "recovery" if outcome.clocks.recovered is not None else "the end of the run"
    of = f" of {count(requests)} from effect to {end}" if requests is not None else f" from effect to {end}"
    if not bad and not requests:
        return Figure("Bad requests", count(bad), "there was no outage", "good")
    kinds = f": {kinds_of(impact)}" if bad else ""
    return Figure("Bad requests", count(bad), percent(impact.bad_ratio) + of + kinds, _tone(bad))


def kinds_of(tally: Tally) -> str:
    """Return the bad requests by kind, as '18 slow, 2 failed'; empty if there are none or their kinds are unknown."""
    counts = [(getattr(tally, kind), kind) for kind in ("failed", "wrong", "slow")]
    return ", ".join(f"{count(number)} {kind}" for number, kind in counts if number)


def sales_figures(outcome: Outcome) -> list[Figure]:
    """Return the worth of the lost sales as a figure; none if it isn't known."""
    cents = outcome.impact.sales_lost_cents
    if cents is None:
        return []
    meaning = "carts of buyers who met a failure and placed no order later, at the run's mean order"
    return [Figure("Sales lost", money(cents), meaning, _tone(cents))]


def orders_figure(outcome: Outcome) -> Figure:
    lost, acknowledged = outcome.audit.lost, outcome.audit.acknowledged
    if lost is None and acknowledged == 0:
        return Figure("Orders lost", NOT_MEASURED, "no order was acknowledged that could be", "muted")
    if lost is None:
        return Figure("Orders lost", NOT_MEASURED, "no audit of orders in this run", "muted")
    of = (
        f"of {count(acknowledged)} acknowledged orders"
        if acknowledged is not None
        else "of the acknowledged orders"
    )
    return Figure("Orders lost", count(lost), of, "bad" if lost else "good")


def _tone(value: float | None) -> str:
    if value is None:
        return "muted"
    return "plain" if value else "good"


def figures(outcome: Outcome) -> list[Figure]:
    """Return the large figures of the header, in order."""
    return [
        interval_figure(outcome, "ttd", "Time to detect", "TTD, first effect to first page"),
        interval_figure(outcome, "tta", "Time to acknowledge", "TTA, first page to taken"),
        interval_figure(outcome, "ttr", "Time to recover", "TTR, first effect to users well"),
        *sales_figures(outcome),
        users_figure(outcome),
        bad_figure(outcome),
        orders_figure(outcome),
    ]


def severity(sev: int | None) -> str:
    """Return 'Sev 2'; in words if it is the gravest or the least, or wasn't judged."""
    if sev is None:
        return "not judged"
    return f"Sev {sev}" + {1: " (the gravest)", 5: " (none)"}.get(sev, "")
