"""Tests of the clean-up record: what the clean-up reports as left, and every fault without a revert."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.measured import measure
from tests.support.run_folders import Story, steadily, write


def cleanup(folder: Path, story: Story) -> tuple[Any, Any]:
    outcome = measure(write(folder / "run", story, steadily(), expect=["!effect"]))
    return outcome["cleanup"], outcome["exit_status"]


def fault(kind: str | None, t: float = 25.0) -> Story:
    """Return a story with a fault at 18 s and event `kind` of it at `t`, if any; the clean-up
    reports clean."""
    story = Story().begin().add(18.0, "fault.intended", "f1", kind="latency", target="checkout--pricing")
    if kind:
        story.add(t, kind, "f1", by="schedule", why="no such link")
    story.add(60.0, "run.ended", reason="no_effect").add(60.0, "phase", "down")
    return story.add(61.0, "cleanup", clean=True, left=[]).add(61.0, "phase", "done")


@pytest.mark.parametrize(
    ("kind", "t"), [("fault.reverted", 25.0), ("fault.reverted", 60.5), ("fault.failed", 18.5)]
)
def test_a_reverted_or_failed_fault_leaves_nothing(tmp_path: Path, kind: str, t: float) -> None:
    """A fault reverted by the schedule or the clean-up, or never injected, leaves nothing behind."""
    assert cleanup(tmp_path, fault(kind, t)) == ({"clean": True, "left": []}, 0)


@pytest.mark.parametrize("kind", [None, "fault.injected"])
def test_a_fault_without_a_revert_is_left_behind(tmp_path: Path, kind: str | None) -> None:
    """A fault without a revert is left behind, named by kind and target; exit status 5."""
    left = ["fault f1 (latency on checkout--pricing), which was never reverted"]
    assert cleanup(tmp_path, fault(kind)) == ({"clean": False, "left": left}, 5)


def test_entries_of_the_clean_up_come_first(tmp_path: Path) -> None:
    """The clean-up's own entries come first, then the fault without a revert."""
    story = Story().begin().add(18.0, "fault.intended", "f1", kind="pause", target="pricing")
    story.add(60.0, "run.ended", reason="no_effect").add(60.0, "phase", "down")
    record, status = cleanup(tmp_path, story.add(61.0, "cleanup", clean=False, left=["pid 7"]))
    assert (record["left"][0], len(record["left"]), status) == ("pid 7", 2, 5)


def test_without_a_clean_up_nothing_is_known(tmp_path: Path) -> None:
    """A truncated journal without a clean-up is an error of the tool, and nothing is reported as left."""
    story = Story().begin().add(18.0, "fault.intended", "f1", kind="pause", target="pricing")
    assert cleanup(tmp_path, story) == ({"clean": None, "left": []}, 4)


def test_pages_that_stayed_open_are_in_the_outcome(tmp_path: Path) -> None:
    """Those whose resolving failed, unless they were resolved later; other failures of pages don't count."""
    story = fault("fault.reverted")
    for alert in ("a1", "a2"):
        story.add(61.1, "page.failed", alert, to="json at h", action="resolve", why="HTTP 429")
    story.add(61.1, "page.failed", "a3", to="json at h", action="trigger", why="HTTP 429")
    story.add(70.0, "alert.resolved", "a2", by="the reaper")
    outcome = measure(write(tmp_path / "run", story, steadily(), expect=["!effect"]))
    assert outcome["unresolved_pages"] == [{"alert": "a1", "to": "json at h", "why": "HTTP 429"}]
