"""Events of a run as the outcome lists them: faults, changes, operations, alerts, SLOs, expectations."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from gameday.analysis.model.result_file import Amount, Count, Model, Value, described, stamp

SloVerdict = Literal["ok", "breach", "unknown"]
ChangeState = Literal["done", "failed", "refused", "cancelled"]
Side = Literal["client", "service", "outside"]
GateVerdict = Literal["passed", "blocked", "needs-approval"]


class Fault(Model):
    """A fault that was ordered."""

    id: str = ""
    kind: str | None = None
    target: str | None = None
    change: str | None = described("the id of the change that the fault is, if it is a deploy")
    meaning: str | None = described("what the fault is on this substrate, if that differs between substrates")
    inject: float
    injected: float | None = stamp("the system confirmed it")
    reverted: float | None = stamp("it was taken back")
    reverted_by: str | None = None


class Person(Model):
    """A role and its level; a drill names no one."""

    model_config = ConfigDict(extra="allow")

    role: str | None = None
    level: str | None = None


class Provenance(Model):
    """The origin of the code of an AI-assisted change."""

    model_config = ConfigDict(extra="allow")

    tool: str | None = None
    model: str | None = None
    prompt: str | None = None


class Change(Model):
    """A change that was begun: a deploy, a config, flag or schema change, or a rollback."""

    t: float
    id: str = ""
    kind: str | None = None
    service: str | None = None
    release: str | None = None
    previous: str | None = None
    summary: str | None = None
    strategy: str | None = None
    by: str | None = None
    author: Person | str | None = None
    ai: Provenance | str | bool | None = None
    approvals: tuple[Person | str, ...] | None = None
    rollback_of: str | None = None
    done: float | None = stamp("it was done, or taken back while under way")
    state: ChangeState | None = described(
        "refused: the system itself said no; cancelled: taken back while under way; null = never ended"
    )


class GateFinding(Model):
    """One thing that a gate found, with its place."""

    model_config = ConfigDict(extra="allow")

    message: str = ""
    file: str | None = None
    line: int | None = None
    hint: str | None = None


class GateResult(Model):
    """The result of one gate for one change. `mode` warn: the change shipped all the same."""

    t: float
    change: str = ""
    release: str | None = None
    gate: str = ""
    result: GateVerdict
    mode: str = "block"
    findings: tuple[GateFinding, ...] = ()
    took_s: Amount | None = described("seconds that the gate took")


class Operation(Model):
    """An operation that was ordered. `right` is null if that is unknown."""

    id: str = ""
    t: float
    name: str
    target: str
    by: str
    done: float | None = stamp("it was done")
    failed: bool = False
    right: bool | None = None


class Alert(Model):
    """An alert since the steady state began. `false_alarm`: its SLO wasn't in breach; `late`: it no longer was."""

    t: float
    id: str = ""
    side: str | None = None
    detector: str | None = None
    pages: bool | None = None
    slo: str | None = None
    region: str | None = None
    journey: str | None = None
    summary: str | None = None
    false_alarm: bool = False
    late: bool = False


class LagPart(Model):
    """One part of an alert's lag. `setting` makes it; `configured_s` is the setting's value, null if it has none."""

    name: str
    setting: str = ""
    configured_s: Amount | None = None
    seconds: Amount


class AlertLag(Model):
    """What an alert from outside waited for, from `effect` to the alert; the parts add up to `total_s`.

    `offset_s`: Prometheus's clock less this machine's, which the parts are corrected by; null if it isn't known.
    `offset_error_s`: the most that it may be off.
    """

    alert: str
    detector: str
    name: str | None = described("of the rule")
    slo: str
    arrived: float
    total_s: Amount
    parts: tuple[LagPart, ...] = ()
    offset_s: float | None = None
    offset_error_s: Amount | None = None
    expr: str | None = described("the rule's expression")
    why_unknown: str | None = described("why parts are missing")


class SloResult(Model):
    """The result of one configured SLO; all unknown if the run never reached its steady state."""

    name: str
    verdict: SloVerdict
    effect: float | None = stamp("its first outage began")
    detect: float | None = stamp("the first page for it during an outage")
    recovered: float | None = stamp("its last outage ended")
    breached_s: Amount | None = None
    budget_spent: Amount | None = described(
        "bad requests as a share of those that the objective allows over the run"
    )
    requests: Count | None = None
    bad: Count | None = None


class Expectation(Model):
    """An expectation of the scenario: true, false, or null if unknown, with the values of the names that it uses.

    A value that is null has its reason in `states`.
    """

    expr: str
    holds: bool | None = None
    values: dict[str, Value] = Field(default_factory=dict)
    states: dict[str, str] = Field(default_factory=dict)


class Stop(Model):
    """The abort condition that ended the run, with the values that it used."""

    t: float
    expr: str
    values: dict[str, Value] = Field(default_factory=dict)


class Note(Model):
    """A note that a person put on the timeline."""

    model_config = ConfigDict(extra="allow")

    t: float
    text: str = ""
    by: str | None = None


class DetectorResult(Model):
    """The result of a configured detector on the same stream as the others; TTD counts from `effect`."""

    side: Side = "client"
    pages: bool | None = None
    ttd_s: Amount | None = None
    false_alarms: Count = 0
    limit_ratio: Amount | None = None


class AlarmRate(Model):
    """Alarms in quiet time. `bound_per_hour`: the most that this time allows (95 %), 3/T if there were none."""

    alarms: Count | None = None
    per_hour: Amount | None = None
    bound_per_hour: Amount | None = None


class Quiet(Model):
    """False pages in the time without a fault; all null if the run has no such time."""

    since: float | None = stamp("the steady state began")
    until: float | None = stamp("the fault was ordered or, if nothing had an effect, the run ended")
    seconds: Amount | None = None
    pages: Count | None = None
    per_hour: Amount | None = described("false pages an hour")
    bound_per_hour: Amount | None = described(
        "the most that this quiet time allows them to be (95 %): 3/T if there were none"
    )
    detectors: dict[str, AlarmRate] = Field(default_factory=dict)


class UnresolvedPage(Model):
    """A page that was still open at its receiver `to`, and why; empty if the journal doesn't say which receiver."""

    alert: str
    to: str = ""
    why: str = ""


class Cleanup(Model):
    """`clean` is null if the run ended without a clean-up, false if something was left behind."""

    clean: bool | None = None
    left: tuple[str, ...] = ()
