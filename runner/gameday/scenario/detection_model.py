"""Models of a scenario's `detectors`, and of its `monitoring`: a real Prometheus and Alertmanager that watch the shop."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from gameday import registries
from gameday.scenario.registered_name import DetectorName
from gameday.scenario.scenario_part import Part
from gameday.scenario.units import Lasting, Seconds, Within

SHORTEST_S = 0.1
"""Seconds between two scrapes or evaluations, at least."""


class Detection(Part):
    """A detector, and whether it pages or only watches. `gameday.detect` checks its `params`."""

    detector: DetectorName
    pages: bool = False
    params: dict[str, Any] | None = Field(
        default=None, description="the detector's own; see docs/detectors.md"
    )
    every: Seconds | None = Field(default=None, description="scrape only: the interval, 15s unless set")
    for_: Seconds | None = Field(
        default=None, alias="for", description="scrape only: how long it must stay bad"
    )

    @property
    def side(self) -> Literal["client", "service", "outside"]:
        """Where the detector looks: at users' requests, at the services' metrics, or at a team's own alerts."""
        side: Literal["client", "service", "outside"] = registries.DETECTORS[self.detector].side
        return side

    @model_validator(mode="after")
    def _keys_are_its_own(self) -> Detection:
        if self.detector == "scrape":
            if self.params is not None:
                raise ValueError("scrape has no params\nit has every and for")
        elif (self.every, self.for_) != (None, None):
            raise ValueError("every and for belong to scrape\nwhat another detector takes goes under params")
        return self


class Prometheus(Part):
    """Settings of Prometheus and of the Alertmanager beside it; docs/alerts.md explains them."""

    rules: str = Field(default="burn-rate-drill", description="bundled rules, or a file of your own")
    scrape_interval: Lasting = Field(default=1.0, ge=SHORTEST_S, alias="scrapeInterval")
    evaluation_interval: Lasting = Field(default=1.0, ge=SHORTEST_S, alias="evaluationInterval")
    for_: Within | None = Field(
        default=None, alias="for", description="of every rule; default: what the file says"
    )
    group_wait: Within = Field(default=0.0, alias="groupWait")
    group_interval: Lasting = Field(default=5.0, ge=SHORTEST_S, alias="groupInterval")


class Monitoring(Part):
    """The shop's monitoring for real."""

    prometheus: Prometheus = Prometheus()
