"""The end of a run in a few lines, for a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape

from gameday.console.leftover_commands import removal_command

_COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow", "error": "red"}
_CLOCKS = (("ttd", "time to detect"), ("tta", "time to acknowledge"), ("ttr", "time to recover"))
_MARKS = {True: "[green]yes[/]", False: "[red]no[/]", None: "[yellow]unknown[/]"}


def lines(outcome: Mapping[str, Any], report: Path) -> Iterator[str]:
    """Verdict, clocks, users, orders, expectations, and where the report is (rich markup)."""
    verdict = str(outcome["verdict"])
    yield ""
    yield f"[bold {_COLOURS[verdict]}]{verdict.upper()}[/]  {escape(str(outcome['run']['scenario']))}"
    for reason in outcome["reasons"]:
        yield f"  {escape(str(reason))}"
    for remover in dict.fromkeys(_removers(outcome, report.parent)):
        yield f"  {'to remove':<20} {escape(remover)}"
    for key, name in _CLOCKS:
        yield f"  {name:<20} {_clock(outcome, key)}"
    yield f"  {'users hurt':<20} {_users(outcome['impact'])}"
    yield f"  {'orders lost':<20} {_orders(outcome['audit'])}"
    quiet = outcome.get("quiet") or {}
    if outcome["ttd_state"] == "no_effect" and quiet.get("seconds"):
        bound = f"at most {quiet['bound_per_hour']:.0f} an hour at 95 %"
        yield f"  {'false pages':<20} {quiet['pages']} in {quiet['seconds']:.0f} s of quiet: {bound}"
    for expectation in outcome["expectations"]:
        yield f"  expect {escape(expectation['expr'])}: {_MARKS[expectation['holds']]}"
    yield f"  report               {escape(str(report))}"


def review_lines(review: Path, kept: Sequence[Path]) -> Iterator[str]:
    """Where the draft of the review is, and which edited ones it left alone (rich markup)."""
    yield f"  review               {escape(str(review))}"
    for each in kept:
        yield f"  {'':<20} {escape(each.name)} was edited and is kept as it is"


def _removers(outcome: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """What to type for each thing that was left behind; the run by its folder, which may be anywhere."""
    if outcome["cleanup"]["left"]:
        run = shlex.quote(str(folder))
        yield from (removal_command(run, str(left)) for left in outcome["cleanup"]["left"])


def _clock(outcome: Mapping[str, Any], key: str) -> str:
    state, value = outcome[f"{key}_state"], outcome[f"{key}_s"]
    if state == "measured":
        error = (outcome.get("error_s") or {}).get(key)
        return (
            f"{value:.2f} s"
            + (f" ±{error:.2f} s" if error is not None else "")
            + _against_limit(outcome, key)
        )
    if state == "censored":
        return f"never, within {outcome[f'{key}_censored_at']:.1f} s"
    return {"no_effect": "no effect on users", "not_measured": "not measured"}.get(state, str(state))


def _against_limit(outcome: Mapping[str, Any], key: str) -> str:
    """`, 1.3x the limit` behind the time to detect."""
    ratio = (outcome.get("detection") or {}).get("ratio")
    return f", {ratio:.1f}x the limit" if key == "ttd" and ratio is not None else ""


def _users(impact: Mapping[str, Any]) -> str:
    ratio, failed = impact["users_affected_ratio"], impact["failed"]
    if ratio is None or failed is None:
        return "not measured"
    return f"{impact['users']} ({ratio:.1%} of those seen); {failed} of {impact['requests']} requests failed"


def _orders(audit: Mapping[str, Any]) -> str:
    if audit["lost"] is None:
        return "not audited"
    return f"{audit['lost']} of {audit['acknowledged']} acknowledged"
