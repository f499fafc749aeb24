"""Baseline: what a suite measured, in a small file to keep in git, and the gate of a later suite against it.

The gate is that of `compare`, and is only as good as the machine is the same: if starting, answering or detecting took
a fifth more or less time than for the baseline, nothing is judged and the gate names the commands that judge on one
machine. How fast a machine is, is measured in the runs that are compared.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from pydantic import ValidationError

from gameday.analysis.evidence.journal_reader import read_events
from gameday.analysis.model.baseline_model import (
    Baseline,
    BaselineOrigin,
    BaselineScenario,
    Gate,
    MachineComparison,
    MachineSpeed,
)
from gameday.analysis.model.comparison_model import Comparison
from gameday.analysis.model.outcome_model import Outcome
from gameday.analysis.model.suite_model import Suite, SuiteScenario
from gameday.analysis.model.trials_model import TrialValue
from gameday.analysis.outcome.run_verdict import FAIL, INCONCLUSIVE, NAMES, PASS
from gameday.analysis.trials.comparison import compare
from gameday.analysis.trials.suite_result import SPEEDS, middle
from gameday.recording.journal_events import LoadStarted, PhaseStarted
from gameday.recording.journal_index import JournalIndex
from gameday.recording.samples import ErrorKind, read_samples

OFF = 0.2
LEAST_INTERLEAVED = 10
METRICS = ("ttr_s", "ttd_s")
SPEED_NAMES = {
    "start_s": "starting the load",
    "base_p50_s": "a page in steady state",
    "lag_p95_s": "lag of the data (p95)",
}


def machine_speed(folder: Path, outcome: Outcome) -> MachineSpeed:
    """Return how fast the machine was, by a run's folder. Raise ValueError or OSError if a file can't be read."""
    journal = JournalIndex(read_events(folder / "journal.jsonl"))
    phases = {event.phase: event.t for event in journal.of(PhaseStarted)}
    loaded = journal.first(LoadStarted)
    warm, steady, fault = (phases.get(name) for name in ("warm", "steady", "fault"))
    start = loaded.t - warm if loaded is not None and warm is not None else None
    base = (
        _median_answer(folder / "samples", steady, fault)
        if steady is not None and fault is not None
        else None
    )
    return MachineSpeed(start_s=start, base_p50_s=base, lag_p95_s=outcome.lag_p95_s)


def _median_answer(samples: Path, since: float, until: float) -> float | None:
    records = read_samples(samples).records
    good = (records["planned"] >= since) & (records["planned"] < until) & (records["error"] == ErrorKind.NONE)
    taken = (records["end"] - records["planned"])[good]
    return float(np.median(taken)) if len(taken) else None


def unfit(suite: Suite) -> str:
    """Return why a suite can't be a baseline; "" if it can: every scenario was run and judged, even as a failure."""
    if suite.crowded:
        return suite.crowded
    if suite.exit_status in (PASS, FAIL) and all(scenario.n for scenario in suite.scenarios):
        return ""
    return (
        f"the suite is {suite.verdict} (exit status {suite.exit_status}), so it isn't one to be held against"
    )


def baseline(suite: Suite) -> Baseline:
    """Return the baseline of a suite: the values of every trial of each scenario, and how fast the machine was."""
    return Baseline(
        saved=suite.started,
        version=suite.version,
        host=suite.host,
        substrate=suite.substrate,
        at_once=suite.at_once,
        verdict=suite.verdict,
        machine=_machine(suite.scenarios),
        scenarios={scenario.scenario: _kept(scenario) for scenario in suite.scenarios},
    )


def _machine(scenarios: Sequence[SuiteScenario]) -> MachineSpeed:
    """Return the median over all scenarios, for people: the gate uses each scenario's own."""
    return MachineSpeed(
        **{key: middle([getattr(scenario.machine, key) for scenario in scenarios]) for key in SPEEDS}
    )


def _kept(scenario: SuiteScenario) -> BaselineScenario:
    values = {
        metric: tuple(_value(metric, value) for value in scenario.metrics[metric].values)
        if metric in scenario.metrics
        else ()
        for metric in METRICS
    }
    return BaselineScenario(
        n=scenario.n, ttr_s=values["ttr_s"], ttd_s=values["ttd_s"], machine=scenario.machine
    )


def _value(metric: str, value: TrialValue) -> float | None:
    """Return a value as `compare` counts it: a fault without an effect was an outage of 0 s."""
    if value.state == "censored":
        return float("inf")
    return 0.0 if value.state == "no_effect" and metric == "ttr_s" else value.value


def written(baseline: Baseline) -> str:
    """Return JSON that is easy to read and to diff: a line for each list of values."""
    return _spread(baseline.document(), "") + "\n"


def _spread(value: Any, indent: str) -> str:
    if not isinstance(value, Mapping) or not any(
        isinstance(inner, Mapping | list) for inner in value.values()
    ):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    deeper = indent + "  "
    lines = [f"{deeper}{json.dumps(key)}: {_spread(inner, deeper)}" for key, inner in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


def read(path: Path) -> Baseline:
    """Read a baseline. Raise ValueError if the file can't be read or isn't one."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"can't be read: {error}") from error
    if not isinstance(data, dict) or data.get("schema") != Baseline.NAME:
        raise ValueError(f"isn't {Baseline.NAME}")
    try:
        return Baseline.model_validate(data)
    except ValidationError as error:
        raise ValueError(
            'isn\'t whole: each scenario has lists ttr_s and ttd_s of numbers, null or "Infinity"'
        ) from error


def gate(suite: Suite, base: Baseline, file: str = "") -> Gate:
    """Compare a suite with its baseline. If it ran on another machine, the gate isn't judged."""
    then = {name: _side(name, "baseline", kept) for name, kept in base.scenarios.items()}
    now = {
        scenario.scenario: _side(scenario.scenario, "run", _kept(scenario))
        for scenario in suite.scenarios
        if scenario.n
    }
    comparison, machine = compare(then, now), _against(suite, base)
    off = tuple(_off(machine, suite, base))
    status = INCONCLUSIVE if off else comparison.exit_status
    origin = {key: getattr(base, key) for key in BaselineOrigin.model_fields}
    return Gate(
        file=file,
        **origin,
        judged=not off,
        crowded=bool(suite.crowded),
        verdict=NAMES[status],
        exit_status=status,
        reasons=tuple(f"baseline: {reason}" for reason in off or comparison.reasons),
        machine=machine,
        commands=tuple(_commands(suite, comparison)) if off and not suite.crowded else (),
        comparison=comparison,
    )


def _side(name: str, run: str, kept: BaselineScenario) -> list[Outcome]:
    """Return outcomes that have the kept values, and nothing else that a comparison reads."""
    return [
        Outcome.model_validate(
            {
                "run": {"id": f"{run}-{position}", "scenario": name},
                "verdict": "pass",
                "exit_status": PASS,
                **dict.fromkeys(("ttd_from_inject_state", "tta_state", "ttfr_state"), "not_measured"),
                **_duration("ttr", ttr),
                **_duration("ttd", ttd),
            }
        )
        for position, (ttr, ttd) in enumerate(zip(kept.ttr_s, kept.ttd_s, strict=False), 1)
    ]


def _duration(name: str, value: float | None) -> dict[str, float | str | None]:
    if value is None:
        return {f"{name}_state": "not_measured"}
    if value == float("inf"):
        return {f"{name}_state": "censored"}
    return {f"{name}_state": "measured", f"{name}_s": value}


def _against(suite: Suite, base: Baseline) -> tuple[MachineComparison, ...]:
    """Compare each quantity of machine speed.

    The ratio is the median over the common scenarios, since one slower scenario says nothing about
    the machine.
    """
    shared = [scenario for scenario in suite.scenarios if scenario.scenario in base.scenarios]
    compared = []
    for key in SPEEDS:
        pairs = [
            (then, now)
            for scenario in shared
            if (then := getattr(base.scenarios[scenario.scenario].machine, key))
            and (now := getattr(scenario.machine, key))
        ]
        ratio = round(median(now / then for then, now in pairs), 4) if pairs else None
        compared.append(
            MachineComparison(
                quantity=key,
                name=SPEED_NAMES[key],
                base=middle(then for then, _ in pairs),
                new=middle(now for _, now in pairs),
                ratio=ratio,
                off=ratio is None or abs(ratio - 1) > OFF,
            )
        )
    return tuple(compared)


def _off(machine: Sequence[MachineComparison], suite: Suite, base: Baseline) -> Iterator[str]:
    """Yield why this isn't the baseline's machine; nothing if it is, or if there is nothing to compare."""
    if suite.crowded:
        yield f"not judged, for {suite.crowded}; run it again without --crowded"
        return
    if not any(scenario.scenario in base.scenarios and scenario.n for scenario in suite.scenarios):
        return
    if base.substrate != suite.substrate:
        yield f"not judged, for it was made on {base.substrate}, this suite on {suite.substrate}"
    then, now = base.at_once or 1, suite.at_once or 1
    if then != now:
        yield f"not judged, for it was made with --at-once {then}, this suite with --at-once {now}"
    unknown = [quantity.name for quantity in machine if quantity.ratio is None]
    if unknown:
        yield f"not judged, for the machine it was made on can't be told: {', '.join(unknown)} isn't known of both"
    apart = [quantity for quantity in machine if quantity.off and quantity.ratio is not None]
    if apart:
        changed = "; ".join(
            f"{quantity.name} takes {_ms(quantity.new)}, not {_ms(quantity.base)}" for quantity in apart
        )
        yield f"not judged, for this machine is over {OFF:.0%} faster or slower than the one it was made on: {changed}"


def _ms(seconds: float | None) -> str:
    return f"{(seconds or 0.0) * 1000:.1f} ms"


def _commands(suite: Suite, comparison: Comparison) -> Iterator[str]:
    """Yield one command for each scenario that both have; BASE is a checkout of what the baseline was made of."""
    shared = {scenario.scenario for scenario in comparison.scenarios}
    trials = max(LEAST_INTERLEAVED, comparison.trials_needed)
    for scenario in suite.scenarios:
        if scenario.scenario in shared:
            path = scenario.path
            before = f"BASE/{path.removeprefix('/')}"
            words = ["gameday", "compare", before, path, "--interleave", str(trials)]
            words += ["--variant", scenario.variant] if scenario.variant else []
            yield shlex.join(words)
