"""Sections of a scenario that keep a change or a failure small: the shop's defences, and the gates of a change."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from gameday.scenario.registered_name import GateName
from gameday.scenario.scenario_part import Part
from gameday.scenario.units import Within


class Guardrails(Part):
    """Defences of the storefront. Each can be switched, so that its effect can be measured."""

    timeouts: bool = Field(
        default=True, description="tight time-outs on every call; off: those of the client library"
    )
    breaker: bool = Field(default=False, description="a circuit breaker for each peer")
    bulkhead: bool = Field(
        default=False, description="few calls at a time to each peer, so that one can't take all"
    )
    retry_budget: bool = Field(
        default=False, alias="retryBudget", description="retries are a tenth of calls at most"
    )
    rate_limit: bool = Field(
        default=False, alias="rateLimit", description="each user a few requests a second"
    )
    shedding: bool = Field(default=False, description="refuse early what can't be answered in time")
    degraded: bool = Field(
        default=False,
        description="when a peer fails: cached prices, queued checkouts, commits without a standby",
    )
    least_privilege: bool = Field(
        default=True,
        alias="leastPrivilege",
        description="automation's credential can't delete an environment",
    )


class Approvals(Part):
    """Answers to gates that need an approval: from nobody, or from an automation after `delay`, if it has the roles.

    A change waits for `timeout` at most, and is refused then.
    """

    by: Literal["nobody", "automation"] = "nobody"
    delay: Within = Field(default=0.0, description="how long the automation takes")
    timeout: Within = Field(default=0.0, description="how long a change waits")
    roles: tuple[str, ...] = Field(
        default=(), max_length=20, description="what the automation approves as; every role unless named"
    )

    @model_validator(mode="after")
    def _nobody_takes_no_time(self) -> Approvals:
        if self.by == "nobody" and (self.delay or self.roles):
            raise ValueError(
                "delay and roles need by: automation\nfor instance {by: automation, delay: 5s, timeout: 20s}"
            )
        return self


class Gates(Part):
    """The gates that a change passes before it ships; none unless named. docs/gates.md explains them."""

    use: tuple[GateName, ...] = Field(default=(), max_length=20, description="names of gates, in their order")
    mode: Literal["block", "warn"] = Field(
        default="block", description="warn: findings are reported, and the change ships all the same"
    )
    approvals: Approvals = Approvals()
    policies: tuple[str, ...] = Field(
        default=(), max_length=20, description="files or folders of policies; the bundled ones unless named"
    )
    warn: tuple[GateName, ...] = Field(default=(), description="gates of `use` that only warn")

    @property
    def modes(self) -> dict[str, Literal["block", "warn"]]:
        """Return gate → mode."""
        return {name: "warn" if name in self.warn else self.mode for name in self.use}

    @model_validator(mode="after")
    def _gates_are_named_once(self) -> Gates:
        if len(set(self.use)) != len(self.use):
            raise ValueError("names a gate twice")
        if unused := sorted(set(self.warn) - set(self.use)):
            raise ValueError(
                f"{unused[0]!r} isn't among the gates in use\nadd it to use, or leave it out of warn"
            )
        return self
