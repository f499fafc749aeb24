"""Tests of the trace of a change: prompt, diff, gates, approvals, deploy, incident, in this order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gameday.analysis.evidence.change_trace import STEPS, trace
from gameday.cli.guardrails.trace_command import trace as command
from gameday.recording.event import Event
from gameday.scenario.yaml_document import Invalid
from tests.support import sample_run

FINDING = {"message": "no owner of pricing has approved", "file": "release.yaml", "line": 12}
GATE = {
    "gate": "ownership",
    "release": "pricing-1.1.0",
    "took_s": 0.001,
    "mode": "block",
    "findings": [FINDING],
}
EVENTS = [
    Event(14.1, "gate.passed", "c1", {"gate": "provenance", "release": "pricing-1.1.0", "took_s": 0.001}),
    Event(14.1, "gate.needs-approval", "c1", {**GATE, "approvals": ["owner"]}),
    Event(
        14.15,
        "approval.given",
        "c1",
        {"release": "pricing-1.1.0", "role": "owner", "by": "automation", "waited_s": 2.0},
    ),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recorded run of a bad deploy, with gates and an approval before it."""
    folder = sample_run.bad_deploy(tmp_path / "run")
    journal = folder / "journal.jsonl"
    lines = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    keys = list(lines[0])
    added = [
        dict(zip(keys, (event.t, event.kind, event.subject, event.data), strict=True)) for event in EVENTS
    ]
    journal.write_text("".join(json.dumps(line) + "\n" for line in [*lines, *added]), encoding="utf-8")
    return folder


def test_a_change_is_traced_from_prompt_to_incident(folder: Path) -> None:
    """Each part of the chain is there, by id and by release alike, and in the order of a change's life."""
    lines = trace(folder, "c1", {"effect": 14.4, "detect": 15.4, "recovered": 20.0})
    assert lines == trace(folder, "pricing-1.1.0", {"effect": 14.4, "detect": 15.4, "recovered": 20.0})
    steps = [step for step, _ in lines]
    assert list(dict.fromkeys(steps)) == list(STEPS)
    text = "\n".join(sentence for _, sentence in lines)
    for words in (
        "code assistant, large-2: Make the discount tiers a table",
        "ownership needs approval: release.yaml:12: no owner of pricing has approved",
        "by automation as owner, after 2.0 s",
        "14.20 s: begun, all-at-once; 1 instances replaced",
        "14.40 s: users were affected",
        "rollback of pricing by auto",
    ):
        assert words in text


def test_an_innocent_change_has_no_incident(folder: Path) -> None:
    """A change beside the bad one isn't blamed, and says that no gate looked at it."""
    lines = trace(folder, "c0", {"effect": 14.4})
    assert ("gate", "none looked at it") in lines
    assert lines[-1] == ("incident", "none of this change")


def test_the_command_names_the_changes_that_there_are(folder: Path) -> None:
    """An unknown change is an error that lists the known ones; a folder without an outcome is one too."""
    done = CliRunner().invoke(command, ["gone", str(folder)], standalone_mode=False)
    assert isinstance(done.exception, Invalid)
    assert "no change 'gone'; it has c0 (catalog-1.1.0), c1 (pricing-1.1.0)" in str(done.exception)
    done = CliRunner().invoke(command, ["c1", str(folder)], standalone_mode=False)
    assert done.exception is None
    assert done.output.startswith("written   pricing-1.1.0 (code) by Backend engineer, senior")
    (folder / "outcome.json").unlink()
    done = CliRunner().invoke(command, ["c1", str(folder)], standalone_mode=False)
    assert "can't be read" in str(done.exception)
