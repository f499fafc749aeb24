"""Timeline of a run for people: one line for each event that matters, by time, without floods.

`journal_lines` and `event_grouping` read the journal; clocks, alerts and customers are described
here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gameday.analysis.model.event_models import Alert
from gameday.recording.journal_events import PageDelivered, PageFailed, RunEnded
from gameday_reports.run_page.run_data import Run
from gameday_reports.run_page.tables import relapses
from gameday_reports.text import event_grouping, journal_lines
from gameday_reports.text.formatting import seconds

SIDES = {"client": "client-side", "service": "service-side", "outside": "own alerts"}
ENDS = {
    "held": "The run ended: users had stayed well for as long as it was to watch.",
    "no_effect": "The run ended: no effect was seen in the time that it was to watch.",
    "give_up": "The run gave up waiting for users to be well.",
    "stopped": "The run ended early, and what it had done to the system was taken back.",
    "unsteady": "The run ended before a fault: the steady state was not met.",
    "interrupted": "The run ended early.",
    "error": "The run broke off.",
}
FIRST_REPORT = "The first customer would have reported it"
CUSTOMERS_ALARM = "Enough customers would have reported it for everybody to know"
RESPONSE = (journal_lines.operations, journal_lines.acknowledged)
ORDER = ("run", "change", "fault", "users", "system", "alert", "response", "note", "model", "well")
"""Kinds, in the order in which events of one instant are told."""


@dataclass(frozen=True)
class Moment:
    """A line: `t` in seconds since the run's start; `since` and `clock` (UTC, empty if unknown) in
    words; `kind` is one of ORDER."""

    t: float
    since: str
    clock: str
    kind: str
    words: str


def moments(run: Run) -> list[Moment]:
    """Return every line, by time."""
    until = next((event.t for event in run.journal.of(RunEnded)), float("inf"))
    parts: list[tuple[str, tuple[float, str]]] = [
        *(("run", each) for part in (journal_lines.steady, journal_lines.stops, journal_lines.breaks, _ended) for each in part(run)),
        *(("change", each) for each in journal_lines.shipping(run)),
        *(("fault", fault) for fault in journal_lines.faults(run)),
        *(("users", each) for each in _hurt(run)),
        *(("model", customer) for customer in _customers(run)),
        *(("well", each) for each in _well(run)),
        *(("system", each) for part in (event_grouping.deaths, event_grouping.regions) for each in part(run, until)),
        *(("system", each) for part in (journal_lines.databases, _restored) for each in part(run)),
        *(("alert", each) for part in (_alerts, _pages) for each in part(run)),
        *(("note", note) for note in journal_lines.notes(run)),
        *(("response", each) for part in RESPONSE for each in part(run)),
    ]  # fmt: skip
    began = _began(run)
    results = [_moment(kind, t, words, began) for kind, (t, words) in parts]
    return sorted(results, key=lambda each: (each.t, ORDER.index(each.kind), each.words))


def _moment(kind: str, t: float, words: str, began: datetime | None) -> Moment:
    clock = f"{began + timedelta(seconds=t):%H:%M:%S}" if began else ""
    return Moment(t, seconds(t), clock, kind, words)


def _began(run: Run) -> datetime | None:
    """Return the wall clock at the run's start in UTC; None if it or its zone is unknown."""
    started = run.outcome.run.started or (run.started.started if run.started else "")
    try:
        at = datetime.fromisoformat(started)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo else None


def _hurt(run: Run) -> Iterator[tuple[float, str]]:
    """Yield the effect and every relapse."""
    if "effect" in run.clocks:
        name = next((slo.name for slo in run.outcome.slos if slo.effect == run.clocks["effect"]), "")
        yield run.clocks["effect"], f"First hurt user{f', of the objective “{name}”' if name else ''}."
    for relapse, words in zip(run.outcome.relapses, relapses(run), strict=True):
        yield relapse.breached, f"Relapse. {words}"


def _well(run: Run) -> Iterator[tuple[float, str]]:
    if "effect" in run.clocks and "recovered" in run.clocks:
        yield run.clocks["recovered"], "Users were well again, and stayed so to the end of the run."


def _restored(run: Run) -> Iterator[tuple[float, str]]:
    if "effect" in run.clocks and "restored" in run.clocks:
        yield run.clocks["restored"], "Full capacity was back: every instance healthy on a good release."


def _customers(run: Run) -> Iterator[tuple[float, str]]:
    """Yield the customers' reports, which are a model and say so."""
    effect, modelled = run.clocks.get("effect"), run.outcome.customer_reports
    for after, words in ((modelled.first_s, FIRST_REPORT), (modelled.alarm_s, CUSTOMERS_ALARM)):
        if effect is not None and after is not None:
            yield effect + after, f"{words} (modelled, not measured)."


def _alerts(run: Run) -> Iterator[tuple[float, str]]:
    """Yield the first alert of each side that pages and that only watches, and the first false
    alarm; more would be a flood."""
    seen: set[tuple[str, bool, bool]] = set()
    for alert in run.outcome.alerts:
        key = (_side(alert), bool(alert.pages), alert.false_alarm)
        if key not in seen:
            seen.add(key)
            yield alert.t, _alert(alert)


def _side(alert: Alert) -> str:
    return SIDES.get(alert.side or "", "client-side")


def _alert(alert: Alert) -> str:
    pages = "pages" if alert.pages else "only watches"
    false = "False alarm. " if alert.false_alarm else ""
    summary = (alert.summary or "").rstrip(".") or alert.slo or "no summary"
    return f"{false}{alert.detector or 'A detector'} ({_side(alert)}, {pages}) raised: {summary}."


def _pages(run: Run) -> Iterator[tuple[float, str]]:
    """Yield the first page to each receiver, or that it could not be delivered."""
    seen: set[tuple[str, str]] = set()
    for event in run.journal.of(PageDelivered, PageFailed):
        to = event.to or "the one on call"
        if (event.KIND, to) in seen:
            continue
        seen.add((event.KIND, to))
        if isinstance(event, PageDelivered):
            yield event.t, f"Page delivered to {to}."
        else:
            why = f": {event.why}" if event.why else ""
            yield event.t, f"A page to {to} could not be delivered{why}."


def _ended(run: Run) -> Iterator[tuple[float, str]]:
    for event in run.journal.of(RunEnded):
        yield event.t, ENDS.get(event.reason, "The run ended.")


def left_out(run: Run, shown: Sequence[Moment]) -> str:
    """Return a sentence that counts the alerts left out of the timeline; empty if there are none."""
    total = sum(1 for each in shown if each.kind == "alert" and " raised: " in each.words)
    more = len(run.outcome.alerts) - total
    alerts = "One more alert is" if more == 1 else f"{more} more alerts are"
    return f"{alerts} left out: of each kind the first is told." if more > 0 else ""
