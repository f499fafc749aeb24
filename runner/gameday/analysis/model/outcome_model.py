"""The outcome of a run, `outcome.json`: a model that is its own schema (`docs/outcome.schema.json`)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from gameday.analysis.model.event_models import (
    Alert,
    AlertLag,
    Change,
    Cleanup,
    DetectorResult,
    Expectation,
    Fault,
    GateResult,
    Note,
    Operation,
    Quiet,
    SloResult,
    Stop,
    UnresolvedPage,
)
from gameday.analysis.model.evidence_models import CanaryResult, Diagnosis, SuspectResult
from gameday.analysis.model.harm_models import Audit, CustomerReports, Impact, Residual
from gameday.analysis.model.result_file import (
    Amount,
    Count,
    ExitStatus,
    Model,
    ResultFile,
    Severity,
    Verdict,
    described,
)
from gameday.analysis.model.time_models import (
    LIMIT,
    ClockError,
    Clocks,
    Detection,
    Durations,
    EndedBy,
    OutageClocks,
    Relapse,
    Spacing,
)


class RunInfo(Model):
    """The id of the run, and where it ran."""

    id: str
    scenario: str
    substrate: str | None = None
    seed: int | None = None
    started: str | None = None
    version: str | None = None
    host: str | None = None
    link_server: str | None = described(
        "`embedded`, or the path of a real Toxiproxy; null if it wasn't recorded"
    )
    duration_s: Amount | None = described("seconds to the journal's last event")
    judged_s: Amount | None = described("seconds to the end of the load: what is judged")
    ended: str | None = described(
        "why the run ended: held, no_effect, give_up, unsteady, stopped, interrupted or error"
    )
    probe_s: Amount | None = described(
        "seconds that a fixed piece of work took on this machine just before the run"
    )


class SteadyState(Model):
    """`met` is null if the run ended before the steady state could be judged; `why` says why it isn't true."""

    met: bool | None = None
    why: str = ""


class LoadResult(Model):
    """Requests planned; of those achieved (sent at all), late (sent over 50 ms after plan), not
    sent.

    `attempts`: sends of the achieved requests, the retries of clients included. `missing`: requests
    without a record.
    """

    planned: Count | None = None
    achieved: Count | None = None
    late: Count | None = None
    not_sent: Count | None = None
    attempts: Count | None = None
    missing: Count | None = None


class SystemInfo(Model):
    """The system under test, as far as scenarios configure it."""

    regions: tuple[str, ...] = ()
    replication: str = ""
    delay_s: Amount | None = None
    guardrails: tuple[str, ...] = ()


class ResponderResult(Model):
    """The responder and its operations."""

    kind: str = ""
    policy: str | None = None
    reaction_s: Amount | None = described("how long after a page the automatic responder answers it")
    first_right_s: Amount | None = described("from effect to the first operation that was right")
    wrong: Count | None = described("operations that were wrong; they are carried out all the same")
    notes: tuple[Note, ...] = Field(default=(), description="what people put on the timeline")


class Judgement(Model):
    """`reasons`: those of the exit status first, then the others that hold too."""

    run: RunInfo
    verdict: Verdict
    exit_status: ExitStatus
    reasons: tuple[str, ...] = ()


class Evidence(Model):
    """The preconditions of a judgement, and the clocks of the run."""

    steady_state: SteadyState = SteadyState()
    load: LoadResult = LoadResult()
    lag_p95_s: Amount | None = described("seconds from a response to the detectors, 95th percentile")
    error_s: ClockError = ClockError()
    spacing_s: Spacing = Spacing()
    clocks: Clocks = Clocks()


class Findings(Model):
    """The events of the run, and the harm to users."""

    severity: Severity | None = described(
        "1 (gravest) to 5 (none): what the incident would have been called; null if the run can't be judged"
    )
    limit_s: Amount | None = described(LIMIT)
    detection: Detection = Detection()
    ended_by: EndedBy | None = None
    stopped: Stop | None = described("the abort condition that ended the run")
    relapses: tuple[Relapse, ...] = ()
    faults: tuple[Fault, ...] = ()
    changes: tuple[Change, ...] = ()
    gates: tuple[GateResult, ...] = Field(
        default=(), description="what each gate found in each change; empty without gates"
    )
    suspects: tuple[SuspectResult, ...] = ()
    canaries: tuple[CanaryResult, ...] = Field(
        default=(), description="changes that were shipped by a canary"
    )
    diagnoses: tuple[Diagnosis, ...] = Field(default=(), description="causes that people or programs named")
    operations: tuple[Operation, ...] = ()
    alerts: tuple[Alert, ...] = ()
    alert_lags: tuple[AlertLag, ...] = ()
    slos: tuple[SloResult, ...] = ()
    detectors: dict[str, DetectorResult] = Field(default_factory=dict)
    quiet: Quiet = Quiet()
    impact: Impact = Impact()
    residual: Residual = Residual()
    outages: tuple[OutageClocks, ...] = ()
    audit: Audit = Audit()
    customer_reports: CustomerReports = CustomerReports()
    system: SystemInfo = SystemInfo()
    responder: ResponderResult = ResponderResult()


class Measurements(Findings, Durations, Evidence):
    """Everything that expectations may use. The keys of a file come in the order of the bases, last
    one first."""


class Conclusion(Model):
    """The scenario's judged expectations, and the result of the clean-up."""

    expectations: tuple[Expectation, ...] = Field(default=(), json_schema_extra={"minItems": 1})
    cleanup: Cleanup = Cleanup()
    unresolved_pages: tuple[UnresolvedPage, ...] = Field(
        default=(),
        description="pages that no receiver confirmed as resolved; the reaper tries for ten minutes",
    )


class Outcome(Conclusion, Measurements, Judgement, ResultFile):
    """The outcome of a run, computed from its journal and samples alone.

    Times are seconds since the run's start, durations and amounts of time in seconds, money in cents. Null: not
    measured, or never happened. Keys may be added at any time; the ones listed are always there.
    """

    NAME: ClassVar[str] = "gameday/outcome/v1"
    TITLE: ClassVar[str] = "Outcome of a run"

    format: Literal["gameday/outcome/v1"] = Field(default="gameday/outcome/v1", alias="schema")
