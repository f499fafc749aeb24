"""Whole runs of the engine in milliseconds: hand-made events in, actions out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from gameday.operations import Alert, Operation
from gameday.recording.journal_events import (
    CleanupDone,
    DiagnosisGiven,
    RunEnded,
    RunError,
    RunStopped,
    SteadyStateJudged,
)
from gameday.run import engine, run_state
from gameday.run.events import (
    AbortConditionMet,
    Action,
    AlertRaised,
    BeginEntry,
    Calibrate,
    EntryEnded,
    Event,
    Execute,
    Failed,
    Health,
    Interrupted,
    LoadStarted,
    Log,
    OperationEnded,
    OperationRequested,
    Page,
    Rearm,
    Resolve,
    SystemUp,
    TearDown,
    Tick,
    TimelineReleased,
    TornDown,
)

PLAN = run_state.Plan(warmup=3, steady=10, entries=(0.0, 5.0), hold=10, give_up=60, window=10, lookback=2)
ALERT = Alert("a1", 31.0, "cusum", "client", True, "checkout", "checkout is bad")
ROLLBACK = Operation("rollback", "pricing", "auto", "c1")


def play(state: run_state.State, events: Iterable[Event]) -> tuple[run_state.State, list[Action]]:
    actions: list[Action] = []
    for event in events:
        state, new = engine.step(state, event)
        actions += new
    return state, actions


def healthy(t: float, since: float | None, breached: bool = False, why: str = "") -> Health:
    return Health(t, t - PLAN.lookback, why, breached, since)


def in_fault(plan: run_state.Plan = PLAN) -> run_state.State:
    """Steady state met at t = 20; every timeline entry begun and ended by t = 27."""
    state, _ = engine.begin(plan)
    events: list[Event] = [
        SystemUp(5.0),
        LoadStarted(6.0, 6.0),
        Tick(9.0),
        healthy(19.5, 9.0),
        Tick(19.5),
        Tick(20.0),
    ]
    state, _ = play(state, events)
    assert state.phase == "fault"
    ends = [EntryEnded(27.0, i) for i in range(len(plan.entries))]
    state, _ = play(state, [Tick(20.0), Tick(25.0), *ends])
    return state


def reasons(actions: Iterable[Action]) -> list[object]:
    return [a.event.reason for a in actions if isinstance(a, Log) and isinstance(a.event, RunEnded)]


def test_steady_state_comes_after_warm_up_and_lasts() -> None:
    """Nothing is injected before warm-up and steady state have both lasted as long as the scenario says."""
    state, _ = engine.begin(PLAN)
    state, actions = play(state, [SystemUp(5.0), LoadStarted(6.0, 6.5), Tick(9.4), Tick(9.5)])
    assert state.phase == "steady"
    assert Rearm(9.5) in actions
    state, actions = play(state, [healthy(19.0, 9.5), Tick(19.4), Tick(19.6)])
    assert (state.phase, actions) == (
        "steady",
        [],
    )  # the SLOs were last judged before the ten seconds were over
    state, actions = play(state, [healthy(19.6, 9.5), Tick(19.7)])
    assert Calibrate(9.5) in actions
    assert state.phase == "steady"  # detectors learn first; the timeline begins after that
    state, actions = play(state, [Tick(21.0)])
    assert (state.phase, state.timeline_zero) == ("fault", 21.0)


def test_an_unmet_steady_state_injects_nothing() -> None:
    """An SLO that doesn't hold before the fault ends the run, with the reason in the journal."""
    state, _ = engine.begin(PLAN)
    state, _ = play(state, [SystemUp(5.0), LoadStarted(6.0, 6.0), Tick(9.0)])
    state, actions = play(state, [healthy(19.5, None, why="checkout is in breach"), Tick(19.5)])
    assert reasons(actions) == ["unsteady"]
    assert not any(isinstance(a, BeginEntry) for a in actions)
    judged = SteadyStateJudged(met=False, why="checkout is in breach", since=9.0, until=19.5)
    assert Log(judged) in actions


def test_a_page_in_steady_state_makes_it_unsteady() -> None:
    """A paging alert before the fault means that the run can't tell its fault's alert from noise."""
    state, _ = engine.begin(PLAN)
    events: list[Event] = [SystemUp(5.0), LoadStarted(6.0, 6.0), Tick(9.0), AlertRaised(12.0, ALERT)]
    state, actions = play(state, [*events, healthy(19.5, 9.0), Tick(19.5)])
    assert reasons(actions) == ["unsteady"]


def test_alerts_of_the_warm_up_are_not_alerts() -> None:
    """Cold caches raise alerts that mean nothing."""
    state, _ = engine.begin(PLAN)
    state, actions = play(state, [SystemUp(5.0), LoadStarted(6.0, 6.0), AlertRaised(7.0, ALERT)])
    assert state.alerts == ()
    assert not any(isinstance(a, Page) for a in actions)


def test_entries_are_ordered_once_each_at_their_time() -> None:
    """Two entries that are due between two ticks both begin, in the timeline's order, and never again."""
    state, _ = engine.begin(PLAN)
    state, _ = play(
        state, [SystemUp(5.0), LoadStarted(6.0, 6.0), Tick(9.0), healthy(19.5, 9.0), Tick(19.9), Tick(20.0)]
    )
    _, both = play(state, [Tick(26.0), Tick(26.1)])
    assert [a.index for a in both if isinstance(a, BeginEntry)] == [0, 1]
    _, one = play(state, [Tick(20.0), Tick(24.9), Tick(25.0), Tick(25.1)])
    assert [a.index for a in one if isinstance(a, BeginEntry)] == [0, 1]


def test_held_only_after_hold_since_recovery_operation_and_entry() -> None:
    """The run goes on until every SLO has held for `hold` after the last of recovery, operation and timeline entry."""
    state = in_fault()
    state, actions = play(
        state,
        [AlertRaised(31.0, ALERT), OperationRequested(31.1, ROLLBACK), OperationEnded(33.0, "o1", True)],
    )
    assert any(isinstance(a, Execute) for a in actions)
    state, actions = play(state, [healthy(44.9, 32.5, breached=True), Tick(44.9)])
    assert reasons(actions) == []  # 44.9 − 2 − 33.0 < 10
    state, actions = play(state, [healthy(45.1, 32.5, breached=True), Tick(45.1)])
    assert reasons(actions) == ["held"]
    assert TearDown(collect=True) in actions


def test_never_ends_while_an_operation_is_under_way() -> None:
    """A rollback that is still running may yet hurt: the run waits for it."""
    state, _ = play(in_fault(), [AlertRaised(31.0, ALERT), OperationRequested(31.1, ROLLBACK)])
    _, actions = play(state, [healthy(60.0, 32.5, breached=True), Tick(60.0)])
    assert reasons(actions) == []


def test_no_effect_waits_a_whole_window() -> None:
    """A run without any breach ends after max(hold, window), not at once."""
    state = in_fault(replace(PLAN, hold=1.0))
    _, actions = play(state, [healthy(38.9, 20.0), Tick(38.9)])
    assert reasons(actions) == []
    _, actions = play(state, [healthy(39.1, 20.0), Tick(39.1)])
    assert reasons(actions) == ["no_effect"]


def test_gives_up_when_it_never_recovers() -> None:
    """The run ends `giveUp` after the last entry began, and not before."""
    state = in_fault()
    state, actions = play(state, [healthy(84.5, None, breached=True), Tick(84.9)])
    assert reasons(actions) == []
    _, actions = play(state, [Tick(85.0)])
    assert reasons(actions) == ["give_up"]


def test_a_recovery_just_before_giving_up_may_still_hold() -> None:
    """Recovered in time but not yet held: the run goes on to see whether it holds."""
    state = in_fault()
    state, actions = play(state, [healthy(86.0, 80.0, breached=True), Tick(86.0)])
    assert reasons(actions) == []
    _, actions = play(state, [healthy(92.1, 80.0, breached=True), Tick(92.1)])
    assert reasons(actions) == ["held"]


@pytest.mark.parametrize("phase", ["up", "warm", "steady", "fault"])
def test_an_interrupt_closes_from_every_phase(phase: run_state.Phase) -> None:
    """Ctrl-C at any moment takes the system down, without collecting what an audit would need."""
    state = replace(engine.begin(PLAN)[0], phase=phase)
    state, actions = play(state, [Interrupted(1.0, "SIGINT")])
    assert reasons(actions) == ["interrupted"]
    assert TearDown(collect=False) in actions
    state, actions = play(state, [Interrupted(1.1, "SIGINT"), Tick(2.0), Failed(2.0, "start", "cut short")])
    assert (state.phase, actions) == ("down", [])
    state, actions = play(state, [TornDown(3.0, ("container x",))])
    assert (state.phase, state.left) == ("done", ("container x",))
    assert Log(CleanupDone(clean=False, left=("container x",))) in actions


def test_a_failure_of_the_tool_is_an_error() -> None:
    """What failed and where goes to the journal, and the system is taken down."""
    _, actions = play(engine.begin(PLAN)[0], [Failed(2.0, "start", "pricing isn't ready")])
    assert reasons(actions) == ["error"]
    assert Log(RunError(where="start", why="pricing isn't ready")) in actions


def test_operations_before_the_fault_are_refused() -> None:
    """Nothing can be rolled back in steady state."""
    state = replace(engine.begin(PLAN)[0], phase="steady")
    state, actions = play(state, [OperationRequested(8.0, ROLLBACK)])
    assert [is_ for _, _, is_ in state.operations] == ["refused"]
    assert not any(isinstance(a, Execute) for a in actions)


def test_an_ended_operation_rearms_and_clears_the_alerts() -> None:
    """An operation makes the old alerts obsolete; detectors may raise again."""
    state, actions = play(
        in_fault(),
        [AlertRaised(31.0, ALERT), OperationRequested(31.1, ROLLBACK), OperationEnded(33.0, "o1", False)],
    )
    assert state.alerts == ()
    assert Rearm(33.0) in actions
    assert [is_ for _, _, is_ in state.operations] == ["failed"]


def test_a_drill_accepts_operations_from_the_first_page_or_breach_on() -> None:
    """A rejection before that is the same whether the fault has started or not."""
    secret = replace(PLAN, secret=True)
    steady, _ = play(engine.begin(secret)[0], [SystemUp(5.0), LoadStarted(6.0, 6.0), Tick(9.0)])
    before, told_before = engine.step(steady, OperationRequested(10.0, ROLLBACK, "o1"))
    state = in_fault(secret)
    unseen, told_after = engine.step(state, OperationRequested(28.0, ROLLBACK, "o1"))
    assert told_before == told_after
    assert [is_ for _, _, is_ in (*before.operations, *unseen.operations)] == ["refused", "refused"]
    for seen in (AlertRaised(29.0, ALERT), healthy(29.0, None, breached=True)):
        _, actions = play(state, [seen, OperationRequested(30.0, ROLLBACK, "o2")])
        assert Execute("o2", ROLLBACK) in actions


def errors(actions: Iterable[Action]) -> list[tuple[object, object]]:
    logged = [action.event for action in actions if isinstance(action, Log)]
    return [(event.where, event.why) for event in logged if isinstance(event, RunError)]


def test_an_abort_condition_ends_the_fault_at_once() -> None:
    """The condition and its values are journalled; faults are reverted first, and orders are audited."""
    _, actions = play(in_fault(), [AbortConditionMet(31.0, "alerts > 3", {"alerts": 4.0})])
    assert Log(RunStopped(expr="alerts > 3", values={"alerts": 4.0})) in actions
    assert reasons(actions) == ["stopped"]
    assert actions[-1] == TearDown(collect=True, at_once=True)


@pytest.mark.parametrize("phase", ["up", "warm", "steady", "down", "done"])
def test_an_abort_condition_counts_only_during_the_timeline(phase: run_state.Phase) -> None:
    """In other phases the run has done nothing that could be aborted, or is ending already."""
    state = replace(engine.begin(PLAN)[0], phase=phase)
    assert play(state, [AbortConditionMet(1.0, "alerts > 3", {})]) == (state, [])


def test_alerts_are_counted_from_the_steady_state_on() -> None:
    """Alerts of the warm-up don't count; alerts that an operation cleared still do."""
    state, _ = engine.begin(PLAN)
    state, _ = play(state, [SystemUp(5.0), LoadStarted(6.0, 6.0), AlertRaised(7.0, ALERT)])
    assert (state.alerts_raised, state.pages_raised) == (0, 0)
    watched = replace(ALERT, id="a2", pages=False)
    state, _ = play(
        in_fault(), [AlertRaised(31.0, ALERT), AlertRaised(31.0, watched), OperationRequested(31.1, ROLLBACK)]
    )
    state, _ = play(state, [OperationEnded(33.0, "o1", True)])
    assert (state.alerts_raised, state.pages_raised, state.alerts) == (2, 1, ())


def test_a_bring_up_may_take_long_but_not_hang() -> None:
    """The time-out counts from the last progress; the error says how long ago that was and what is awaited."""
    up = PLAN.timeouts.up
    state, _ = engine.begin(PLAN)
    state, actions = play(
        state, [Tick(1.0, ("us-east.pricing", "us-east.checkout")), Tick(up, ("us-east.pricing",))]
    )
    state, more = play(state, [Tick(2 * up - 0.1, ("us-east.pricing",))])
    assert (actions, more) == ([], [])
    state, actions = play(state, [Tick(2 * up, ("us-east.pricing",))])
    assert errors(actions) == [("bring-up", f"no progress for {up:.0f} s, waiting for us-east.pricing")]
    assert (reasons(actions), actions[-1]) == (["error"], TearDown(collect=False))


def test_an_error_names_at_most_eight_instances() -> None:
    """The rest is given as a number."""
    names = tuple(f"r.s{i}" for i in range(10))
    _, actions = play(engine.begin(PLAN)[0], [Tick(0.5, names), Tick(PLAN.timeouts.up + 0.5, names)])
    assert errors(actions)[0][1] == f"no progress for {PLAN.timeouts.up:.0f} s, waiting for " + ", ".join(
        names[:8]
    ) + (" and 2 more")


def test_a_load_that_never_begins_is_an_error() -> None:
    """The time-out counts from when the system was up, not from the run's start."""
    limit = PLAN.timeouts.load
    state, actions = play(engine.begin(PLAN)[0], [Tick(50.0), SystemUp(100.0), Tick(100.0 + limit - 0.1)])
    assert reasons(actions) == []
    _, actions = play(state, [Tick(100.0 + limit)])
    assert errors(actions) == [("start of the load", f"waited {limit:.0f} s for the load to begin")]


def test_a_steady_state_that_is_not_judged_is_an_error() -> None:
    """If no SLO check arrives any more, the run ends; the error says when the last one arrived."""
    state, _ = play(engine.begin(PLAN)[0], [SystemUp(5.0), LoadStarted(6.0, 6.0), Tick(9.0)])
    over = 9.0 + PLAN.steady + PLAN.timeouts.steady
    waited = f"waited {over - 9.0:.0f} s for every SLO to be judged"
    for before, reason in ([], "never judged"), ([healthy(12.0, 9.0)], "last judged at 12.0 s"):
        _, actions = play(state, [*before, Tick(over - 0.1)])
        assert reasons(actions) == []
        _, actions = play(state, [*before, Tick(over)])
        assert errors(actions) == [("steady state", f"{waited} ({reason})")]


def test_a_timeline_without_health_is_given_up_in_its_time() -> None:
    """Without any SLO check the run still ends after `giveUp`, even if an entry or operation is in flight."""
    state, _ = play(in_fault(), [AlertRaised(31.0, ALERT), OperationRequested(31.1, ROLLBACK)])
    for known in (None, healthy(30.0, None)):
        blind = replace(state, health=known, entries_ended=frozenset())
        assert blind.busy
        _, actions = play(blind, [Tick(84.9)])
        assert reasons(actions) == []
        _, actions = play(blind, [Tick(85.0)])
        assert reasons(actions) == ["give_up"]


def test_health_that_stopped_coming_while_all_held_is_given_up_too() -> None:
    """An old check that every SLO holds doesn't keep the run waiting for a newer one."""
    state, _ = play(in_fault(), [healthy(30.0, 28.0, breached=True)])
    last = 85.0 + PLAN.hold + PLAN.window + PLAN.lookback
    _, actions = play(state, [Tick(last - 0.1)])
    assert reasons(actions) == []
    _, actions = play(state, [Tick(last)])
    assert reasons(actions) == ["give_up"]


def test_an_end_that_never_ends_leaves_the_system_behind() -> None:
    """The run ends and reports what is left and why."""
    state, _ = play(in_fault(), [Interrupted(40.0, "SIGINT")])
    limit = PLAN.timeouts.close
    state, actions = play(state, [Tick(40.0 + limit - 0.1)])
    assert (state.phase, actions) == ("down", [])
    state, actions = play(state, [Tick(40.0 + limit)])
    assert state.phase == "done"
    assert state.left == (f"the system: the teardown wasn't finished after {limit:.0f} s",)
    assert Log(CleanupDone(clean=False, left=state.left)) in actions
    assert play(state, [Tick(9999.0)]) == (state, [])


def test_it_goes_on_while_the_unsettled_answers_are_not_well() -> None:
    """Held for 10 s, but a blip shows in answers younger than the time-out: the run ends only after it was judged."""
    state = in_fault()
    held = Health(46.0, 44.0, "", True, 30.0, unsettled_well=False)
    state, _ = play(state, [held, Tick(46.0)])
    assert state.phase == "fault"
    state, actions = play(state, [Health(47.0, 45.0, "", True, 30.0), Tick(47.0)])
    assert state.phase == "down"
    ended = [action.event for action in actions if isinstance(action, Log)]
    assert [event.judged for event in ended if isinstance(event, RunEnded)] == [45.0]


def test_a_page_is_resolved_once_the_slos_held_for_a_window() -> None:
    """Without an operation, 10 s after the recovery, the page is resolved and the detectors armed, once."""
    state = replace(in_fault(), last_ended_at=60.0)
    state, _ = play(state, [AlertRaised(31.0, ALERT), healthy(41.0, 33.0, breached=True)])
    state, actions = play(state, [Tick(41.0)])
    assert actions == []
    state, actions = play(state, [healthy(45.5, 33.0, breached=True), Tick(45.5), Tick(45.6)])
    assert actions == [Resolve("a1"), Rearm(45.5)]
    assert (state.alerts, state.open_pages) == ((), ())


def test_a_held_timeline_waits_for_the_facilitator() -> None:
    """A held run stays in the steady state once it was met; the facilitator's word lets its timeline begin."""
    state = run_state.State(
        run_state.Plan(1, 1, (5.0,), 10, 60, 10, 2, held=True),
        phase="steady",
        steady_from=0.0,
        steady_met=True,
    )
    assert state.held
    state, actions = engine.step(state, Tick(500.0))
    assert (state.phase, actions) == ("steady", ())
    state, _ = engine.step(state, TimelineReleased(501.0))
    assert not state.held
    state, _ = engine.step(state, Tick(501.5))
    assert (state.phase, state.timeline_zero) == ("fault", 501.5)


def test_the_facilitator_brings_the_next_entry_forward() -> None:
    """The command makes the next entry due at once, and later ones as much earlier; with none left it is a no-op."""
    plan = run_state.Plan(1, 1, (0.0, 30.0, 50.0), 10, 60, 10, 2)
    state = run_state.State(plan, phase="fault", timeline_zero=100.0, entries_begun=1)
    state, _ = engine.step(state, TimelineReleased(110.0))
    assert state.timeline_zero == 80.0
    state, actions = engine.step(state, Tick(110.0))
    assert actions == (BeginEntry(1),)
    done = replace(state, entries_begun=3)
    assert engine.step(done, TimelineReleased(120.0)) == (done, ())


def test_a_diagnosis_is_recorded_at_any_time_and_does_nothing_else() -> None:
    """Also before the fault, when operations are refused: it is in the journal, and done."""
    asked = OperationRequested(8.0, Operation("diagnose", "c1", "on-call", text="it is the newest"))
    state, actions = play(in_fault(), [asked])
    given = DiagnosisGiven("c1", by="on-call", text="it is the newest")
    assert Log(given) in actions
    assert not any(isinstance(action, Execute) for action in actions)
    assert state.operations[-1][2] == "done"
