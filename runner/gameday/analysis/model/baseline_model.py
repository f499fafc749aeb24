"""Baseline, a suite's measurements in a small file to keep in git; and the gate of a later suite
against it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gameday.analysis.model.comparison_model import Comparison
from gameday.analysis.model.result_file import ExitStatus, Model, Number, ResultFile, Verdict

BaselineValue = Annotated[Number, Field(ge=0)]
Times = tuple[BaselineValue | None, ...]


class MachineSpeed(Model):
    """Speed of the machine, in seconds, of one run or over several; null if a run doesn't record it."""

    probe_s: float | None = Field(default=None, description="of a fixed piece of work, just before each run")
    start_s: float | None = Field(default=None, description="until the load was ready to send")
    base_p50_s: float | None = Field(default=None, description="median of the good answers in steady state")
    lag_p95_s: float | None = Field(default=None, description="from a response to the detectors")


class BaselineScenario(Model):
    """The values of every trial: "Infinity" if it never came, null if nothing was measured.

    `effect`: whether the fault had one. `operation`: what ended most outages. A file of 0.2.0 has TTR and TTD alone.
    """

    n: int = 0
    ttr_s: Times
    ttd_s: Times
    decide_s: Times = ()
    operate_s: Times = ()
    settle_s: tuple[Number | None, ...] = ()
    effect: tuple[bool | None, ...] = ()
    runs: tuple[str, ...] = ()
    seeds: tuple[int | None, ...] = ()
    probe_s: Times = ()
    operation: str = ""
    machine: MachineSpeed = MachineSpeed()


class BaselineOrigin(Model):
    """Time and place of the baseline's suite."""

    saved: str | None = None
    version: str | None = None
    host: str | None = None
    substrate: str | None = None
    at_once: int | None = None


class BaselineContent(Model):
    """Measured values, by scenario."""

    verdict: Verdict | None = None
    machine: MachineSpeed = MachineSpeed()
    scenarios: dict[str, BaselineScenario]


class Baseline(BaselineContent, BaselineOrigin, ResultFile):
    """The values of every trial of a suite, and the speed of the machine."""

    NAME: ClassVar[str] = "gameday/baseline/v1"
    TITLE: ClassVar[str] = "Baseline of a suite"

    format: Literal["gameday/baseline/v1"] = Field(default="gameday/baseline/v1", alias="schema")


class MachineComparison(Model):
    """One quantity of machine speed on both sides; `off`: too far apart, or unknown."""

    quantity: str
    name: str
    base: float | None = None
    new: float | None = None
    ratio: float | None = Field(default=None, description="new over base, the median over the scenarios")
    off: bool = False


class GateFile(Model):
    """The baseline's file."""

    file: str = ""


class GateResult(Model):
    """`judged` is false if it was another machine: nothing follows from `comparison`, `commands` are to run instead."""

    judged: bool
    crowded: bool = False
    verdict: Verdict
    exit_status: ExitStatus
    reasons: tuple[str, ...] = ()
    machine: tuple[MachineComparison, ...] = ()
    commands: tuple[str, ...] = ()
    comparison: Comparison


class Gate(GateResult, BaselineOrigin, GateFile):
    """A suite against its baseline, with the exit status that this adds to the suite's own."""
