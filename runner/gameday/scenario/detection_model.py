"""Models of a scenario's detectors."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from gameday import registries
from gameday.scenario.registered_name import DetectorName
from gameday.scenario.scenario_part import Part
from gameday.scenario.units import Seconds


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
