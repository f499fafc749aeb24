"""Customer reports: the curve of reports, and who noticed first, customers or monitors.

The reports are a model (`gameday.analysis.impact.customer_reports`), and the page says so. The
drawing consists of numbers and fixed words, so nothing in it needs escaping.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gameday.analysis.impact.customer_reports import ALARM, MEDIAN_S, PROBABILITY, WITHIN_S
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.formatting import NOT_MEASURED, count, percent, seconds

SIDES = (("client", "Client-side"), ("service", "Service-side"))
WIDTHS = (("wide", 920), ("narrow", 366))
LEFT, RIGHT, TOP, PLOT, BOTTOM = 34, 14, 34, 96, 24
MODEL = (
    "A model and no measurement: each user who meets a failed, wrong or slow answer reports it with a probability of "
    f"{percent(PROBABILITY)}, after a median of {MEDIAN_S:g} s; {ALARM} reports within {WITHIN_S:g} s are an alarm, as "
    "on public outage trackers."
)


@dataclass(frozen=True)
class Mark:
    """A moment in seconds since the effect; `kind` is a class of the style sheet."""

    t: float
    words: str
    kind: str


def describe_reports(run: Run) -> str:
    """Return how many would have reported it, and who was first, in a sentence or two."""
    modelled = run.outcome.customer_reports
    total, first = modelled.total, modelled.first_s
    if total is None:
        return f"What customers would have reported was {NOT_MEASURED}."
    if not total:
        return "No customer would have reported anything."
    reports = "One report" if total == 1 else f"{count(total)} reports"
    began = f", the first {seconds(first)} after the effect" if first is not None else ""
    return f"{reports}{began}, at most {count(modelled.peak)} in one second. {ahead(run)}"


def ahead(run: Run) -> str:
    """Yield for each side if its monitors were ahead of the customers' alarm."""
    if run.outcome.customer_reports.alarm_s is None:
        return f"Too few for an alarm of theirs, which takes {ALARM} within {WITHIN_S:g} s."
    return " ".join(_side(run, side, name) for side, name in SIDES)


def _ahead(run: Run, side: str) -> float | None:
    """Return how many seconds the monitors of a side were ahead of the customers' alarm; None if they didn't notice."""
    modelled = run.outcome.customer_reports
    return modelled.ahead_client_s if side == "client" else modelled.ahead_service_s


def _side(run: Run, side: str, name: str) -> str:
    by = _ahead(run, side)
    if by is not None:
        where = "ahead of" if by >= 0 else "behind"
        return f"{name} monitors were {seconds(abs(by))} {where} the customers."
    if any(result.side == side for result in run.outcome.detectors.values()):
        return f"{name} monitors did not notice; the customers did."
    return f"There was no {side}-side monitor."


def curve(run: Run) -> list[str]:
    """Return the reports of each second as SVG, wide and narrow; none if there are none."""
    reported = run.outcome.customer_reports.curve
    counts = reported.counts if reported else ()
    if not counts:
        return []
    marks = _marks(run)
    until = max(len(counts), *(mark.t for mark in marks), 1.0) if marks else float(len(counts))
    return [_drawn(counts, marks, until, name, width) for name, width in WIDTHS]


def _marks(run: Run) -> list[Mark]:
    alarm = run.outcome.customer_reports.alarm_s
    if alarm is None:
        return []
    parts = [Mark(alarm, "customers’ alarm", "alarm")]
    for side, _ in SIDES:
        by = _ahead(run, side)
        if by is not None:
            parts.append(Mark(alarm - by, f"{side}-side", side))
    return sorted(parts, key=lambda mark: mark.t)


def _drawn(counts: Sequence[float], marks: Sequence[Mark], until: float, name: str, width: int) -> str:
    step, top = (width - LEFT - RIGHT) / until, max(counts)
    bars = [
        f'<rect class="bar" x="{LEFT + i * step:.2f}" y="{TOP + PLOT * (1 - n / top):.2f}" '
        f'width="{max(step - 0.6, 0.4):.2f}" height="{PLOT * n / top:.2f}"/>'
        for i, n in enumerate(counts)
        if n
    ]
    axis = [
        f'<line class="axis" x1="{LEFT}" x2="{width - RIGHT}" y1="{TOP + PLOT}" y2="{TOP + PLOT}"/>',
        _text(LEFT - 6, TOP + 9, f"{top:g}", "end"),
        _text(LEFT - 6, TOP + PLOT, "0", "end"),
        _text(LEFT, TOP + PLOT + 17, "effect", "start"),
        _text(width - RIGHT, TOP + PLOT + 17, f"{until:.0f} s later", "end"),
    ]
    lines = [_mark(mark, LEFT + mark.t * step, place, width) for place, mark in enumerate(marks)]
    sentence = f"Customers’ reports by second from the effect on, at most {top:g} in one."
    return (
        f'<svg class="curve {name}" viewBox="0 0 {width} {TOP + PLOT + BOTTOM}" role="img" aria-label="{sentence}">'
        f"{''.join(bars + axis + lines)}</svg>"
    )


def _mark(mark: Mark, x: float, place: int, width: int) -> str:
    """Return a line with its words above it, in a row of their own, on the side with room."""
    y = 10 + 11 * place
    flipped = x > width * 0.7
    words = _text(
        x - 4 if flipped else x + 4, y, f"{mark.words} {mark.t:.1f} s", "end" if flipped else "start"
    )
    return f'<line class="{mark.kind}" x1="{x:.2f}" x2="{x:.2f}" y1="{y - 8}" y2="{TOP + PLOT}"/>{words}'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.2f}" y="{y:.2f}" text-anchor="{anchor}">{words}</text>'
