"""The look at a run under way: how the SLOs fare and whether an abort condition holds, as events for the engine.

Both are judged over all samples since the steady state, which takes longer the longer a run lasts: some milliseconds
after a minute, seconds after an hour. The loop has detectors to feed every 20 ms, so a look is made beside it, in a
thread of the interpreter's, and one that took long is followed by a pause many times as long.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from gameday.recording.samples import Samples
from gameday.run import engine, events
from gameday.run.run_context import World
from gameday.slo import course, holding_since

EVERY_S = 0.5
PAUSE = 10
"""How many times as long as a look took there is none after it, at least."""
ANSWERED_S = 0.25
"""How old a request of the steady state is before it counts: all are answered by then, or the SLOs don't hold."""


class Look:
    """One for each run; one look at a time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._due = 0.0

    def due(self, now: float) -> bool:
        """Whether it is time for a look; where it is, that one counts as begun, and none is due before it ends."""
        if now < self._due:
            return False
        self._due = math.inf
        return True

    def emit(self, state: engine.State, now: float) -> Iterator[events.Event]:
        """Health, and Stop where a condition of the scenario holds; then it rests. Takes as long as it takes."""
        samples = self._world.samples()
        yield self._health(state, samples, now)
        stop = self._stop(state, samples, now)
        if stop is not None:
            yield stop
        ended = self._world.clock.now()
        self._due = max(now + EVERY_S, ended + PAUSE * (ended - now))

    def _health(self, state: engine.State, samples: Samples, now: float) -> events.Health:
        """Judged on what is known for sure: requests whose time-out has passed, or in steady state all answered."""
        slos = self._world.scenario.slos
        since = state.start if state.start is not None else state.steady_from
        if since is None:
            return events.Health(now, now, "no requests yet", False, None)
        end = now - (state.plan.lookback if state.start is not None else ANSWERED_S)
        courses = [course(slo, samples, since, end) for slo in slos]
        bad = [f"{each.name} is in breach ({each.bad} of {each.n} bad)" for each in courses if each.outages]
        held = holding_since(slos, samples, since, end) if end > since else None
        unknown = "" if bad or held is not None else "an SLO has too few requests to be judged"
        return events.Health(now, end, "; ".join(bad) or unknown, bool(bad), held)

    def _stop(self, state: engine.State, samples: Samples, now: float) -> events.Stop | None:
        abort = self._world.abort
        if abort is None or state.phase != "fault" or state.start is None or state.steady_from is None:
            return None
        end = now - state.plan.lookback
        held = abort(
            samples,
            steady=state.steady_from,
            zero=state.start,
            end=end,
            now=now,
            alerts=state.raised,
            pages=state.paged,
        )
        return None if held is None else events.Stop(now, *held)
