"""Top of the page: title, verdict, summary, facts, and the command that repeats the run."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from gameday.analysis.model.outcome_model import Outcome
from gameday.recording.journal_events import RunStarted
from gameday_reports.run_page.run_data import Run
from gameday_reports.text import summary
from gameday_reports.text.formatting import NOT_MEASURED, VERDICTS, count, seconds, severity
from gameday_reports.text.loose import text

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
    word, meaning = VERDICTS[outcome.verdict]
    title = text(run.scenario.get("title")) or (started.title if started else "") or outcome.run.scenario
    reasons = [_sentence(reason) for reason in outcome.reasons]
    return Header(
        title or run.name, outcome.verdict, word, meaning, reasons, summary.summary(run), facts(run)
    )


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def facts(run: Run) -> list[tuple[str, str]]:
    """Return (name, value) pairs of the run; values are never empty."""
    outcome, started = run.outcome, run.started
    about = outcome.run
    why = started.why if started else ""
    substrate = about.substrate or (started.substrate if started else "") or UNSAID
    return [
        ("Severity", severity(outcome.severity)),
        ("When", when(about.started or (started.started if started else None))),
        ("Substrate", f"{substrate} ({why})" if why else substrate),
        ("Duration", seconds(about.duration_s)),
        ("Load", _load(outcome)),
        *_links(started, outcome),
        *_system(outcome),
        ("Responder", _responder(outcome)),
        ("Steady state", _steady(outcome)),
        ("Seed", text(about.seed) or UNSAID),
        ("Version", about.version or UNSAID),
        ("Host", about.host or UNSAID),
        ("Exit status", str(outcome.exit_status)),
    ]


def _links(started: RunStarted | None, outcome: Outcome) -> list[tuple[str, str]]:
    """Return the link server if it isn't the embedded one, and what it did to deploys if there were any."""
    real = started.links if started else ""
    if real in ("", "embedded"):
        return []
    moved = ": each deploy moved their upstreams and dropped connections" if outcome.changes else ""
    return [("Links", f"a real Toxiproxy ({real}){moved}")]


def _system(outcome: Outcome) -> list[tuple[str, str]]:
    """Return what is recorded of the system under test."""
    if "system" not in outcome.model_fields_set:
        return []  # gameday 0.1.0 didn't record it
    system = outcome.system
    far = f", {seconds(system.delay_s)} between regions" if system.delay_s else ""
    return [
        ("Regions", ", ".join(system.regions) or UNSAID),
        ("Replication", f"{system.replication or UNSAID}{far}"),
        ("Guardrails", ", ".join(system.guardrails) or "none"),
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


def _load(outcome: Outcome) -> str:
    load = outcome.load
    if load.planned is None and load.achieved is None:
        return NOT_MEASURED
    late, never = count(load.late), count(load.not_sent)
    lost = f", {count(load.missing)} without a record" if load.missing else ""
    return (
        f"{count(load.achieved)} of {count(load.planned)} requests sent, {late} late, {never} not sent{lost}"
    )


def _responder(outcome: Outcome) -> str:
    kind, policy = outcome.responder.kind, outcome.responder.policy
    reaction = outcome.responder.reaction_s
    words = f"{kind}, policy {policy}" if policy else kind or UNSAID
    return f"{words}, {seconds(reaction)} after a page" if reaction else words


def _steady(outcome: Outcome) -> str:
    why = outcome.steady_state.why
    words = {True: "met", False: "not met", None: NOT_MEASURED}[outcome.steady_state.met]
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
    about = run.outcome.run
    if not about.scenario:
        return ""
    parts = ["gameday", "run", about.scenario]
    parts += ["--substrate", about.substrate] if about.substrate is not None else []
    parts += ["--seed", str(about.seed)] if about.seed is not None else []
    return shlex.join(parts)
