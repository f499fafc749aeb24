"""What the engine is told of a scenario: its times."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from gameday.execution import library
from gameday.run.run_context import RunContext, plan_of
from gameday.run.timeouts import TIMEOUTS


def test_the_plan_has_the_times_of_the_scenario() -> None:
    """A recovery takes the longest window of all SLOs; the steady state is longer by the jitter."""
    scenario = library.read(library.find("good-release"))
    first, *others = scenario.slos
    slos = (first.model_copy(update={"window": 4.0}), first.model_copy(update={"window": 9.0}), *others)
    scenario = scenario.model_copy(update={"slos": slos})
    context = SimpleNamespace(scenario=scenario, jitter=1.5, secret=True, held=False, timeouts=TIMEOUTS)
    plan = plan_of(cast(RunContext, context))
    assert plan.window == max(slo.window for slo in slos) >= 9.0 > min(slo.window for slo in slos)
    assert plan.steady == scenario.steady_state.for_ + 1.5
    assert plan.entries == tuple(entry.at for entry in scenario.timeline)
    assert (plan.warmup, plan.hold) == (scenario.load.warmup, scenario.hold)
    assert (plan.give_up, plan.lookback) == (scenario.give_up, scenario.load.timeout)
    assert (plan.secret, plan.held) == (True, False)
