"""The runs of a scenario's variants side by side, `matrix.json`; also the person and automation of a drill."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, JsonValue

from gameday.analysis.model.event_models import SloVerdict
from gameday.analysis.model.harm_models import Audit, Tally
from gameday.analysis.model.outcome_model import ResponderResult
from gameday.analysis.model.result_file import Amount, Count, Model, ResultFile
from gameday.analysis.model.time_models import Clocks, Durations, EndedBy
from gameday.analysis.model.trials_model import Judged


class VariantSlo(Model):
    """An SLO of a variant: its verdict, and the length and severity of its outages."""

    name: str
    journey: str | None = None
    sli: str | None = None
    objective: float | None = None
    verdict: SloVerdict | None = None
    breached_s: Amount | None = None
    budget_spent: Amount | None = None
    outage_s: Amount | None = None
    outage_requests: Count | None = None
    outage_bad: Count | None = None
    outage_bad_ratio: Amount | None = None


class VariantImpact(Model):
    """The part of the outcome's impact that variants are compared by."""

    requests: Count | None = None
    bad: Count | None = None
    bad_ratio: Amount | None = None
    failed: Count | None = None
    failed_ratio: Amount | None = None
    users: Count | None = None
    users_affected_ratio: Amount | None = None
    error_budget_spent: Amount | None = None
    journeys: dict[str, Tally] = Field(default_factory=dict)


class VariantExpectation(Model):
    """An expectation of the variant's scenario."""

    expr: str
    holds: bool | None = None


class VariantHead(Model):
    """`settings`: settings that differ between variants, as `guardrails.breaker` and its value in
    the file."""

    name: str
    run: str
    scenario: str
    settings: dict[str, JsonValue] = Field(default_factory=dict)


class VariantClocks(Model):
    """The clocks of a variant's run, and who ended the outage."""

    clocks: Clocks = Clocks()
    ended_by: EndedBy | None = None


class VariantHarm(Model):
    """The impact on users and the verdict of each SLO and expectation."""

    impact: VariantImpact = VariantImpact()
    audit: Audit = Audit()
    responder: ResponderResult = ResponderResult()
    slos: tuple[VariantSlo, ...] = ()
    expectations: tuple[VariantExpectation, ...] = ()


class Variant(VariantHarm, Durations, VariantClocks, Judged, VariantHead):
    """One run of one variant."""


class MatrixHead(Model):
    """The name of the scenario without its variants' names."""

    scenario: str = ""
    title: str = ""


class MatrixBody(Model):
    """One run of each variant, which doesn't allow a comparison of distributions."""

    variants: tuple[Variant, ...] = ()


class Matrix(MatrixBody, Judged, MatrixHead, ResultFile):
    """The runs of a scenario's variants, one each."""

    NAME: ClassVar[str] = "gameday/matrix/v1"
    TITLE: ClassVar[str] = "Matrix of variants"

    format: Literal["gameday/matrix/v1"] = Field(default="gameday/matrix/v1", alias="schema")
