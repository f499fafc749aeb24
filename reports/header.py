"""The top of the page: title, verdict, what happened in a few sentences, the facts; and how to repeat the run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from reports.detection import held_against, quiet
from reports.folder import Run
from reports.loose import items, mapping, number, pick, text
from reports.words import ENDED_BY, NOT_MEASURED, VERDICTS, count, interval, seconds

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
    outcome, started = run.outcome, run.first("run.started")
    verdict = outcome.get("verdict") if outcome.get("verdict") in VERDICTS else "unknown"
    word, meaning = VERDICTS.get(str(verdict), ("No verdict", "The run left no verdict."))
    title = text(run.scenario.get("title")) or text(started.get("title")) or text(pick(outcome, "run", "scenario"))
    reasons = [_sentence(text(reason)) for reason in items(outcome.get("reasons"))]
    return Header(title or run.name, str(verdict), word, meaning, reasons, told(run), facts(run))


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def told(run: Run) -> list[str]:
    """What happened, in sentences made only of what was measured."""
    return [*_course(run), *_stopped(run.outcome)]


def _stopped(outcome: Mapping[str, Any]) -> list[str]:
    """How the run ended, where it was cut short."""
    stopped = mapping(outcome.get("stopped"))
    if not stopped:
        return []
    what = (
        f"The run was stopped at {seconds(stopped.get('t'))}: its abort condition “{text(stopped.get('expr'))}” held."
    )
    return [what, "What it had done to the system was taken back at once."]


def _course(run: Run) -> list[str]:
    clocks, outcome = run.clocks, run.outcome
    if "inject" not in clocks:
        return [*(["No fault was injected in this run."] if run.events else []), *_quiet(outcome)]
    sentences = [f"{_fault(run)} began at {seconds(clocks['inject'])} into the run."]
    if "effect" not in clocks:
        state = interval(outcome, "ttr")[0]
        return [
            *sentences,
            "It had no effect that breached an objective." if state == "no effect" else "Its effect was not measured.",
            *(_quiet(outcome) if state == "no effect" else []),
        ]
    sentences.append(f"Users were affected {seconds(clocks['effect'] - clocks['inject'])} later.")
    sentences.append(_noticed(outcome))
    if "act" in clocks:
        sentences.append(f"The operation that ended the outage was ordered at {seconds(clocks['act'])}.")
    value, state = interval(outcome, "ttr")
    if state == "measured":
        sentences.append(f"Users were well again {value} after the first effect.")
    elif value == "never":
        reverted = outcome.get("ended_by") in ("schedule", "cleanup")
        sentences.append(ended(run) if reverted else f"Users were still affected when the run ended: {state}.")
    return sentences


def _fault(run: Run) -> str:
    fault = run.first("fault.intended")
    if not fault:
        change = run.first("change.started")
        name = text(change.get("release")) or text(change.get("service"))
        return f"The deploy of {name}" if name else "The change"
    kind, target = text(fault.get("kind")) or "fault", text(fault.get("target"))
    words = "A bad deploy" if kind == "bad-deploy" else f"The fault “{kind}”"
    return f"{words} of {target}" if target and kind == "bad-deploy" else f"{words} on {target}" if target else words


def _noticed(outcome: Mapping[str, Any]) -> str:
    value, state = interval(outcome, "ttd")
    if state == "measured":
        against = held_against(outcome)
        return f"A page was raised {value} after that{f', {against} of detection' if against else ''}."
    return "Nobody was paged." if value == "never" else "Whether a page was raised was not measured."


def _quiet(outcome: Mapping[str, Any]) -> list[str]:
    """The main finding of a run without an effect."""
    said = quiet(outcome)
    return [said] if said else []


def facts(run: Run) -> list[tuple[str, str]]:
    """(name, value) pairs of the run; values are never empty."""
    outcome, started = run.outcome, run.first("run.started")
    about = mapping(outcome.get("run"))
    why = text(started.get("why"))
    substrate = text(about.get("substrate")) or text(started.get("substrate")) or UNSAID
    return [
        ("When", when(about.get("started") or started.get("started"))),
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


def _links(started: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Told only where they aren't the usual ones."""
    real = text(started.get("links"))
    if real in ("", "embedded"):
        return []
    return [("Links", f"a real Toxiproxy ({real}): each deploy moved their upstreams and dropped connections")]


def _system(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was under test, as far as it was told."""
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
    """An ISO time as '20 Nov 2026, 17:22:05 UTC'; text that isn't one as it stands."""
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
    """Who ended the outage, as a sentence."""
    if "effect" not in run.clocks:
        return "There was no outage to end."
    return ENDED_BY.get(text(run.outcome.get("ended_by")), "Nobody ended the outage.")


def link(address: Any) -> str:
    """The address where it is a plain http or https link, else empty: nothing else may become a link."""
    try:
        parts = urlsplit(text(address).strip())
        return parts.geturl() if parts.scheme in ("http", "https") and parts.netloc else ""
    except ValueError:
        return ""


def command(run: Run) -> str:
    """The exact command of the run; from its scenario, substrate and seed where the journal lacks it."""
    given = run.first("run.started").get("command")
    if isinstance(given, list | tuple):
        return shlex.join(text(part) for part in given)
    if given:
        return text(given)
    about = mapping(run.outcome.get("run"))
    if not about.get("scenario"):
        return ""
    parts = ["gameday", "run", text(about["scenario"])]
    for option in ("substrate", "seed"):
        if about.get(option) is not None:
            parts += [f"--{option}", text(about[option])]
    return shlex.join(parts)
