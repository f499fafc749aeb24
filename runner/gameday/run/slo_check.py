"""Periodic check of a run under way: SLO health and abort conditions, as events for the engine.

A check reads all samples since the steady state, so it takes longer the longer a run lasts: some milliseconds after a
minute, seconds after an hour. The interpreter's loop feeds the detectors every 20 ms, so a check runs in a thread of
its own, and a slow check is followed by a pause many times as long.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from gameday.recording.samples import Samples
from gameday.run import events
from gameday.run.run_context import RunContext
from gameday.run.run_state import State
from gameday.slo import course, holding_since

EVERY_S = 0.5
PAUSE = 10
"""The shortest pause after a check, in multiples of the check's duration."""
SETTLED_SHARE = 0.5
ANSWERED_S = 0.25
"""How old a request of the steady state must be to count: by then it has been answered, or the SLOs don't hold."""


class SloCheck:
    """The checks of one run, one at a time."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._due = 0.0

    def claim(self, now: float) -> bool:
        """Return True if a check is due, and count it as begun: none is due before `emit` has ended."""
        if now < self._due:
            return False
        self._due = math.inf
        return True

    def emit(self, state: State, now: float) -> Iterator[events.Event]:
        """Yield the health, and AbortConditionMet if a condition is true; then schedule the next check. Blocks."""
        samples = self._context.samples()
        yield self._health(state, samples, now)
        abort = self._abort(state, samples, now)
        if abort is not None:
            yield abort
        ended = self._context.clock.now()
        self._due = max(now + EVERY_S, ended + PAUSE * (ended - now))

    def _health(self, state: State, samples: Samples, now: float) -> events.Health:
        """Judge the SLOs on settled requests: past their time-out, or in steady state past the time to answer."""
        slos, zero, since = self._context.scenario.slos, state.timeline_zero, state.steady_from
        if since is None:
            return events.Health(now, now, "no requests yet", False, None)
        end = now - (state.plan.lookback if zero is not None else ANSWERED_S)
        if zero is not None and end <= zero:
            return events.Health(now, end, "", False, None)
        courses = [course(slo, samples, since, end, zero) for slo in slos]
        breaches = [f"{slo.name} is in breach ({slo.bad} of {slo.n} bad)" for slo in courses if slo.outages]
        held = holding_since(slos, samples, since, end, zero) if end > since else None
        unknown = "" if breaches or held is not None else "an SLO has too few requests to be judged"
        well = held is None or zero is None or self._well_since(samples, state, end, now)
        return events.Health(now, end, "; ".join(breaches) or unknown, bool(breaches), held, well)

    def _well_since(self, samples: Samples, state: State, end: float, now: float) -> bool:
        """Return True if the answers so far to requests planned after `end` came, and show no breach.

        Answers to some of these requests are still to come, so about half as many as before are enough.
        """
        since, zero = state.steady_from or 0.0, state.timeline_zero
        planned, answered = samples.records["planned"], now - ANSWERED_S
        before, at, after = np.searchsorted(planned, (end - (answered - end), end, answered))
        if after - at < SETTLED_SHARE * (at - before):
            return False
        slos = self._context.scenario.slos
        held = holding_since(slos, samples, since, answered, zero)
        return held is not None and held <= end

    def _abort(self, state: State, samples: Samples, now: float) -> events.AbortConditionMet | None:
        evaluate = self._context.abort
        if evaluate is None or state.phase != "fault":
            return None
        if state.timeline_zero is None or state.steady_from is None:
            return None
        condition = evaluate(
            samples,
            steady=state.steady_from,
            zero=state.timeline_zero,
            end=now - state.plan.lookback,
            now=now,
            alerts=state.alerts_raised,
            pages=state.pages_raised,
        )
        return None if condition is None else events.AbortConditionMet(now, *condition)
