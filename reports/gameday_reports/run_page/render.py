"""Renderer of a run folder as one self-contained page, the same bytes for the same files.

`report.html` needs no network and no JavaScript; with JavaScript the charts zoom on one shared time
axis. The template engine escapes everything from outside; only this package makes what is marked as
safe here.
"""

from __future__ import annotations

import base64
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from markupsafe import Markup

from gameday.recording.atomic_file import write
from gameday_reports.charts import panels
from gameday_reports.charts.clock_strip import strip
from gameday_reports.pages.page_template import TEMPLATES, environment, style
from gameday_reports.review.draft import review
from gameday_reports.review.review_file import Draft, write_review
from gameday_reports.review.review_markdown import markdown
from gameday_reports.run_page import (
    alert_lag_table,
    audit_table,
    canary_table,
    change_feed,
    customer_panel,
    detection_table,
    gates_table,
    header,
    impact_table,
    suspect_table,
    tables,
)
from gameday_reports.run_page.map_section import system_map
from gameday_reports.run_page.report_section import plugin_sections
from gameday_reports.run_page.run_data import Run, read
from gameday_reports.text.formatting import Figure, interval, percent, seconds
from gameday_reports.text.formatting import figures as large_figures
from gameday_reports.text.loose import person, text

PARTS = ("report.html.j2", "parts.html.j2", "strip.html.j2", "review.html.j2")
"""The page's template, and those that it includes."""


SCRIPTS = ("report.js", "live_map.js", "report_map.js")


def report_run(folder: Path) -> tuple[Path, Draft]:
    """Write `report.html` and the draft of the review into the run folder; return the page's path
    and the draft.

    Raise OSError if outcome.json is missing or a file can't be written, ValueError if a file is
    damaged.
    """
    run = read(folder)
    return _page(folder, run), write_review(folder, run)


def render_run(folder: Path) -> Path:
    """Write `report.html` alone and return its path. Raise as `report_run` does."""
    return _page(folder, read(folder))


def _page(folder: Path, run: Run) -> Path:
    page = folder / "report.html"
    write(page, render(run))
    return page


def render(run: Run) -> str:
    """Return the whole page as text."""
    script = "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS)
    map_style = Markup((TEMPLATES / "live_map.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file
    engine = environment()
    with ThreadPoolExecutor(1) as compiler:  # templates are compiled while the child draws
        compiled = [compiler.submit(engine.get_template, name) for name in PARTS]
        content = _content(run)
        template = compiled[0].result()
    # The only Markup in the report: this package's own files, what `embedded` escaped, and vl-convert's drawings.
    own = {"style": style() + map_style, "script": Markup(script), "script_hash": _hash(script)}  # noqa: S704
    return template.render(**own, **content) + "\n"


def _content(run: Run) -> dict[str, Any]:
    draft = review(run)
    return {
        "run": run,
        "review": draft,
        "markdown": markdown(draft),
        "header": header.header(run),
        "figures": _figures(run),
        "detection": detection_table,
        "alert_lags": alert_lag_table,
        "notes": _notes(run),
        "culprit": change_feed.culprit(run),
        "feed": change_feed.feed(run),
        "faults": change_feed.faults(run),
        "gates": gates_table,
        "meanings": change_feed.meanings(run),
        "suspects": suspect_table.suspects(run),
        "diagnoses": suspect_table.diagnoses(run),
        "canaries": canary_table.canaries(run),
        "sections": tables,
        "impact": impact_table,
        "audit": audit_table,
        "customers": customer_panel,
        "curve": [Markup(svg) for svg in customer_panel.curve(run)],  # noqa: S704
        "ended": header.ended(run),
        "about": run.scenario,
        "runbook": header.link(run.scenario.get("runbook")),
        "command": header.command(run),
        "extra": list(plugin_sections(run)),
        "text": text,
        "person": person,
        **_timeline(run),
        **_system(run),
    }


def _system(run: Run) -> dict[str, Any]:
    """Return the map of the system and its moments; without instances in the journal there is none."""
    drawn_map = system_map(run, run.layout)
    if drawn_map is None:
        return {"system": None}
    return {
        "system": drawn_map,
        "maps": [Markup(svg) for svg in drawn_map.drawings],  # noqa: S704 - drawn here, every text in it escaped
        "map_data": embedded(drawn_map.data),
    }


def _figures(run: Run) -> list[Figure]:
    """Return the large figures: intervals, or what is known of false pages if nobody was hurt."""
    shown, quiet = large_figures(run.outcome), detection_table.control_figures(run.outcome)
    return [*quiet, *shown[len(quiet) :]]


def _timeline(run: Run) -> dict[str, Any]:
    """Return the strip of clocks, the figures with their panels' drawings, and the numbers behind
    them."""
    over = panels.frame(run)
    shown = panels.figures(run, over)
    shown_panels = [panel for figure in shown for panel in figure.panels]
    return {
        "strip": strip(run.outcome, run.clocks, over.until),
        "drawn": [(figure, [_drawing(each) for each in panels.drawn(figure, over)]) for figure in shown],
        "readout": embedded(
            {
                "clocks": run.clocks,
                "since": over.since,
                "until": over.until,
                "panels": panels.readout(shown_panels),
            }
        ),
    }


def _drawing(each: panels.Drawn) -> tuple[panels.Drawn, list[Markup]]:
    return each, [Markup(svg) for svg in each.svgs]  # noqa: S704


def _notes(run: Run) -> list[str]:
    """Return what to know to read the clocks: their error, the lag of the data, the budget."""
    outcome = run.outcome
    notes = detection_table.precision(outcome)
    value, state = interval(outcome, "ttd_from_inject")
    if state == "measured":
        notes.append(f"Counted from the injection, time to detect was {value}.")
    parts = (
        (outcome.lag_p95_s, seconds, "95 % of answers reached the detectors within {}."),
        (
            outcome.impact.error_budget_spent,
            percent,
            "The SLO that spent most used {} of its error budget for the run.",
        ),
    )
    return notes + [sentence.format(show(value)) for value, show, sentence in parts if value is not None]


def embedded(data: Any) -> Markup:
    """Return JSON for a <script> element: no character in it can end the element or begin a comment."""
    written = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return Markup(written)  # noqa: S704


def _hash(script: str) -> str:
    """Return the script's hash for the page's content security policy, so that no other script runs."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
