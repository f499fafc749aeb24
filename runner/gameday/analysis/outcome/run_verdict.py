"""Verdict of a run: pass, fail, inconclusive or error, with the exit status and every reason in a plain sentence.

Expectations and steady state are judged elsewhere; here they are weighed against each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gameday.analysis.clocks.clocks import Analysis
from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.evidence.steady_state import Steady
from gameday.analysis.expressions.abort_conditions import shown
from gameday.analysis.impact.residual import thin_ends
from gameday.analysis.model.event_models import Expectation
from gameday.analysis.model.outcome_model import Measurements
from gameday.analysis.model.result_file import Value, Verdict
from gameday.analysis.outcome.cleanup_record import left_behind
from gameday.recording.journal_events import InstanceDied, RunError, RunInterrupted

PASS, FAIL, USAGE, INCONCLUSIVE, ERROR, LEFT_BEHIND, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130
PRECEDENCE = (INTERRUPTED, LEFT_BEHIND, ERROR, USAGE, FAIL, INCONCLUSIVE, PASS)
NAMES: Mapping[int, Verdict] = {PASS: "pass", FAIL: "fail", INCONCLUSIVE: "inconclusive"}


@dataclass(frozen=True)
class Judgement:
    """`reasons` are those of the status first, then the others that hold too."""

    verdict: Verdict
    exit_status: int
    reasons: tuple[str, ...]


def judge(
    analysis: Analysis,
    steady: Steady,
    measurements: Measurements,
    expectations: Sequence[Expectation],
    doubts: Sequence[str],
) -> Judgement:
    """Judge a run. An unmet steady state is always inconclusive, since nothing after it means anything.

    `doubts` are sentences that say why the load doesn't allow a judgement.
    """
    run = analysis.run
    reasons = [*((ERROR, damage) for damage in run.damage), *_broken_off(run), *_stopped(run)]
    if steady.met is False:
        reasons.append((INCONCLUSIVE, f"the steady state wasn't met: {steady.why}"))
    elif run.judged and not run.damage:
        reasons += _of_the_system(analysis)
        reasons += _of_the_rest(run, measurements)
        reasons += [(INCONCLUSIVE, doubt) for doubt in doubts]
        reasons += _of_expectations(expectations)
    elif not reasons:
        reasons.append((ERROR, "the journal ends before the run did"))
    reasons += _deaths(run)
    status = worst([status for status, _ in reasons], unmet=steady.met is False)
    reasons.sort(key=lambda reason: (reason[0] != status, PRECEDENCE.index(reason[0])))
    return Judgement(NAMES.get(status, "error"), status, tuple(text for _, text in reasons))


def worst(statuses: Sequence[int], *, unmet: bool = False) -> int:
    """Return the exit status for a run or a suite to which several apply; `unmet`: a steady state wasn't met."""
    return INCONCLUSIVE if unmet else min(statuses, key=PRECEDENCE.index, default=PASS)


def _deaths(run: Run) -> Iterator[tuple[int, str]]:
    """Yield every instance that died by itself, whatever the verdict: it is the first thing a reader needs to know."""
    for event in run.journal.of(InstanceDied):
        yield PASS, f"instance {event.instance} ended by itself at {event.t:.1f} s"


def _broken_off(run: Run) -> Iterator[tuple[int, str]]:
    for interrupted in run.journal.of(RunInterrupted):
        yield INTERRUPTED, f"interrupted by {interrupted.signal} at {interrupted.t:.1f} s"
    cleanup = left_behind(run)
    if cleanup.clean is False:
        yield LEFT_BEHIND, f"left behind: {', '.join(cleanup.left) or 'something unnamed'}"
    for error in run.journal.of(RunError):
        yield ERROR, f"{error.where}: {error.why}"


def _stopped(run: Run) -> Iterator[tuple[int, str]]:
    """Yield exit status and reason of a stop by an abort condition; it is never a pass."""
    event = run.stopped
    if event is not None:
        used = ", ".join(f"{name} = {shown(name, value)}" for name, value in event.values.items())
        yield FAIL, f'stopped by its abort condition "{event.expr}" at {event.t:.1f} s ({used})'


def _of_the_system(analysis: Analysis) -> Iterator[tuple[int, str]]:
    run, clocks = analysis.run, analysis.clocks
    thin = thin_ends(analysis)
    if clocks.effect is not None and clocks.recovered is None and run.stopped is None and not thin:
        lasted = run.end - clocks.effect
        yield (
            FAIL,
            f"the system never recovered: {lasted:.1f} s after the effect, the run ended without every SLO holding",
        )
    for name in thin if clocks.recovered is None else ():
        yield (
            INCONCLUSIVE,
            f"SLO {name} is unknown: its last window had fewer than 20 requests to judge it by",
        )
    for course in analysis.courses:
        if course.verdict(analysis.outages) == "unknown":
            slo = run.scenario.slo(course.name)
            yield (
                INCONCLUSIVE,
                f"SLO {course.name} is unknown: a window of {slo.window:g} s had fewer than 20 requests to judge it by",
            )


def _of_the_rest(run: Run, measurements: Measurements) -> Iterator[tuple[int, str]]:
    """Yield what still fails at the end of the run, and acknowledged orders that were lost, whatever is expected."""
    residual = measurements.residual
    never = measurements.clocks.effect is not None and measurements.clocks.recovered is None
    for place in residual.places if not never else ():
        status = PASS if run.scenario.allow_residual else FAIL
        lasted = run.end - (residual.since or 0.0)
        covered = f"though {', '.join(place.slos)} may hold" if place.slos else "no SLO covers it"
        where = f"{place.journey}{f' of {place.region}' if place.region else ''}"
        where += f" on {place.release}" if place.release else ""
        what = f"{place.bad} of {place.requests} requests {place.did} in the last {lasted:.3g} s"
        yield status, f"{where}: {what}; {covered}"
    if measurements.audit.lost:
        lost, known = measurements.audit.lost, measurements.audit.acknowledged
        yield PASS, f"{lost} of {known} acknowledged orders {'was' if lost == 1 else 'were'} lost"


def _of_expectations(expectations: Sequence[Expectation]) -> Iterator[tuple[int, str]]:
    for expectation in expectations:
        if expectation.holds is False:
            yield FAIL, f"expected {expectation.expr}: {_values_of(expectation)}"
        elif expectation.holds is None:
            yield INCONCLUSIVE, f"can't tell whether {expectation.expr}: {_values_of(expectation)}"


def _values_of(expectation: Expectation) -> str:
    """Return the values that an expectation used: `ttd was 6.2, ttr was censored`."""
    states = expectation.states
    parts = [f"{name} was {states.get(name) or _shown(value)}" for name, value in expectation.values.items()]
    return ", ".join(parts).replace("not_measured", "not measured").replace("no_effect", "without an effect")


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else repr(value)
