"""Lag of alerts from outside: where the time went from the first bad request to the page, as rows of a waterfall.

The numbers are the outcome's. Each row is a part of the lag with the setting that makes it; the limit of detection and
gameday's own detectors stand below on the same axis.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gameday.analysis.model.event_models import AlertLag, LagPart
from gameday.analysis.model.outcome_model import Outcome
from gameday.recording.journal_events import AlertsReceived, AlertsRefused
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.formatting import DAY_S, count, percent, seconds

PARTS: Mapping[str, str] = {
    "scrape": "until a scrape saw it",
    "rule": "until the rule's expression was true",
    "for": "until the rule fired",
    "group_wait": "waiting for more of the group",
    "delivery": "on the way",
    "poll": "until a poll saw it",
    "taken": "until gameday took it",
}
WAITS = ("for", "group_wait")
"""Parts that a team sets to wait on purpose."""
SHORTEST = 0.4  # percent of the axis: a bar that is seen


@dataclass(frozen=True)
class LagRow:
    """A bar of the waterfall, in percent of the axis. `kind`: part, wait (a part that is set on purpose), limit or own."""

    what: str
    setting: str
    value: str
    took: str
    left: float
    width: float
    kind: str


@dataclass(frozen=True)
class Waterfall:
    """The lag of one alert: a title, sentences, and its rows."""

    title: str
    sentences: Sequence[str]
    rows: Sequence[LagRow]


def waterfalls(run: Run) -> list[Waterfall]:
    """Return the waterfall of every alert from outside that was about the outage."""
    return [_waterfall(run.outcome, lag) for lag in run.outcome.alert_lags]


def silence(run: Run) -> str:
    """Return what to check if a detector of outside alerts got nothing in the whole run; "" if all got something."""
    outside = [name for name, detector in run.outcome.detectors.items() if detector.side == "outside"]
    heard = {event.detector for event in run.journal.of(AlertsReceived)}
    silent = [name for name in outside if name not in heard]
    if not silent:
        return ""
    whys = [event.why for event in run.journal.of(AlertsRefused) if event.detector in silent]
    because = f" {whys[0]}." if whys else ""
    return (
        f"Nothing came for {' and '.join(silent)} in the whole run: either no rule fired, or the alerts go elsewhere. Check the "
        f"route and the receiver's address and token (docs/alerts.md).{because}"
    )


def _waterfall(outcome: Outcome, lag: AlertLag) -> Waterfall:
    reference = [(name, t) for name, t in _reference(outcome) if t is not None]
    length = max([lag.total_s, *(t for _, t in reference)], default=0.0) or 1e-9
    rows, begin = [], 0.0
    for part in lag.parts:
        rows.append(_part_row(part, begin, length))
        begin += part.seconds
    for name, t in reference:
        kind = "limit" if name == LIMIT else "own"
        rows.append(LagRow(name, "", "", seconds(t), 0.0, max(SHORTEST, _percent(t, length)), kind))
    return Waterfall(lag.name or lag.alert, list(_sentences(outcome, lag)), rows)


LIMIT = "the best possible detector"


def _reference(outcome: Outcome) -> Iterator[tuple[str, float | None]]:
    """Yield what the lag is compared with: the limit, and the detectors that aren't from outside, fastest first."""
    yield LIMIT, outcome.limit_s
    own = [
        (name, detector.ttd_s)
        for name, detector in outcome.detectors.items()
        if detector.side != "outside" and detector.ttd_s is not None
    ]
    for name, ttd in sorted(own, key=lambda item: item[1]):
        yield f"gameday's {name}", ttd


def _part_row(part: LagPart, begin: float, length: float) -> LagRow:
    names = part.name.split("+")
    return LagRow(
        ", ".join(PARTS.get(name, name) for name in names),
        part.setting,
        seconds(part.configured_s) if part.configured_s is not None else "",
        seconds(part.seconds),
        min(100 - SHORTEST, _percent(begin, length)),
        max(SHORTEST, _percent(part.seconds, length)),
        "wait" if set(names) <= set(WAITS) else "part",
    )


def _sentences(outcome: Outcome, lag: AlertLag) -> Iterator[str]:
    yield f"{lag.name or 'The alert'} came {seconds(lag.total_s)} after the first bad request{_waits(lag)}."
    if outcome.limit_s is not None:
        days = count((outcome.detection.arl_s or 0) / DAY_S)
        best = _fastest(outcome)
        own = f" gameday’s {best[0]} took {seconds(best[1])}." if best else ""
        yield (
            f"On these requests a detector with one false alarm in {days} days could page "
            f"{seconds(outcome.limit_s)} after the first bad one.{own}"
        )
    if lag.offset_s is not None:
        side = "ahead of" if lag.offset_s >= 0 else "behind"
        yield (
            f"Prometheus’s clock was {_milliseconds(abs(lag.offset_s))} {side} this machine’s, to within "
            f"{_milliseconds(lag.offset_error_s or 0.0)}; its stamps are corrected by that."
        )
    if lag.why_unknown:
        yield f"Some parts aren’t known: {lag.why_unknown}."


def _waits(lag: AlertLag) -> str:
    """Return '; 9.0 s of it are for (4 s) and group_wait (5 s)', if the lag has such parts."""
    waits = [part for part in lag.parts if part.name in WAITS and part.configured_s]
    if not waits or not lag.total_s:
        return ""
    whole = sum(part.seconds for part in waits)
    names = " and ".join(f"{part.setting}: {seconds(part.configured_s)}" for part in waits)
    return f"; {seconds(whole)} of it, {percent(whole / lag.total_s)}, are settings that wait on purpose ({names})"


def _fastest(outcome: Outcome) -> tuple[str, float] | None:
    known = [
        (name, detector.ttd_s)
        for name, detector in outcome.detectors.items()
        if detector.side == "client" and detector.ttd_s is not None
    ]
    return min(known, key=lambda item: item[1], default=None)


def _milliseconds(value: float) -> str:
    return f"{1000 * value:,.1f} ms"


def _percent(part: float, whole: float) -> float:
    return round(100 * part / whole, 3)
