"""Top of the page: title, verdict, summary, facts, and the command that repeats the run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from gameday.recording.journal_events import RunStarted
from gameday_reports.run_page.run_data import Run
from gameday_reports.text import summary
from gameday_reports.text.formatting import NOT_MEASURED, VERDICTS, count, seconds
from gameday_reports.text.loose import items, mapping, number, pick, text

UNSAID = "not recorded"


@dataclass(frozen=True)
class Header:
    title: str
    verdict: str
    word: str
    meaning: str
    reasons: list[str]
    told: list[str]
    facts: list[tuple[str, str]]


def header(run: Run) -> Header:
    outcome, started = run.outcome, run.started
    verdict = outcome.get("verdict") if outcome.get("verdict") in VERDICTS else "unknown"
    word, meaning = VERDICTS.get(str(verdict), ("No verdict", "The run left no verdict."))
    title = (
        text(run.scenario.get("title"))
        or (started.title if started else "")
        or text(pick(outcome, "run", "scenario"))
    )
    reasons = [_sentence(text(reason)) for reason in items(outcome.get("reasons"))]
    return Header(title or run.name, str(verdict), word, meaning, reasons, summary.summary(run), facts(run))


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def facts(run: Run) -> list[tuple[str, str]]:
    """Return (name, value) pairs of the run; values are never empty."""
    outcome, started = run.outcome, run.started
    about = mapping(outcome.get("run"))
    why = started.why if started else ""
    substrate = text(about.get("substrate")) or (started.substrate if started else "") or UNSAID
    return [
        ("When", when(about.get("started") or (started.started if started else None))),
        ("Substrate", f"{substrate} ({why})" if why else substrate),
        ("Duration", seconds(about.get("duration_s"))),
        ("Load", _load(outcome)),
        *_links(started),
        *_system(outcome),
        ("Responder", _responder(outcome)),
        ("Steady state", _steady(outcome)),
        ("Seed", text(about.get("seed")) or UNSAID),
        ("Version", text(about.get("version")) or UNSAID),
        ("Host", text(about.get("host")) or UNSAID),
        ("Exit status", text(outcome.get("exit_status")) or UNSAID),
    ]


def _links(started: RunStarted | None) -> list[tuple[str, str]]:
    """Return the link server if it isn't the embedded one."""
    real = started.links if started else ""
    if real in ("", "embedded"):
        return []
    return [
        ("Links", f"a real Toxiproxy ({real}): each deploy moved their upstreams and dropped connections")
    ]


def _system(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is recorded of the system under test."""
    system = mapping(outcome.get("system"))
    if not system:
        return []
    delay, mode = number(system.get("delay_s")), text(system.get("replication")) or UNSAID
    far = f", {seconds(delay)} between regions" if delay else ""
    return [
        ("Regions", text(system.get("regions")) or UNSAID),
        ("Replication", f"{mode}{far}"),
        ("Guardrails", text(system.get("guardrails")) or "none"),
    ]


def when(value: Any) -> str:
    """Return an ISO time as '20 Nov 2026, 17:22:05 UTC'; other text unchanged."""
    try:
        at = datetime.fromisoformat(text(value))
    except ValueError:
        return text(value) or UNSAID
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    zone = f" {at.tzname()}" if at.tzinfo else ""
    return f"{at.day} {months[at.month - 1]} {at.year}, {at:%H:%M:%S}{zone}"


def _load(outcome: Mapping[str, Any]) -> str:
    load = mapping(outcome.get("load"))
    planned, achieved = number(load.get("planned")), number(load.get("achieved"))
    if planned is None and achieved is None:
        return NOT_MEASURED
    late, never = count(load.get("late")), count(load.get("not_sent"))
    lost = f", {count(load['missing'])} without a record" if number(load.get("missing")) else ""
    return f"{count(achieved)} of {count(planned)} requests sent, {late} late, {never} not sent{lost}"


def _responder(outcome: Mapping[str, Any]) -> str:
    kind, policy = text(pick(outcome, "responder", "kind")), text(pick(outcome, "responder", "policy"))
    return f"{kind}, policy {policy}" if policy else kind or UNSAID


def _steady(outcome: Mapping[str, Any]) -> str:
    met, why = pick(outcome, "steady_state", "met"), text(pick(outcome, "steady_state", "why"))
    words = {True: "met", False: "not met"}.get(met if isinstance(met, bool) else None, NOT_MEASURED)  # type: ignore[arg-type]
    return f"{words}: {why}" if why else words


def ended(run: Run) -> str:
    """Return who ended the outage, as a sentence."""
    if "effect" not in run.clocks:
        return "There was no outage to end."
    return summary.ended(run)


def link(address: Any) -> str:
    """Return the address if it is a plain http or https link, else an empty text: nothing else may
    become a link."""
    try:
        parts = urlsplit(text(address).strip())
        return parts.geturl() if parts.scheme in ("http", "https") and parts.netloc else ""
    except ValueError:
        return ""


def command(run: Run) -> str:
    """Return the exact command of the run; if the journal lacks it, from scenario, substrate and seed."""
    given = run.started.command if run.started else ""
    if isinstance(given, tuple):
        return shlex.join(given)
    if given:
        return given
    about = mapping(run.outcome.get("run"))
    if not about.get("scenario"):
        return ""
    parts = ["gameday", "run", text(about["scenario"])]
    for option in ("substrate", "seed"):
        if about.get(option) is not None:
            parts += [f"--{option}", text(about[option])]
    return shlex.join(parts)
