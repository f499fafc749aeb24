"""The end of a run in a few lines, for a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from gameday.console.leftover_commands import removal_command

if TYPE_CHECKING:
    from gameday.analysis.model.event_models import GateResult
    from gameday.analysis.model.harm_models import Audit, Impact
    from gameday.analysis.model.outcome_model import Outcome

_COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow", "error": "red"}
_CLOCKS = (("ttd", "time to detect"), ("tta", "time to acknowledge"), ("ttr", "time to recover"))
_MARKS = {True: "[green]yes[/]", False: "[red]no[/]", None: "[yellow]unknown[/]"}


def lines(outcome: Outcome, report: Path) -> Iterator[str]:
    """Yield verdict, clocks, users, orders, expectations, and where the report is (rich markup)."""
    yield ""
    sev = "" if outcome.severity is None else f"  Sev {outcome.severity}"
    yield f"[bold {_COLOURS[outcome.verdict]}]{outcome.verdict.upper()}[/]  {escape(outcome.run.scenario)}{sev}"
    for reason in outcome.reasons:
        yield f"  {escape(reason)}"
    for command in dict.fromkeys(_removal_commands(outcome, report.parent)):
        yield f"  {'to remove':<20} {escape(command)}"
    for page in outcome.unresolved_pages:
        where = f" at {page.to}" if page.to else ""
        yield f"  {'page still open':<20} {escape(f'{page.alert}{where}: {page.why}')}"
    for key, name in _CLOCKS:
        yield f"  {name:<20} {_clock(outcome, key)}"
    yield f"  {'users hurt':<20} {_users(outcome.impact)}"
    yield f"  {'orders lost':<20} {_orders(outcome.audit)}"
    for pair in outcome.audit.two_primaries_spans:
        shared = f"{pair.primaries[0]} and {pair.primaries[1]}, from {pair.since:.1f} s to {pair.until:.1f} s"
        yield f"  {'two primaries':<20} [bold red]{escape(shared)}[/]"
    for line in gate_lines(outcome.gates):
        yield f"  {'gates':<20} {escape(line)}"
    quiet = outcome.quiet
    if outcome.ttd_state == "no_effect" and quiet.seconds:
        bound = f"at most {quiet.bound_per_hour:.0f} an hour at 95 %"
        yield f"  {'false pages':<20} {quiet.pages} in {quiet.seconds:.0f} s without a fault: {bound}"
    for expectation in outcome.expectations:
        yield f"  expect {escape(expectation.expr)}: {_MARKS[expectation.holds]}"
    yield f"  report               {escape(str(report))}"


def gate_lines(gates: Sequence[GateResult]) -> Iterator[str]:
    """Yield a line for each change in which a gate found something: refused, or what would have stopped it."""
    releases = dict.fromkeys(gate.release or gate.change for gate in gates)
    for release in releases:
        stopping = [
            gate for gate in gates if (gate.release or gate.change) == release and gate.result != "passed"
        ]
        blocking = [gate.gate for gate in stopping if gate.mode == "block"]
        if blocking:
            yield f"{release} refused by {', '.join(blocking)}"
        elif stopping:
            names = ", ".join(gate.gate for gate in stopping)
            yield f"{release} shipped; {names} would have stopped it"


def review_lines(review: Path, kept: Sequence[Path]) -> Iterator[str]:
    """Yield the path of the review's draft, and the edited files that were kept (rich markup)."""
    yield f"  review               {escape(str(review))}"
    for path in kept:
        yield f"  {'':<20} {escape(path.name)} was edited and is kept as it is"


def _removal_commands(outcome: Outcome, folder: Path) -> Iterator[str]:
    """Yield the command that removes each thing left behind, with the run named by its folder."""
    if outcome.cleanup.left:
        run = shlex.quote(str(folder))
        yield from (removal_command(run, left) for left in outcome.cleanup.left)


def _clock(outcome: Outcome, key: str) -> str:
    duration = outcome.duration(key)
    if duration.state == "measured":
        error: float | None = getattr(outcome.error_s, key, None)
        return (
            f"{duration.seconds:.2f} s"
            + (f" ±{error:.2f} s" if error is not None else "")
            + _against_limit(outcome, key)
        )
    if duration.state == "censored":
        return _not_within(outcome, key, duration.censored_at)
    return "no effect on users" if duration.state == "no_effect" else "not measured"


def _not_within(outcome: Outcome, key: str, until: float | None) -> str:
    """Return for how long it was waited for from the interval's begin on, and who ended the outage meanwhile."""
    begin: float | None = getattr(outcome.clocks, BEGINS[key])
    if until is None or begin is None:
        return "never"
    ended = {"schedule": "the timeline", "cleanup": "the clean-up"}.get(outcome.ended_by or "")
    why = f": {ended} ended the outage" if key == "ttr" and ended else ""
    return f"not within {until - begin:.1f} s{why}"


BEGINS = {"ttd": "effect", "tta": "detect", "ttr": "effect"}
"""The clock that each interval begins at."""


def _against_limit(outcome: Outcome, key: str) -> str:
    """Return `, 1.3x the limit`, which follows the time to detect; no detector beats the limit but by luck."""
    ratio = outcome.detection.ratio
    if key != "ttd" or ratio is None:
        return ""
    return ", at the limit" if ratio < 1 else f", {ratio:.1f}x the limit"


def _users(impact: Impact) -> str:
    ratio, bad = impact.users_affected_ratio, impact.bad
    if ratio is None or bad is None:
        return "not measured"
    return f"{impact.users} ({ratio:.1%} of those seen); {bad} of {impact.requests} requests were bad"


def _orders(audit: Audit) -> str:
    return "not audited" if audit.lost is None else f"{audit.lost} of {audit.acknowledged} acknowledged"
