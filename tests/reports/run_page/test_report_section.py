"""Sections of the report that plug-ins add."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gameday import registries
from gameday_reports.run_page.render import render_run
from gameday_reports.run_page.report_section import ReportSection, SectionContent, reject
from gameday_reports.run_page.run_data import Run
from tests.support import sample_run


def costs(run: Run) -> SectionContent:
    rows = [{"service": "<b>checkout</b>", "dollars": "12"}]
    return SectionContent(["What it cost."], [("service", "Service"), ("dollars", "Dollars")], rows)


def broken(run: Run) -> SectionContent:
    raise LookupError("no prices")


def nothing(run: Run) -> None:
    return None


def page(folder: Path, monkeypatch: pytest.MonkeyPatch, **sections: Any) -> str:
    """Return the report of a sample run with these sections registered."""
    registered = {name: ReportSection(f"Section {name}", content) for name, content in sections.items()}
    monkeypatch.setattr(registries, "REPORT_SECTIONS", registered)
    return render_run(sample_run.bad_deploy(folder)).read_text(encoding="utf-8")


def test_sections_are_shown_escaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Title, paragraphs and table of each section that has something to show; nothing of it is markup."""
    html = page(tmp_path / "run", monkeypatch, costs=costs, none=nothing)
    assert "Section costs</h2>" in html
    assert "<p>What it cost.</p>" in html
    assert '<th scope="col">Dollars</th>' in html
    assert "<td>&lt;b&gt;checkout&lt;/b&gt;</td><td>12</td>" in html
    assert "Section none" not in html


def test_a_section_that_fails_takes_no_report_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error stands in its place; the other sections and the report are whole."""
    html = page(tmp_path / "run", monkeypatch, broken=broken, costs=costs)
    assert "This section can&#39;t be shown: LookupError: no prices" in html
    assert "Section costs</h2>" in html
    assert "Repeat this run" in html


def test_what_can_be_registered() -> None:
    """Only a `ReportSection`."""
    assert reject("costs", ReportSection("Costs", costs)) is None
    assert reject("costs", costs) is not None
