"""Renders a run folder as one self-contained page: the same bytes for the same files. Wires the other modules together.

`report.html` needs no network and no JavaScript; with it, the charts zoom on one shared time axis. Everything from
outside is escaped by the template engine; what is marked as safe here is made only by this package.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from markupsafe import Markup

from reports import audit, changes, customers, detection, figures, header, impact, sections
from reports.draft import Draft, write_review
from reports.folder import Run, read
from reports.loose import number, person, pick, text
from reports.page import TEMPLATES, environment, style
from reports.review import review
from reports.review_markdown import markdown
from reports.strip import strip
from reports.words import Figure, interval, percent, seconds
from reports.words import figures as large_figures
from runner.disk import write


def report_run(folder: Path) -> tuple[Path, Draft]:
    """Writes `report.html` and the draft of the review into the run folder; the page's path and the draft.

    Raises OSError where outcome.json is missing or one can't be written, ValueError where a file is unreadable.
    """
    run = read(folder)
    return _page(folder, run), write_review(folder, run)


def render_run(folder: Path) -> Path:
    """Writes `report.html` alone and returns its path. Raises as `report_run`."""
    return _page(folder, read(folder))


def _page(folder: Path, run: Run) -> Path:
    page = folder / "report.html"
    write(page, render(run))
    return page


def render(run: Run) -> str:
    """The whole page as text."""
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    template = environment().get_template("report.html.j2")
    # The only Markup in the report: this package's own files, what `embedded` escaped, and vl-convert's drawings.
    own = {"style": style(), "script": Markup(script), "script_hash": _hash(script)}  # noqa: S704
    return template.render(**own, **_content(run)) + "\n"


def _content(run: Run) -> dict[str, Any]:
    told = review(run)
    return {
        "run": run,
        "review": told,
        "markdown": markdown(told),
        "header": header.header(run),
        "figures": _figures(run),
        "detection": detection,
        "notes": _notes(run),
        "culprit": changes.culprit(run),
        "feed": changes.feed(run),
        "faults": changes.faults(run),
        "sections": sections,
        "impact": impact,
        "audit": audit,
        "customers": customers,
        "curve": [Markup(svg) for svg in customers.curve(run)],  # noqa: S704
        "ended": header.ended(run),
        "about": run.scenario,
        "runbook": header.link(run.scenario.get("runbook")),
        "command": header.command(run),
        "text": text,
        "person": person,
        **_timeline(run),
    }


def _figures(run: Run) -> list[Figure]:
    """Where nobody was hurt there is nothing to time: in the intervals' place stands what is known of false pages."""
    shown, quiet = large_figures(run.outcome), detection.control_figures(run.outcome)
    return [*quiet, *shown[len(quiet) :]]


def _timeline(run: Run) -> dict[str, Any]:
    """The strip of clocks, the figures with their panels' drawings, and the numbers behind them."""
    over = figures.frame(run)
    shown = figures.figures(run, over)
    panels = [panel for figure in shown for panel in figure.panels]
    return {
        "strip": strip(run.outcome, run.clocks, over.until),
        "drawn": [(figure, [_drawing(each) for each in figures.drawn(figure, over)]) for figure in shown],
        "readout": embedded(
            {"clocks": run.clocks, "since": over.since, "until": over.until, "panels": figures.readout(panels)}
        ),
    }


def _drawing(each: figures.Drawn) -> tuple[figures.Drawn, list[Markup]]:
    return each, [Markup(svg) for svg in each.svgs]  # noqa: S704


def _notes(run: Run) -> list[str]:
    """What one should know to read the clocks: their error, the lag of the data, the budget."""
    outcome = run.outcome
    notes = detection.precision(outcome)
    value, state = interval(outcome, "ttd_from_inject")
    if state == "measured":
        notes.append(f"Counted from the injection, time to detect was {value}.")
    told = (
        (outcome.get("lag_p95_s"), seconds, "95 % of answers reached the detectors within {}."),
        (
            pick(outcome, "impact", "error_budget_spent"),
            percent,
            "The SLO that spent most used {} of its error budget for the run.",
        ),
    )
    return notes + [sentence.format(show(value)) for value, show, sentence in told if number(value) is not None]


def embedded(data: Any) -> Markup:
    """JSON that can stand in a <script> element: no character in it can end the element or begin a comment."""
    written = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return Markup(written)  # noqa: S704


def _hash(script: str) -> str:
    """The script's hash for the page's content security policy: no other script runs, even were one to slip in."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
