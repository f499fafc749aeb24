"""Abort conditions of a scenario, evaluated during a run on the current samples and alerts.

They may use the names of `vocabulary.LIVE`; only the groups that a condition mentions are computed. A value of fewer
than MINIMUM requests is unknown, and an unknown condition never holds. The engine ends the run.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gameday.analysis.clocks.clocks import joined
from gameday.analysis.expressions.expectations import parse, program
from gameday.analysis.expressions.vocabulary import ABORT, Tree, lookup, spell
from gameday.analysis.impact.bad_requests import kinds
from gameday.analysis.impact.blast_radius import Homes, Radius
from gameday.analysis.impact.impact import budgets_spent, during
from gameday.analysis.model.harm_models import Tally, UserTally
from gameday.recording.samples import Records, Samples
from gameday.scenario import Scenario
from gameday.slo import MINIMUM, Course, course

Held = tuple[str, Mapping[str, Any]]
"""(expression, {name that it used: value})."""
PEOPLE = ("users", "users_affected_ratio")
RATIOS = ("bad_ratio", "failed_ratio", "users_affected_ratio", "budget_spent", "error_budget_spent")
SECONDS = ("elapsed", "hurt_s", "breached_s")


@dataclass(frozen=True)
class Moment:
    """The state of a run at `now`: requests planned up to `end` are all settled. Times are in run
    seconds.

    `steady`: begin of the steady state; `inject`: due time of the first entry of the timeline, None
    if there is none. `alerts` and `pages`: numbers raised since the steady state began.
    """

    samples: Samples
    steady: float
    zero: float
    inject: float | None
    end: float
    now: float
    alerts: int
    pages: int


class Conditions:
    """The compiled conditions. `homes` returns where users live; it is called once, after the load has begun."""

    def __init__(self, scenario: Scenario, homes: Callable[[], Homes | None]) -> None:
        self._slos = scenario.slos
        self._first = min((entry.at for entry in scenario.timeline), default=None)
        self._homes = functools.cache(homes)
        parsed = [(text, parse(text, ABORT)) for text in scenario.abort]
        self._programs = [(text, program(expression), expression.used) for text, expression in parsed]
        self._words: frozenset[str] = frozenset().union(*(expression.words for _, expression in parsed))

    def __call__(
        self, samples: Samples, *, steady: float, zero: float, end: float, now: float, alerts: int, pages: int
    ) -> Held | None:
        """Return the first condition that holds, None if none does. `zero`: when the timeline began."""
        inject = None if self._first is None else zero + self._first
        tree = self.values(Moment(samples, steady, zero, inject, end, now, alerts, pages))
        for text, run, used in self._programs:
            if run(tree) is True:
                return text, {spell(path): lookup(tree, path) for path in used}
        return None

    def values(self, moment: Moment) -> Tree:
        """Return the tree of `vocabulary.LIVE`, without what no condition mentions."""
        known: dict[str, Any] = {
            "elapsed": moment.now - moment.zero,
            "alerts": float(moment.alerts),
            "pages": float(moment.pages),
        }
        if self._words.isdisjoint({"effect", "impact", "slos"}) or moment.end <= (
            moment.inject or moment.zero
        ):
            return known
        courses = [
            course(slo, moment.samples, moment.steady, moment.end, moment.inject) for slo in self._slos
        ]
        effect = min((fared.effect for fared in courses if fared.effect is not None), default=None)
        known["effect"] = effect is not None
        if "slos" in self._words:
            known["slos"] = self._fared(courses)
        if "impact" in self._words:
            begun = moment.inject if moment.inject is not None else moment.steady
            known["impact"] = self._hurt(moment, courses, begun if effect is None else effect)
        return known

    def _fared(self, courses: Sequence[Course]) -> Tree:
        outages = tuple(joined(courses, max(slo.window for slo in self._slos)))
        spent = budgets_spent(self._slos, courses)
        return {
            each.name: {
                "verdict": None if each.verdict(outages) == "unknown" else each.verdict(outages),
                "budget_spent": spent[each.name] if each.n >= MINIMUM else None,
                "breached_s": each.breached_s,
            }
            for each in courses
        }

    def _hurt(self, moment: Moment, courses: Sequence[Course], since: float) -> Tree:
        samples = moment.samples
        records = during(samples.records, since, None, moment.end)
        radius = Radius(records, kinds(self._slos, samples, records))
        whole = radius.whole()
        spent = [
            share
            for each, share in zip(courses, budgets_spent(self._slos, courses).values(), strict=True)
            if share is not None and each.n >= MINIMUM
        ]
        known = _known(whole) | {"error_budget_spent": max(spent, default=None)}
        if not self._words.isdisjoint(PEOPLE):
            total = radius.people(None).total
            known["users"] = float(total.users)
            known["users_affected_ratio"] = None if _few(whole) else total.ratio
        homes = self._homes() if "regions" in self._words else None
        by_region = radius.by(homes.of(radius.users), homes.names) if homes else {}
        by_journey = _by_journey(radius, records, samples) if "journeys" in self._words else {}
        groups = {"regions": by_region, "journeys": by_journey}
        return {
            **known,
            **{group: {name: _known(tally) for name, tally in by.items()} for group, by in groups.items()},
        }


def _by_journey(radius: Radius, records: Records, samples: Samples) -> dict[str, Tally]:
    codes = records["journey"], samples.journeys
    people = radius.users_by(*codes)
    return {
        name: UserTally(**vars(tally), users=people[name].users, users_affected_ratio=people[name].ratio)
        for name, tally in radius.by(*codes).items()
    }


def shown(name: str, value: Any) -> str:
    """Return a value of a condition in words: `61.2%`, `12.3 s`, `1200`."""
    if value is None:
        return "unknown"
    if isinstance(value, bool | str):
        return str(value).lower() if isinstance(value, bool) else repr(value)
    last = name.rpartition(".")[2]
    if last in RATIOS:
        return f"{value:.1%}"
    return f"{value:.1f} s" if last in SECONDS else f"{value:.6g}"


def _few(tally: Tally) -> bool:
    return (tally.requests or 0) < MINIMUM


def _known(tally: Tally) -> dict[str, float | None]:
    """Return the tally as floats, without a ratio if it has too few requests."""
    few = _few(tally)
    return {
        name: None if value is None or (few and name.endswith("_ratio")) else float(value)
        for name, value in vars(tally).items()
    }
