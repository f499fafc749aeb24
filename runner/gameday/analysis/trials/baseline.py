"""Baseline: what a suite measured, in a small file to keep in git, and the gate of a later suite against it.

The gate is that of `compare`. How fast each machine was is measured in the runs that are compared (`machine_speed`). If
a judgement depends on it, nothing is judged, and the gate names the commands that judge on one machine.
"""

from __future__ import annotations

import json
import math
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from gameday.analysis.model.baseline_model import (
    Baseline,
    BaselineOrigin,
    BaselineScenario,
    Gate,
    MachineSpeed,
)
from gameday.analysis.model.comparison_model import Comparison
from gameday.analysis.model.suite_model import Suite, SuiteScenario
from gameday.analysis.model.trials_model import TrialValue
from gameday.analysis.outcome.run_verdict import FAIL, INCONCLUSIVE, NAMES, PASS
from gameday.analysis.trials.comparison import SAME, compare_times
from gameday.analysis.trials.gate.machine_speed import against, slowdown, why_off
from gameday.analysis.trials.gate.outage_phases import TIMES, TrialTimes, happened
from gameday.analysis.trials.suite_result import SPEEDS, middle

ALPHA = 0.01
LEAST_INTERLEAVED = 10
V = TypeVar("V")


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
    """Return what a comparison reads of a scenario's trials, one entry each in every list."""
    runs = {run.run: run for run in scenario.runs if not run.retried}
    ttrs = scenario.metrics["ttr_s"].values if "ttr_s" in scenario.metrics else ()
    times = {metric: tuple(map(_value, _values(scenario, metric))) for metric in TIMES}
    operations = Counter(run.operation for run in runs.values() if run.operation)
    return BaselineScenario.model_validate(
        {
            "n": scenario.n,
            **times,
            "effect": tuple(happened(value.state)[0] for value in ttrs),
            "runs": tuple(value.run for value in ttrs),
            "seeds": tuple(runs[value.run].seed if value.run in runs else None for value in ttrs),
            "probe_s": tuple(runs[value.run].probe_s if value.run in runs else None for value in ttrs),
            "operation": operations.most_common(1)[0][0] if operations else "",
            "machine": scenario.machine,
        }
    )


def _values(scenario: SuiteScenario, metric: str) -> tuple[TrialValue, ...]:
    return scenario.metrics[metric].values if metric in scenario.metrics else ()


def _value(value: TrialValue) -> float | None:
    return math.inf if value.state == "censored" else value.value


def times_of(kept: BaselineScenario, name: str) -> list[TrialTimes]:
    """Return the trials of a baseline's scenario; `name` stands for runs that have none.

    A file of 0.2.0 counted a fault without an effect as an outage of 0 s that nobody detected.
    """
    trials = []
    for position, ttr in enumerate(kept.ttr_s):
        times = {metric: _at(getattr(kept, metric), position) for metric in TIMES}
        old = not kept.effect
        effect = (
            (None if ttr is None else ttr > 0 or times["ttd_s"] is not None)
            if old
            else _at(kept.effect, position)
        )
        trials.append(
            TrialTimes(
                _at(kept.runs, position) or f"{name}-{position + 1}",
                _at(kept.seeds, position),
                {metric: value for metric, value in times.items() if value is not None} if effect else {},
                effect,
                ttr != math.inf if effect and ttr is not None else None,
                kept.operation,
                _at(kept.probe_s, position),
            )
        )
    return trials


def _at(values: Sequence[V], position: int) -> V | None:
    return values[position] if position < len(values) else None


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


def gate(suite: Suite, base: Baseline, file: str = "", *, alpha: float = ALPHA) -> Gate:
    """Compare a suite with its baseline, at the level `alpha`. What depends on the speed of the machine isn't judged."""
    then = {name: times_of(kept, f"baseline-{name}") for name, kept in base.scenarios.items()}
    now = {
        scenario.scenario: times_of(_kept(scenario), scenario.scenario)
        for scenario in suite.scenarios
        if scenario.n
    }
    slower = slowdown(then, now)
    comparison = compare_times(then, now, alpha=alpha, machine=slower or SAME)
    machine = against(suite, base, slower)
    off = tuple(why_off(machine, suite, base, probed=slower is not None))
    status = INCONCLUSIVE if off else comparison.exit_status
    unjudged = off or any(each.verdict == "another-machine" for each in comparison.scenarios)
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
        commands=tuple(_commands(suite, comparison)) if unjudged and not suite.crowded else (),
        comparison=comparison,
    )


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
