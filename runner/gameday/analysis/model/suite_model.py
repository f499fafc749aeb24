"""Several scenarios, each once or in trials, `suite.json`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from gameday.analysis.model.baseline_model import Gate, MachineSpeed
from gameday.analysis.model.result_file import Amount, Count, Model, ResultFile, Severity
from gameday.analysis.model.trials_model import Judged, MetricSummary, SuccessRate


class FailedTrial(Model):
    """The values of a failed expectation in one trial, as `ttd = 6.2, ttr = censored`."""

    run: str
    holds: bool | None = None
    values: str = ""


class SuiteExpectation(Model):
    """An expectation over all trials: in how many it held, failed or is unknown, and the values of
    the failed ones."""

    expr: str
    held: Count = 0
    failed: Count = 0
    unknown: Count = 0
    unmet: tuple[FailedTrial, ...] = Field(default=(), validation_alias="said", serialization_alias="said")

    @property
    def trials(self) -> int:
        return self.held + self.failed + self.unknown


class OrderTotals(Model):
    """Sums over the audited trials; null if none was audited."""

    audited: Count = 0
    acknowledged: Count | None = None
    lost: Count | None = None
    duplicated: Count | None = None
    charged_twice: Count | None = None
    oversold: Count | None = None
    wrong_amount: Count | None = None
    indeterminate: Count | None = None


class SuiteRunHead(Model):
    """The id of the run; `folder` is relative to the suite's."""

    run: str
    folder: str
    seed: int | None = None
    started: str | None = None
    duration_s: Amount | None = None


class SuiteRunTail(Model):
    """`retried`: the run was inconclusive and repeated, so it doesn't count.

    `operation`: the one that ended the outage, "" if none did. `probe_s`: as in the outcome, the speed of the machine.
    """

    retried: bool = False
    operation: str = ""
    probe_s: Amount | None = None


class SuiteRun(SuiteRunTail, Judged, SuiteRunHead):
    """One run of a suite."""


class SuiteScenarioHead(Model):
    """`report` and `matrix`: pages, from the suite's folder. `missing`: why trials didn't run, "" if all did.

    `planned`: how many trials were wanted, `n` how many count.
    """

    scenario: str
    title: str = ""
    path: str = ""
    variant: str | None = None
    report: str | None = None
    matrix: str | None = None
    missing: str = ""
    tags: tuple[str, ...] = ()
    planned: Count = 0
    n: Count = 0


class SuiteScenarioTail(Model):
    """`unmet`: no trial reached its steady state. `severity`: the gravest of the trials; null if none was judged."""

    severity: Severity | None = None

    success: SuccessRate | None = None
    metrics: dict[str, MetricSummary] = Field(default_factory=dict)
    unmet: bool = False
    expectations: tuple[SuiteExpectation, ...] = ()
    orders: OrderTotals = OrderTotals()
    machine: MachineSpeed = MachineSpeed()
    runs: tuple[SuiteRun, ...] = ()


class SuiteScenario(SuiteScenarioTail, Judged, SuiteScenarioHead):
    """The result of one scenario of a suite."""


class SuiteInfo(Model):
    """The id, time and place of the suite. `crowded`: why times can't be trusted, "" if they can."""

    id: str = ""
    started: str | None = None
    duration_s: Amount | None = None
    version: str | None = None
    host: str | None = None
    at_once: int | None = None
    crowded: str = ""
    substrate: str | None = None
    why: str | None = None
    seed: int | None = None


class SuiteTotals(Model):
    """The number of scenarios with each result, and the number of trials."""

    scenarios: Count = 0
    passed: Count = Field(default=0, validation_alias="pass", serialization_alias="pass")
    fail: Count = 0
    inconclusive: Count = 0
    error: Count = 0
    not_run: Count = 0
    trials: Count = 0
    planned: Count = 0
    retried: Count = 0


class SuiteBody(Model):
    """Every scenario, and the gate of a baseline if there is one."""

    interrupted: bool = False
    totals: SuiteTotals = SuiteTotals()
    scenarios: tuple[SuiteScenario, ...] = ()
    baseline: Gate | None = None


class Suite(SuiteBody, Judged, SuiteInfo, ResultFile):
    """The result of a suite."""

    NAME: ClassVar[str] = "gameday/suite/v1"
    TITLE: ClassVar[str] = "Suite of scenarios"

    format: Literal["gameday/suite/v1"] = Field(default="gameday/suite/v1", alias="schema")
