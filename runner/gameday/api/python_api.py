"""Python API: load, validate and run scenarios, read outcomes, compare runs. Exported by `import gameday`.

    import gameday

    result = gameday.run_scenario("bad-deploy-pricing", out="runs")
    print(result.verdict, result.ttr_s, result.report)

Scenarios are named by path or by their name in the library. Times are in seconds. Functions raise `gameday.Invalid`
for bad input, with every problem at its file, line and column, and `gameday.PortError` if a substrate fails.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gameday.ports import PortError
from gameday.scenario import Scenario
from gameday.scenario.yaml_document import Invalid, Problem

if TYPE_CHECKING:
    from gameday.analysis import Outcome
    from gameday.analysis.model.comparison_model import Comparison as ComparisonFile
    from gameday.analysis.model.harm_models import Audit, Impact

__all__ = [
    "Clock",
    "Comparison",
    "Invalid",
    "PortError",
    "Problem",
    "RunResult",
    "Scenario",
    "compare_runs",
    "load_scenario",
    "read_outcome",
    "run_scenario",
    "validate_scenario",
]
Substrate = str
"""`auto`, or the name of a registered kind of substrate."""
CLOCKS = {
    "ttd": "time to detect",
    "tta": "time to acknowledge",
    "ttr": "time to recover",
    "ttfr": "time to full recovery",
}
SPANS = {
    "ttd": "effect to detect",
    "tta": "detect to ack",
    "ttr": "effect to recovered",
    "ttfr": "effect to restored",
}


class Clock(float):
    """A duration of a run in seconds, which knows its name, its state and where the report lies.

    A censored duration (the run ended before it did) is infinite, as in every comparison of gameday. A duration that
    wasn't measured, or that has no effect to count from, is not a number: no comparison with it holds. `repr` says
    which clock it is, so that a failed assertion does.
    """

    name: str
    """Short name: `ttd`, `tta`, `ttr` or `ttfr`."""
    state: str
    """`measured`, `censored`, `no_effect` or `not_measured`."""
    error_s: float | None
    """Half-width of the 95 % interval of the end of the clock in seconds; None if unknown."""

    def __new__(cls, value: float, name: str, state: str, error_s: float | None, report: Path) -> Clock:
        clock = super().__new__(cls, value)
        clock.name, clock.state, clock.error_s = name, state, error_s
        clock._report = report
        return clock

    _report: Path

    def __repr__(self) -> str:
        error = "" if self.error_s is None else f" ± {self.error_s:.2g} s"
        value = f"{float(self):.2f} s{error}" if math.isfinite(self) else self.state.replace("_", " ")
        return (
            f"<{self.name.upper()} {value}: {CLOCKS[self.name]}, {SPANS[self.name]}; report {self._report}>"
        )


@dataclass(frozen=True)
class RunResult:
    """A finished run: its folder and the content of its `outcome.json` (docs/outcome.schema.json)."""

    folder: Path
    outcome: Outcome = field(repr=False)

    @property
    def scenario(self) -> str:
        """Name of the scenario."""
        return self.outcome.run.scenario

    @property
    def verdict(self) -> str:
        """`pass`, `fail`, `inconclusive` or `error`."""
        return self.outcome.verdict

    @property
    def passed(self) -> bool:
        """True if every expectation held and nothing was left behind."""
        return self.exit_status == 0

    @property
    def exit_status(self) -> int:
        """Exit status that `gameday run` has for this run."""
        return self.outcome.exit_status

    @property
    def reasons(self) -> Sequence[str]:
        """Reasons of the verdict, each a sentence."""
        return self.outcome.reasons

    @property
    def report(self) -> Path:
        """Path of the HTML report."""
        return self.folder / "report.html"

    @property
    def ttd_s(self) -> Clock:
        """Time to detect: from the onset of harm to the first page for it."""
        return self._clock("ttd")

    @property
    def tta_s(self) -> Clock:
        """Time to acknowledge: from the page to the responder's taking it."""
        return self._clock("tta")

    @property
    def ttr_s(self) -> Clock:
        """Time to recover: from the onset of harm to its end for users."""
        return self._clock("ttr")

    @property
    def ttfr_s(self) -> Clock:
        """Time to full recovery: from the onset of harm to full capacity on good releases."""
        return self._clock("ttfr")

    @property
    def audit(self) -> Audit:
        """Audit of orders: `acknowledged`, `lost`, `duplicated`, `charged_twice` … ; None if unknown."""
        return self.outcome.audit

    @property
    def impact(self) -> Impact:
        """Requests and users hurt."""
        return self.outcome.impact

    def _clock(self, name: str) -> Clock:
        duration, error = self.outcome.duration(name), getattr(self.outcome.error_s, name, None)
        seconds = math.nan if duration.seconds is None else duration.seconds
        value = math.inf if duration.state == "censored" else seconds
        return Clock(value, name, duration.state, error, self.report)

    def __repr__(self) -> str:
        return f"<{self.scenario}: {self.verdict}, report {self.report}>"


@dataclass(frozen=True)
class Comparison:
    """Two sets of runs compared: the content of `gameday compare --json`."""

    content: ComparisonFile = field(repr=False)

    @cached_property
    def exit_status(self) -> int:
        """0 no regression, 1 a regression, 3 too few trials to judge."""
        return self.content.exit_status

    @property
    def regressed(self) -> bool:
        """True if the new runs are worse by more than noise and more than the threshold."""
        return self.exit_status == 1

    @property
    def reasons(self) -> Sequence[str]:
        """Findings, each a sentence."""
        return self.content.reasons


def load_scenario(scenario: str | Path, *, overrides: Mapping[str, str] | None = None) -> Scenario:
    """Return a scenario with every default filled in, checked against releases, topology and expressions.

    `overrides` are those of `--set`: `{"load.rate": "120/s"}`. Raise Invalid with every problem of the file.
    """
    from gameday.execution import library

    read = library.read(library.find(str(scenario)), dict(overrides or {}))
    library.topology(read)
    return read


def validate_scenario(scenario: str | Path) -> Sequence[Problem]:
    """Return every problem of a scenario, each with file, line, column and hint; none if the scenario is valid."""
    try:
        load_scenario(scenario)
    except Invalid as error:
        return tuple(error.problems)
    return ()


def run_scenario(
    scenario: str | Path,
    *,
    substrate: Substrate = "auto",
    out: str | Path = "runs",
    seed: int | None = None,
    overrides: Mapping[str, str] | None = None,
    responder: str | None = None,
    variant: str | None = None,
) -> RunResult:
    """Run a scenario once and return its result; the run's folder is a new one below `out`.

    A scenario with a matrix needs `variant`. Progress goes to standard error. Raise Invalid for a bad scenario or
    argument, PortError if the run can't be written or the substrate fails, KeyboardInterrupt if the run was
    interrupted and cleaned up.
    """
    from gameday.execution.preparation import choose_substrate, ensure_writable, read_scenarios
    from gameday.execution.system_reuse import Signals, SystemReuse
    from gameday.execution.trial import Options, Trial, play

    options = Options(substrate, Path(out), seed, dict(overrides or {}), responder, False, None, variant)
    selected = read_scenarios((str(scenario),), options)
    if len(selected) > 1:
        names = ", ".join(str(choice.variant) for choice in selected)
        raise Invalid([Problem(str(scenario), 0, 0, "has a matrix", f"name a variant: {names}")])
    ensure_writable(options.out)
    chosen, why, options = choose_substrate(options)
    seed = new_seed() if seed is None else seed
    trial = Trial(selected[0].path, selected[0].scenario, seed, chosen, why)
    kept, signals = SystemReuse(), Signals()
    try:
        if threading.current_thread() is threading.main_thread():
            with signals.caught():
                outcome = play(trial, options, options.out, kept, signals)
        else:
            outcome = play(trial, options, options.out, kept, signals)
    finally:
        kept.finish()
    if signals.asked:
        raise KeyboardInterrupt(signals.asked)
    return RunResult(options.out / outcome.run.id, outcome)


def new_seed() -> int:
    """Return a random seed for the arrivals of a run."""
    import secrets

    return secrets.randbelow(2**31 - 1000)


def read_outcome(run: str | Path) -> RunResult:
    """Return the result of a finished run from its folder. Raise Invalid if it holds no valid `outcome.json`."""
    from gameday.analysis import Outcome

    folder = Path(run)
    path = folder / "outcome.json"
    hint = f"make it again: gameday report {folder}"
    try:
        return RunResult(folder, Outcome.read_data(json.loads(path.read_text(encoding="utf-8")), str(path)))
    except OSError as error:
        why, hint = f"can't be read: {error.strerror}", "name the folder of a run, runs/<run-id>"
    except (json.JSONDecodeError, RecursionError) as error:
        why = f"isn't valid JSON: {error}"
    except ValueError as error:
        why = f"isn't an outcome of gameday: {str(error).removeprefix(f'{path}: ')}"
    raise Invalid([Problem(str(path), 0, 0, why, hint)])


def compare_runs(
    base: str | Path, new: str | Path, *, alpha: float = 0.01, threshold: float = 0.15, gate_ttd: bool = False
) -> Comparison:
    """Compare the runs below two folders, scenario by scenario, as `gameday compare` does.

    `threshold` is the smallest relative increase of a time that counts as a regression; `alpha` is the level of all tests
    together. `gate_ttd` has no effect any more: detection is always tested. Raise Invalid if a folder holds no outcomes.
    """
    from gameday.analysis.trials.comparison import compare, load_side

    sides = []
    for path in (Path(base), Path(new)):
        if not path.exists():
            hint = "name the folder of a run or of trials"
            raise Invalid([Problem(str(path), 0, 0, "doesn't exist", hint)])
        try:
            sides.append(load_side(path))
        except ValueError as error:
            raise Invalid([Problem(str(path), 0, 0, str(error))]) from error
    return Comparison(compare(sides[0], sides[1], alpha=alpha, threshold=threshold))
