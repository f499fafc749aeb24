"""The periodic SLO check: what it passes to abort conditions, and how often it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from gameday.execution import library
from gameday.recording.samples import RECORD, Samples
from gameday.run import events, run_state
from gameday.run.run_context import RunContext
from gameday.run.slo_check import SloCheck
from tests.support.fakes import HandClock
from tests.support.slo_samples import CHECKOUT, samples

PLAN = run_state.Plan(warmup=3, steady=10, entries=(0.0,), hold=10, give_up=60, window=10, lookback=2)
FAULT = run_state.State(
    PLAN, phase="fault", steady_from=9.0, timeline_zero=20.0, alerts_raised=3, pages_raised=1
)


@dataclass
class Seen:
    """As much of a context as a check needs. Reading the samples takes `cost` seconds; abort conditions return `holds`."""

    cost: float = 0.0
    holds: tuple[str, Mapping[str, Any]] | None = None
    clock: HandClock = field(default_factory=HandClock)
    scenario: Any = field(default_factory=lambda: library.read(library.find("good-release")))
    asked: list[Mapping[str, Any]] = field(default_factory=list)

    def samples(self) -> Samples:
        self.clock.t += self.cost
        return Samples(np.empty(0, RECORD))

    def abort(self, samples: Samples, **known: Any) -> tuple[str, Mapping[str, Any]] | None:
        self.asked.append(known)
        return self.holds


def looked(seen: Seen, state: run_state.State, now: float) -> tuple[SloCheck, list[events.Event]]:
    look = SloCheck(cast(RunContext, seen))
    seen.clock.t = now
    return look, list(look.emit(state, now))


@pytest.mark.parametrize(
    ("cost", "next_"), [(0.0, 30.5), (0.01, 30.5), (0.04, 30.5), (0.2, 32.2), (3.0, 63.0)]
)
def test_a_slow_check_is_followed_by_a_longer_pause(cost: float, next_: float) -> None:
    """A check runs every half second, but for less than a tenth of the time."""
    look, _ = looked(Seen(cost), FAULT, 30.0)
    assert not look.claim(next_ - 0.01)
    assert look.claim(next_ + 0.001)


def test_one_check_at_a_time() -> None:
    """While a check runs none is due, however long it takes."""
    look = SloCheck(cast(RunContext, Seen()))
    assert look.claim(30.0)
    assert not look.claim(90.0)
    list(look.emit(FAULT, 30.0))
    assert look.claim(90.0)


def test_a_condition_gets_settled_requests() -> None:
    """Samples end the client's time-out before now; alerts are counted since the steady state."""
    seen = Seen()
    _, emitted = looked(seen, FAULT, 30.0)
    assert [type(event) for event in emitted] == [events.Health]
    assert seen.asked == [{"steady": 9.0, "zero": 20.0, "end": 28.0, "now": 30.0, "alerts": 3, "pages": 1}]


def test_a_condition_that_is_true_aborts() -> None:
    """The event has the expression and its values."""
    _, emitted = looked(Seen(holds=("alerts > 2", {"alerts": 3.0})), FAULT, 30.0)
    assert emitted[-1] == events.AbortConditionMet(30.0, "alerts > 2", {"alerts": 3.0})


@pytest.mark.parametrize("phase", ["warm", "steady"])
def test_conditions_are_evaluated_only_during_the_timeline(phase: run_state.Phase) -> None:
    """Before it the run has done nothing that could be aborted."""
    seen = Seen(holds=("alerts > 2", {}))
    _, emitted = looked(seen, replace(FAULT, phase=phase), 30.0)
    assert (len(emitted), seen.asked) == (1, [])


@dataclass
class Recorded(Seen):
    """A context with ten requests a second up to `until`, which fail from `bad_from` to `bad_until`."""

    until: float = 60.0
    bad_from: float = 99.0
    bad_until: float = 99.0
    scenario: Any = field(default_factory=lambda: SimpleNamespace(slos=(CHECKOUT,)))

    def samples(self) -> Samples:
        recorded = samples(self.bad_from, self.until)
        recorded.records["error"][recorded.records["planned"] >= self.bad_until] = 0
        return recorded


@pytest.mark.parametrize(
    ("context", "held", "well"),
    [
        (Recorded(), 20.0, True),
        (Recorded(bad_from=30.0, bad_until=35.0), pytest.approx(34.96), True),
        (Recorded(bad_from=58.3, bad_until=58.9), 20.0, False),
        (Recorded(until=58.2), 20.0, False),
    ],
    ids=["well", "over", "a blip after what is settled", "no answer any more"],
)
def test_the_answers_younger_than_the_time_out_are_looked_at_too(
    context: Recorded, held: Any, well: bool
) -> None:
    """Requests planned up to 58 s are settled at 60 s; a breach or silence after them keeps the run from ending."""
    context.abort = lambda samples, **known: None  # type: ignore[method-assign]
    _, (health,) = looked(context, FAULT, 60.0)
    assert isinstance(health, events.Health)
    assert (health.holding_since, health.unsettled_well) == (held, well)


def test_what_was_bad_before_the_timeline_is_no_breach_of_it() -> None:
    """Requests that failed in steady state, before 20 s, don't count once the timeline runs."""
    _, (health,) = looked(Recorded(bad_from=12.0, bad_until=19.9), FAULT, 31.0)
    assert isinstance(health, events.Health)
    assert (health.breached, health.holding_since) == (False, 20.0)
