"""Comparison of two sets of runs, base and new: what `gameday compare --json` prints."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from gameday.analysis.model.result_file import Amount, Count, Interval, Model, Number, ResultFile
from gameday.analysis.model.trials_model import Judged

ScenarioJudgement = Literal["regression", "no-regression", "too-few", "never-recovered", "another-machine"]


class SideSummary(Model):
    """The values of one metric on one side; infinite if a trial never came so far."""

    n: Count = 0
    censored: Count = 0
    median: Number | None = None
    interval: Interval | None = None
    coverage: Amount | None = None
    values: tuple[Number, ...] = ()


class ShiftSummary(Model):
    """The Hodges–Lehmann shift from base to new, and as a share of base's median."""

    value: Number | None = None
    relative: Number | None = None
    interval: Interval | None = None
    coverage: Amount | None = None


class MetricComparison(Model):
    """One metric of one scenario on both sides.

    `p`: one-sided Mann–Whitney; `p_holm`: of the gate's own test, over all tests together. `cv`: the spread within the
    sides. `detectable`: the smallest relative increase that would have been found in 80 % of such comparisons.
    """

    gated: bool = False
    base: SideSummary = SideSummary()
    new: SideSummary = SideSummary()
    shift: ShiftSummary | None = None
    p: float | None = None
    p_holm: float | None = None
    cv: Number | None = None
    detectable: Number | None = None


class SideRuns(Model):
    """The runs of one side."""

    n: Count = 0
    runs: tuple[str, ...] = ()


class ShareComparison(Model):
    """How many of the measured trials had something happen, on both sides; `p`: one-sided Fisher."""

    base: Count = 0
    base_n: Count = 0
    new: Count = 0
    new_n: Count = 0
    p: float | None = None
    p_holm: float | None = None


class OpenRuns(Model):
    """The run of each side to look at; "" if nothing became slower."""

    base: str = ""
    new: str = ""


class ScenarioComparison(Model):
    """One scenario that both sides have runs of.

    `summary` says what became slower and what didn't. `p_holm`: the least of its tests. `paired`: TTR was tested in pairs
    of the same seed. `replayed`: streams on which both sides' detectors were replayed. `words`: what each phase is called.
    `shares`: trials that never recovered by themselves, and trials in which the fault had an effect.
    """

    scenario: str
    verdict: ScenarioJudgement
    summary: str = ""
    open: OpenRuns = OpenRuns()
    p_holm: float | None = None
    paired: bool = False
    replayed: Count = 0
    words: dict[str, str] = Field(default_factory=dict)
    base: SideRuns = SideRuns()
    new: SideRuns = SideRuns()
    metrics: dict[str, MetricComparison] = Field(default_factory=dict)
    shares: dict[str, ShareComparison] = Field(default_factory=dict)


class MissingScenarios(Model):
    """The scenarios that a side has no run of."""

    base: tuple[str, ...] = ()
    new: tuple[str, ...] = ()


class ComparisonRules(Model):
    """`alpha` is for all gated tests together, `threshold` a share of base's median, `power` that of `detectable`."""

    alpha: float
    threshold: float
    power: float
    gated: tuple[str, ...]
    tests: Count
    trials_needed: Count = Field(description="values that each side needs for a regression to be possible")
    missing: MissingScenarios
    scenarios: tuple[ScenarioComparison, ...]


class Comparison(ComparisonRules, Judged, ResultFile):
    """Is new worse than base, by more than noise?"""

    NAME: ClassVar[str] = "gameday/compare/v1"
    TITLE: ClassVar[str] = "Comparison of two sets of runs"

    format: Literal["gameday/compare/v1"] = Field(default="gameday/compare/v1", alias="schema")
