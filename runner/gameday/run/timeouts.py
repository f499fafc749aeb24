"""Time-outs of a run: how long each phase and each step of the teardown may take, in seconds.

Work that takes longer is abandoned and reported. These are the outer bounds: calls to engines, services and databases
have shorter time-outs of their own, which expire first; docs/safety.md has the table.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timeouts:
    """Bounds of everything but the timeline, which the scenario bounds by its last entry, `giveUp` and `hold`."""

    up: float = 660.0
    """Bring-up without any progress. Fetching the first image's packages, which shows none, may take 600."""
    load: float = 120.0
    """From the system being up to the load's first request."""
    steady: float = 120.0
    """Beyond `steadyState.for`, until every SLO has been judged."""
    turn: float = 60.0
    """One turn of the interpreter's loop; a runner that exceeds it counts as hung, and the reaper ends it."""
    stop_load: float = 60.0
    stop_telemetry: float = 30.0
    revert: float = 240.0
    """All faults together. A lost region needs up to 60 s for its instances and 60 s for its database."""
    inject: float = 90.0
    """How long the revert waits for injections under way, a part of `revert`. Losing a region may take a minute."""
    settle: float = 5.0
    """How long the teardown waits for entries, operations and restarts under way before it gives up on another trial
    with the same system."""
    audit: float = 90.0
    take_down: float = 180.0
    margin: float = 30.0
    """The teardown as a whole, beyond the sum of its steps."""

    @property
    def close(self) -> float:
        """The time-out of the whole teardown."""
        return (
            self.stop_load
            + self.stop_telemetry
            + self.revert
            + self.audit
            + self.settle
            + self.take_down
            + self.margin
        )


TIMEOUTS = Timeouts()
