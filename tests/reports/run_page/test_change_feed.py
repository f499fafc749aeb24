"""gameday_reports.run_page.change_feed: the feed, the change that did it, its diff."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gameday.recording.journal import Event
from gameday_reports.run_page import change_feed
from gameday_reports.run_page.render import render
from gameday_reports.run_page.run_data import Run, read
from tests.support import sample_run
from tests.support.sample_review import Variant, variant


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return read(sample_run.bad_deploy(tmp_path_factory.mktemp("changes") / "run"))


def test_the_feed_holds_every_change_in_order(run: Run) -> None:
    """A good deploy, the faulty one, the rollback: each says what it is."""
    feed = change_feed.feed(run)
    assert [(each.service, each.versions, each.note) for each in feed] == [
        ("catalog", "1.0.0 → 1.1.0", ""),
        ("pricing", "1.0.0 → 1.1.0", "the faulty one"),
        ("pricing", "1.1.0 → 1.0.0", "takes back c1"),
    ]
    assert feed[2].kind == "rollback"


def test_the_change_that_did_it_is_the_faulty_one_not_the_first(run: Run) -> None:
    """The culprit comes from the fault, with provenance, approvals and defect."""
    found = change_feed.culprit(run)
    assert found is not None
    assert (found.change.release, found.faulty) == ("pricing-1.1.0", True)
    assert ("Model", "large-2") in found.ai
    assert found.change.author == "Backend engineer, senior"
    assert found.change.approvals == "Pricing lead"
    assert found.defect.startswith("The largest discount")


def test_no_ai_is_said_only_where_it_is_known(tmp_path: Path) -> None:
    """`ai: none` in a release means none was involved; a change that says nothing of AI is 'not recorded'."""
    folder = sample_run.bad_deploy(tmp_path / "run")
    journal = (folder / "journal.jsonl").read_text(encoding="utf-8")
    known = journal.replace(
        '"ai":{"tool":"code assistant","model":"large-2","prompt":"Make the discount tiers a table"}',
        '"ai":false',
    )
    (folder / "journal.jsonl").write_text(known, encoding="utf-8")
    (folder / "releases" / "pricing-1.1.0.yaml").unlink()
    assert [each.ai for each in change_feed.feed(read(folder))] == [
        change_feed.NOT_SAID,
        change_feed.NO_AI,
        "",
    ]
    (folder / "journal.jsonl").write_text(known.replace('"ai":false', '"ai":null'), encoding="utf-8")
    assert change_feed.feed(read(folder))[1].ai == change_feed.NOT_SAID


def test_a_change_that_was_refused_has_not_failed(run: Run) -> None:
    """The feed says when, and in whose words; one that failed is said to have."""
    no = {"why": "refused (403): no such scope", "refused": True, "status": 403}
    for data, told in (
        (no, "14.50 s: refused (403): no such scope"),
        ({"why": "ended"}, "failed at 14.50 s: ended"),
    ):
        changed = variant(run, Variant(drop=["change.done"], add=[Event(14.5, "change.failed", "c1", data)]))
        assert [each.state for each in change_feed.feed(changed) if each.id == "c1"] == [told]


def test_the_lines_of_a_diff_are_told_apart() -> None:
    """Headers aren't taken for changed lines."""
    kinds = [line.kind for line in change_feed.diff("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+new\n same\n")]
    assert kinds == ["file", "file", "hunk", "del", "add", "same"]


def test_what_a_fault_was_on_the_substrate_is_on_the_page(tmp_path: Path) -> None:
    """Once for each kind of fault, escaped, with the substrate's name."""
    folder = sample_run.bad_deploy(tmp_path / "run")
    outcome = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
    for fault in outcome["faults"]:
        fault["meaning"] = "its <containers> are killed."
    (folder / "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")
    (words,) = change_feed.meanings(read(folder))
    assert words == f"bad-deploy on {outcome['run']['substrate']}: its <containers> are killed."
    assert "its &lt;containers&gt; are killed." in render(read(folder))
