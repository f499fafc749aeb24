"""Service-side rule: alarm if the services' own counters show an error ratio over the budget for
some time.

The rule folds running totals as they are scraped, so it sees neither a wrong price nor an answer
that never came, and nothing between two scrapes. `gameday.telemetry` reads the counters.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from gameday.detect.detector_kind import DetectorKind
from gameday.scenario import Slo
from gameday.slo import verdict


class Parameters(BaseModel):
    """`for`: seconds for which every scrape must show the SLO in breach; 0 raises at the first."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    for_: float = Field(default=15.0, ge=0, alias="for")


@dataclass(frozen=True)
class Burn:
    """Evidence of an alarm: bad answers among all, between two scrapes."""

    errors: int
    requests: int


class ErrorRatio:
    """Fold of (t, requests, errors), running totals, of one SLO at one service."""

    def __init__(self, objective: float, for_: float) -> None:
        self.objective = objective
        self.for_ = for_
        self._before: tuple[int, int] | None = None
        self._since: float | None = None
        self._raised = False

    def observe(self, t: float, requests: int, errors: int) -> Burn | None:
        """Return the evidence if this scrape raises the alarm, else None.

        Too few requests to judge change nothing: missing data isn't evidence.
        """
        before, self._before = self._before, (requests, errors)
        if before is None or self._raised:
            return None
        burn = Burn(errors - before[1], requests - before[0])
        judged = verdict(burn.errors, burn.requests, self.objective)
        if judged == "ok":
            self._since = None
        elif judged == "breach" and self._since is None:
            self._since = t
        self._raised = judged == "breach" and self._since is not None and t - self._since >= self.for_
        return burn if self._raised else None

    def reset(self) -> None:
        """Clear the alarm; the totals go on."""
        self._since, self._raised = None, False


def make(parameters: Parameters, slo: Slo) -> ErrorRatio:
    """Return the detector of one SLO at one service."""
    return ErrorRatio(slo.objective, parameters.for_)


KIND = DetectorKind(Parameters, make, side="service")
