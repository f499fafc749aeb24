"""gameday_reports.run_page.gates_table: what gates found, and what would have stopped a change that shipped."""

from __future__ import annotations

from pathlib import Path

from gameday.analysis.model.event_models import GateResult
from gameday.console.run_summary import gate_lines
from gameday_reports.run_page import gates_table
from gameday_reports.run_page.render import render
from gameday_reports.run_page.run_data import Run, read
from tests.support import sample_run

FINDING = {
    "message": "no owner of pricing has approved",
    "file": "release.yaml",
    "line": 12,
    "hint": "ask <them>",
}


def gate(name: str, mode: str, result: str = "blocked", release: str = "pricing-1.1.0") -> GateResult:
    findings = [] if result == "passed" else [FINDING]
    return GateResult.model_validate(
        {"t": 1, "change": "c1", "release": release, "gate": name, "mode": mode, "result": result}
        | {"findings": findings, "took_s": 0.0012}
    )


def run_with(tmp_path: Path, *gates: GateResult) -> Run:
    run = read(sample_run.bad_deploy(tmp_path / "run"))
    outcome = run.outcome.model_copy(update={"gates": gates})
    object.__setattr__(run, "outcome", outcome)
    return run


def test_a_change_that_shipped_says_what_would_have_stopped_it(tmp_path: Path) -> None:
    """Gates that only warn are named in page and terminal as those that would have stopped the change."""
    gates = (gate("ownership", "warn"), gate("seniority", "warn"), gate("provenance", "warn", "passed"))
    run = run_with(tmp_path, *gates)
    words = "in mode block, the gates ownership and seniority would have stopped it"
    assert words in gates_table.conclusion(run)
    page = render(run)
    assert words in page
    assert "release.yaml:12: no owner of pricing has approved (ask &lt;them&gt;)" in page
    assert list(gate_lines(gates)) == ["pricing-1.1.0 shipped; ownership, seniority would have stopped it"]


def test_a_refused_change_names_its_gates(tmp_path: Path) -> None:
    """A change that gates refused isn't said to have shipped, even if another gate only warned."""
    gates = (gate("ownership", "block"), gate("seniority", "warn"), gate("x", "block", "passed", "web-1.0.0"))
    run = run_with(tmp_path, *gates)
    assert gates_table.conclusion(run) == "pricing-1.1.0 was refused by the gate ownership."
    assert [row.result for row in gates_table.gates(run)] == ["blocked", "blocked; only warns", "passed"]
    assert list(gate_lines(gates)) == ["pricing-1.1.0 refused by ownership"]


def test_a_run_without_gates_has_no_table(tmp_path: Path) -> None:
    """The page of a scenario without gates doesn't mention them."""
    assert "<h3>Gates</h3>" not in render(run_with(tmp_path))
