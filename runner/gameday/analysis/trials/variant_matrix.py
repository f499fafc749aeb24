"""Matrix: the runs of a scenario's variants, one each, side by side: the content of `matrix.json`.

What a variant changed is read from its own scenario, its result from its outcome; how bad each SLO's outages were is
computed here. One run of each variant is no comparison of distributions: that is `compare`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gameday.analysis.clocks.clocks import analyse
from gameday.analysis.evidence.recorded_run import Run, read_run
from gameday.analysis.model.matrix_model import Matrix, Variant, VariantExpectation, VariantImpact, VariantSlo
from gameday.analysis.model.outcome_model import Outcome
from gameday.analysis.model.result_file import DIGITS
from gameday.analysis.model.time_models import Durations
from gameday.analysis.outcome.run_verdict import NAMES, worst
from gameday.analysis.trials.outcome_files import FILE
from gameday.scenario import Slo
from gameday.slo import Course, select

SECTIONS = ("guardrails", "system", "load", "respond")


def matrix(runs: Mapping[str, Path]) -> Matrix:
    """Return the matrix of `runs`: the folder of each variant's run, in order.

    Raise ValueError or gameday.scenario.yaml_document.Invalid if there is none, or if a run's file isn't valid.
    """
    if not runs:
        raise ValueError("a matrix has at least one variant")
    read = {name: (Outcome.read_file(folder / FILE), read_run(folder)) for name, folder in runs.items()}
    settings = _differing([_settings(run) for _, run in read.values()])
    variants = tuple(
        _variant(name, outcome, run, differing)
        for (name, (outcome, run)), differing in zip(read.items(), settings, strict=True)
    )
    unmet = any(outcome.steady_state.met is False for outcome, _ in read.values())
    status = worst([variant.exit_status for variant in variants], unmet=unmet)
    return Matrix(
        scenario=_common([variant.scenario.removesuffix(f"-{variant.name}") for variant in variants]),
        title=_common([run.scenario.title.removesuffix(f" ({name})") for name, (_, run) in read.items()]),
        verdict=NAMES.get(status, "error"),
        exit_status=status,
        reasons=tuple(f"{variant.name}: {reason}" for variant in variants for reason in variant.reasons),
        variants=variants,
    )


def _common(names: Sequence[str]) -> str:
    """Return the name that all share, else all names."""
    return " / ".join(dict.fromkeys(names))


def _settings(run: Run) -> dict[str, Any]:
    """Return what a variant may change: `guardrails.breaker` → its value as it is written in a file."""
    document = run.scenario.document()
    return {key: value for section in SECTIONS for key, value in _flat(document.get(section, {}), section)}


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}")
    else:
        yield name, value


def _differing(settings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return of each variant only the settings that aren't the same in all."""
    names = dict.fromkeys(name for own in settings for name in own)
    unequal = [name for name in names if any(own.get(name) != settings[0].get(name) for own in settings)]
    return [{name: own.get(name) for name in unequal} for own in settings]


def _variant(name: str, outcome: Outcome, run: Run, settings: Mapping[str, Any]) -> Variant:
    return Variant(
        name=name,
        run=outcome.run.id,
        scenario=outcome.run.scenario,
        settings=dict(settings),
        verdict=outcome.verdict,
        exit_status=outcome.exit_status,
        reasons=outcome.reasons,
        clocks=outcome.clocks,
        ended_by=outcome.ended_by,
        **{key: getattr(outcome, key) for key in Durations.model_fields},
        impact=VariantImpact(**{key: getattr(outcome.impact, key) for key in VariantImpact.model_fields}),
        audit=outcome.audit,
        responder=outcome.responder,
        slos=tuple(_slos(outcome, run)),
        expectations=tuple(
            VariantExpectation(expr=expectation.expr, holds=expectation.holds)
            for expectation in outcome.expectations
        ),
    )


def _slos(outcome: Outcome, run: Run) -> Iterator[VariantSlo]:
    """Yield each SLO's judgement, and how long and how bad its outages were."""
    courses = {course.name: course for course in analyse(run).courses}
    results = {result.name: result for result in outcome.slos}
    for slo in run.scenario.slos:
        result, course = results.get(slo.name), courses.get(slo.name)
        judged = VariantSlo(
            name=slo.name,
            journey=slo.journey,
            sli=slo.sli,
            objective=slo.objective,
            verdict=result.verdict if result else None,
            breached_s=result.breached_s if result else None,
            budget_spent=result.budget_spent if result else None,
        )
        yield judged.model_copy(update=_outage(slo, course, run)) if course else judged


def _outage(slo: Slo, course: Course, run: Run) -> dict[str, float | int | None]:
    """Return the seconds of the SLO's outages, and how many of the requests planned in them were bad."""
    counts, good = select(slo, run.samples)
    planned, inside = run.samples.records["planned"], np.zeros(len(counts), np.bool_)
    seconds = 0.0
    for outage in course.outages:
        until = run.end if outage.recovered is None else outage.recovered
        inside |= (planned >= outage.effect) & (planned < until)
        seconds += until - outage.effect
    counts &= inside
    n, bad = int(counts.sum()), int((counts & ~good).sum())
    ratio = round(bad / n, DIGITS) if n else None
    return {
        "outage_s": round(seconds, DIGITS),
        "outage_requests": n,
        "outage_bad": bad,
        "outage_bad_ratio": ratio,
    }
