"""How long each phase of a run and each step of its end may take, so that nothing hangs for ever. All in seconds.

What takes longer is abandoned and told. These are the outer bounds: calls to engines, services and databases have
shorter ones of their own, which a run meets first; docs/safety.md has the table.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The timeline is bounded by the scenario: its last entry, `giveUp`, and what a late recovery needs to be held."""

    up: float = 660.0
    """Without anything new while the system comes up. The first image's packages, silently fetched, have 600."""
    load: float = 120.0
    """Until the load has begun."""
    steady: float = 120.0
    """Beyond `steadyState.for`, until the SLOs were judged."""
    turn: float = 60.0
    """Of the loop that watches everything, once round; then the reaper takes the runner for hung."""
    stop_load: float = 60.0
    stop_telemetry: float = 30.0
    revert: float = 240.0
    """Of all faults together. A region that was lost has 60 s for its instances to be ready, 60 for its database."""
    audit: float = 90.0
    take_down: float = 180.0
    margin: float = 30.0
    """Of the end as a whole, beyond the sum of its steps."""

    @property
    def close(self) -> float:
        """All steps of the end together."""
        return self.stop_load + self.stop_telemetry + self.revert + self.audit + self.take_down + self.margin


LIMITS = Limits()
