"""Several trials of one scenario, `trials.json`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from gameday.analysis.model.result_file import (
    Amount,
    Count,
    ExitStatus,
    Interval,
    Model,
    Number,
    ResultFile,
    Verdict,
)
from gameday.analysis.model.time_models import State


class Judged(Model):
    """A verdict, its exit status and its reasons."""

    verdict: Verdict
    exit_status: ExitStatus
    reasons: tuple[str, ...] = ()


class JudgedRun(Model):
    """The run of a trial."""

    run: str
    seed: int | None = None


class TrialResult(Judged, JudgedRun):
    """The result of one trial."""


class TrialValue(Model):
    """A metric of one trial: seconds or a ratio if measured; if censored, it still went on at `censored_at`."""

    run: str
    value: Number | None = None
    state: State
    censored_at: Number | None = None


class MetricSummary(Model):
    """A metric over all trials: its median and an interval that holds the true median at
    `coverage`.

    A censored trial counts as infinite. `needed`: the number of values that an interval takes.
    """

    n: Count = 0
    censored: Count = 0
    median: Number | None = None
    interval: Interval | None = None
    coverage: Amount | None = None
    needed: Count = 0
    values: tuple[TrialValue, ...] = ()


class SuccessRate(Model):
    """The share of judged trials that passed; the true share is at least `at_least`, at `confidence`."""

    passed: Count = 0
    judged: Count = 0
    ratio: Number | None = None
    at_least: Number | None = None
    confidence: Amount | None = None


class TrialsHead(Model):
    """The scenario and the number of its trials."""

    scenario: str
    n: int = Field(ge=1)


class TrialsBody(Model):
    """The success rate, every trial, and every metric by its name in the outcome."""

    success: SuccessRate
    trials: tuple[TrialResult, ...]
    metrics: dict[str, MetricSummary]


class Trials(TrialsBody, Judged, TrialsHead, ResultFile):
    """Several trials of one scenario. An infinite number is the text "Infinity"; null is unknown."""

    NAME: ClassVar[str] = "gameday/trials/v1"
    TITLE: ClassVar[str] = "Trials of one scenario"

    format: Literal["gameday/trials/v1"] = Field(default="gameday/trials/v1", alias="schema")
