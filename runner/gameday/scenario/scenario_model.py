"""Frozen models of a scenario. docs/scenario.md explains their keys; `scenario_file.load` reads one from a file.

An entry of the timeline is `{at: …, <action>: {…}}`. The models of the actions come from a registry; an entry keeps the
name of its action and the validated spec.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from gameday.scenario.detection_model import Detection, Monitoring
from gameday.scenario.guardrail_sections import Gates as Gates
from gameday.scenario.guardrail_sections import Guardrails as Guardrails
from gameday.scenario.own.own_journeys import OwnJourney
from gameday.scenario.own.own_system import OwnAudit
from gameday.scenario.registered_name import PolicyName, ResponderName
from gameday.scenario.scenario_part import LONGEST_NAME as LONGEST_NAME
from gameday.scenario.scenario_part import MOST, Part
from gameday.scenario.scenario_part import NAME as NAME
from gameday.scenario.system_section import Replication as Replication
from gameday.scenario.system_section import System as System
from gameday.scenario.system_under_test import STOREFRONT, Journey, JourneyShape
from gameday.scenario.units import Lasting, PerSecond, Ratio, Seconds, Within


class Load(Part):
    """Open-loop load. `rate` counts requests, `journeys` are weights, `thinkTime` passes between steps."""

    rate: PerSecond = 60.0
    journeys: dict[Journey, float] = Field(default=STOREFRONT.default_mix, min_length=1)
    timeout: Seconds = 2.0
    think_time: Within = Field(default=0.2, alias="thinkTime")
    warmup: Within = 3.0
    max_rate: PerSecond = Field(default=1000.0, alias="maxRate")

    @field_validator("journeys")
    @classmethod
    def _weights_are_positive(cls, journeys: dict[Journey, float]) -> dict[Journey, float]:
        if min(journeys.values(), default=0) < 0 or not 0 < sum(journeys.values()) < math.inf:
            raise ValueError("weights must be positive numbers\nfor instance browse: 6")
        return journeys

    @model_validator(mode="after")
    def _rate_is_capped(self) -> Load:
        if not 0 < self.rate <= self.max_rate:
            raise ValueError(
                f"rate is {self.rate:g}/s; it must be over 0 and at most maxRate ({self.max_rate:g}/s)"
            )
        if not 0 < self.timeout <= 30:
            raise ValueError("timeout must be over 0 and at most 30s")
        return self


class Slo(Part):
    """An objective over a window that slides by planned send time. Without `journey` it covers all requests."""

    name: str = Field(pattern=NAME, max_length=LONGEST_NAME)
    sli: Literal["availability", "latency", "correctness"]
    objective: Ratio
    journey: Journey | None = None
    under: Seconds | None = Field(
        default=None, description="latency only: a request is good when faster than this"
    )
    window: Lasting = 10.0

    @model_validator(mode="after")
    def _latency_has_a_bound(self) -> Slo:
        if self.sli == "latency" and self.under is None:
            raise ValueError("'under' is missing: a latency SLO needs it\nfor instance under: 300ms")
        if self.sli != "latency" and self.under is not None:
            raise ValueError(
                f"'under' belongs to sli: latency, not to {self.sli}\nremove it, or write sli: latency"
            )
        if not 0 < self.objective < 1:
            raise ValueError("objective must lie between 0% and 100%\nfor instance objective: 99.5%")
        return self


class SteadyState(Part):
    """How long the SLOs must hold before the first fault."""

    for_: Lasting = Field(default=10.0, alias="for")


class Respond(Part):
    """The responder to alerts."""

    by: ResponderName = "auto"
    policy: PolicyName | None = None
    reaction: Within = Field(
        default=0.0, description="with by: auto, how long after a page it is acknowledged and answered"
    )
    suspects: bool = Field(
        default=False, description="rank the changes in flight in status and pages; see docs/suspects.md"
    )

    @model_validator(mode="before")
    @classmethod
    def _auto_has_a_default(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("by", "auto") == "auto":
            return {"policy": "rollback-latest-change", **data}
        return data

    @model_validator(mode="after")
    def _auto_has_a_policy(self) -> Respond:
        if self.by != "auto" and self.policy:
            raise ValueError("a policy needs by: auto")
        if self.by != "auto" and self.reaction:
            raise ValueError("reaction needs by: auto\nremove it: the others take the time that they take")
        return self

    def answered_by(self, responder: str, policy: str | None = None) -> Respond:
        """Return the same with another responder; a policy and a reaction belong to the automatic one."""
        return self.model_copy(update={"by": responder, "policy": policy, "reaction": 0.0})

    @property
    def ranks_suspects(self) -> bool:
        """Return True if the run ranks suspects: the scenario asks for it, or its policy needs it."""
        return self.suspects or self.policy == "rollback-suspect"


class Owner(Part):
    """The role that owns the scenario, and how to contact it."""

    role: str
    contact: str | None = None


class Entry(BaseModel):
    """One action of the timeline, `at` seconds after the steady state was met."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    at: float
    action: str
    spec: Any
    """An instance of the action's model; plain data in a scenario that was read from a run."""

    def document(self) -> Any:
        """Return the spec as plain data."""
        if isinstance(self.spec, BaseModel):
            return self.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
        return self.spec


class SeverityRule(Part):
    """A row of the table of severities: the first one whose expression holds gives the severity of a run."""

    sev: int = Field(ge=1, le=5)
    when: str


class Scenario(Part):
    """The whole file. `timeline` holds `Entry`s; `source` is the path it was read from."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True
    )

    api_version: Literal["gameday/v1"] = Field(alias="apiVersion")
    kind: Literal["Scenario"]
    name: str = Field(pattern=NAME, max_length=LONGEST_NAME)
    title: str
    story: str
    hypothesis: str | None = None
    owner: Owner | None = None
    runbook: str | None = None
    tags: tuple[str, ...] = Field(default=(), max_length=MOST)
    system: System = System()
    journeys: dict[Annotated[str, Field(pattern=NAME, max_length=LONGEST_NAME)], OwnJourney] = Field(
        default={}, max_length=50, description="journeys of one's own; see docs/your-system.md"
    )
    audit: OwnAudit | None = Field(
        default=None, description="acknowledged against stored ids; see docs/your-system.md"
    )
    guardrails: Guardrails = Guardrails()
    load: Load = Load()
    slos: tuple[Slo, ...] = Field(min_length=1, max_length=20)
    gates: Gates = Gates()
    steady_state: SteadyState = Field(default=SteadyState(), alias="steadyState")
    detectors: tuple[Detection, ...] = (
        Detection(detector="bank", pages=True),
        Detection(detector="hang", pages=True),
        Detection(detector="silence", pages=True),
        Detection(detector="cusum"),
        Detection(detector="threshold"),
        Detection(detector="burn-rate"),
        Detection(detector="ewma"),
        Detection(detector="scrape"),
    )
    monitoring: Monitoring | None = Field(
        default=None, description="a real Prometheus and Alertmanager that watch the shop; see docs/alerts.md"
    )
    timeline: tuple[Entry, ...] = ()
    respond: Respond = Respond(by="auto", policy="rollback-latest-change")
    hold: Lasting = 10.0
    give_up: Lasting = Field(default=60.0, alias="giveUp")
    allow_scheduled: bool = Field(default=False, alias="allowScheduled")
    allow_residual: bool = Field(default=False, alias="allowResidual")
    abort: tuple[str, ...] = Field(
        default=(), description="conditions that end a run at once; see docs/scenario.md"
    )
    severity: tuple[SeverityRule, ...] = Field(
        default=(), max_length=20, description="what an incident is called; see docs/scenario.md"
    )
    matrix: dict[str, dict[str, Any]] = Field(
        default={}, description="variants of the scenario; see docs/scenario.md"
    )
    expect: tuple[str, ...] = Field(min_length=1, max_length=MOST)

    @model_validator(mode="before")
    @classmethod
    def _own_journeys_are_the_load(cls, data: Any) -> Any:
        """Let the load have the scenario's own journeys by their weights, unless it says otherwise."""
        own, load = (
            (data.get("journeys"), data.get("load", {})) if isinstance(data, Mapping) else (None, None)
        )
        if not isinstance(own, Mapping) or not own or not isinstance(load, Mapping) or "journeys" in load:
            return data
        weights = {
            name: item.get("weight", 1.0) if isinstance(item, Mapping) else 1.0 for name, item in own.items()
        }
        valid = all(isinstance(weight, int | float) for weight in weights.values()) and any(weights.values())
        return {**data, "load": {**load, "journeys": weights}} if valid else data

    @field_validator("slos")
    @classmethod
    def _slos_are_named_once(cls, slos: tuple[Slo, ...]) -> tuple[Slo, ...]:
        names = [slo.name for slo in slos]
        if len(set(names)) != len(names):
            raise ValueError("two SLOs have the same name")
        return slos

    @property
    def shapes(self) -> Mapping[str, JourneyShape]:
        """The kinds of journeys that the load can have: the scenario's own, or else the storefront's."""
        if not self.journeys:
            return STOREFRONT.journeys
        return {
            name: JourneyShape(own.names, frozenset(), weight=own.weight)
            for name, own in self.journeys.items()
        }

    @property
    def order_journeys(self) -> frozenset[str]:
        """Journeys that place an order of the storefront."""
        return frozenset(name for name, shape in self.shapes.items() if shape.places_order)

    def slo(self, name: str) -> Slo:
        """Return the SLO of that name."""
        return next(slo for slo in self.slos if slo.name == name)

    def document(self) -> dict[str, Any]:
        """Return the resolved scenario as plain data that `load` reads back to the same scenario."""
        data: dict[str, Any] = self.model_dump(
            mode="json", by_alias=True, exclude_none=True, exclude={"timeline"}
        )
        data["timeline"] = [
            {"at": f"{entry.at:.12g}s", entry.action: entry.document()} for entry in self.timeline
        ]
        return data


__all__ = [
    "LONGEST_NAME",
    "MOST",
    "NAME",
    "Detection",
    "Entry",
    "Guardrails",
    "Load",
    "Owner",
    "Part",
    "Replication",
    "Respond",
    "Scenario",
    "SeverityRule",
    "Slo",
    "SteadyState",
    "System",
]
