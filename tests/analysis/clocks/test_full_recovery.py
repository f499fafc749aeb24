"""Tests of full recovery: instances, faults, databases and traffic are all back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.measured import measure
from tests.support.run_folders import Story, failing, steadily, write

PLACE = {"service": "pricing", "region": "us-east", "release": "pricing-1.0.0"}


def lost() -> Story:
    """Return a story in which us-east is lost at 18 s with both its instances."""
    story = (
        Story()
        .begin()
        .add(18.0, "fault.intended", "f1", kind="region.lose", target="us-east", region="us-east")
    )
    for number in (1, 2):
        story.add(18.1, "instance.killed", f"us-east.pricing.{number}", **PLACE)
    return story.add(18.2, "fault.injected", "f1")


def back(story: Story, t: float) -> Story:
    """Add both instances under new names at `t`, and the revert of the fault a second later."""
    for number in (3, 4):
        story.add(t, "instance.ready", f"us-east.pricing.{number}", **PLACE)
    return story.add(t + 1, "fault.reverted", "f1", by="schedule")


def restored(folder: Path, story: Story) -> float | None:
    outcome = measure(write(folder / "run", story.finish(), failing(steadily(), 20.0, 24.0)))
    time: float | None = outcome["clocks"]["restored"]
    return time


def test_killed_instances_are_gone_until_others_are_ready(tmp_path: Path) -> None:
    """Users are well at 24 s; capacity is full when the fault is reverted at 41 s."""
    assert restored(tmp_path, back(lost(), 40.0)) == 41.0


def test_one_instance_short_is_not_restored(tmp_path: Path) -> None:
    """Restored is null if the fault is over and one of two instances is missing."""
    story = lost().add(40.0, "instance.ready", "us-east.pricing.3", **PLACE)
    assert restored(tmp_path, story.add(41.0, "fault.reverted", "f1", by="schedule")) is None


def test_a_fault_active_at_the_end_is_not_restored(tmp_path: Path) -> None:
    """A revert by the clean-up, after the end of the run, doesn't count."""
    story = lost()
    for number in (3, 4):
        story.add(40.0, "instance.ready", f"us-east.pricing.{number}", **PLACE)
    assert restored(tmp_path, story) is None


@pytest.mark.parametrize(
    ("out", "again"), [("fence.confirmed", "replica.caught_up"), ("traffic.drained", "traffic.returned")]
)
def test_a_database_and_its_traffic_come_back_too(tmp_path: Path, out: str, again: str) -> None:
    """A fenced database has to catch up and a drained region to get traffic; events of another
    region don't count."""
    story = back(lost().add(22.0, out, "us-east"), 40.0).add(43.0, again, "eu-west")
    assert restored(tmp_path / "a", story) is None
    story = back(lost().add(22.0, out, "us-east"), 40.0).add(45.5, again, "us-east")
    assert restored(tmp_path / "b", story) == 45.5


def test_a_deleted_environment_is_damage_until_it_is_recreated(tmp_path: Path) -> None:
    """A release that the automation deploys in the recreated environment isn't faulty."""
    story = Story().begin()
    story.add(
        18.0, "fault.intended", "f1", kind="environment.delete", target="us-east", region="us-east", plan="c1"
    )
    story.add(
        18.0,
        "change.started",
        "c1",
        service="pricing",
        release="pricing-1.0.1",
        kind="infra",
        by="automation",
    )
    for number in (1, 2):
        story.add(18.1, "instance.killed", f"us-east.pricing.{number}", **PLACE)
        story.add(
            30.0, "instance.ready", f"us-east.pricing.{number + 2}", **{**PLACE, "release": "pricing-1.0.1"}
        )
    story.add(32.0, "change.done", "c1").add(32.0, "fault.injected", "f1")
    assert restored(tmp_path, story.add(32.5, "fault.reverted", "f1", by="system")) == 32.5


def migrated(story: Story, t: float, change: str, release: str, **more: Any) -> Story:
    """Add a change that replaces every instance of pricing within a second."""
    about = {
        "service": "pricing",
        "release": release,
        "by": "timeline",
        "rollback_of": None,
        "migration": None,
    }
    story.add(t, "change.started", change, **about | more)
    for region in ("us-east", "eu-west"):
        for number in (1, 2):
            gone = [
                e
                for e in story.events
                if e.kind == "instance.ready" and e.subject.startswith(f"{region}.pricing")
            ]
            place = PLACE | {"region": region, "release": release}
            story.add(t + 0.8, "instance.ready", f"{region}.pricing.{change}{number}", **place)
            story.add(t + 0.9, "instance.stopped", gone[-2].subject, release="")
    return story.add(t + 1, "change.done", change)


def renamed(fix: bool) -> Story:
    """Return a story: c1 is bad and renames a column at 18 s, is rolled back at 22 s; a third
    release fixes it at 40 s."""
    story = (
        Story().begin().add(18.0, "fault.intended", "f1", kind="bad-deploy", target="pricing", change="c1")
    )
    migrated(story, 18.0, "c1", "pricing-1.1.0", migration="rename.sql")
    migrated(story, 22.0, "c2", "pricing-1.0.0", by="auto", rollback_of="c1")
    story.add(23.1, "fault.reverted", "f1", by="responder")
    return migrated(story, 40.0, "c3", "pricing-1.1.1", migration="both.sql") if fix else story


@pytest.mark.parametrize(
    ("fix", "well", "at"), [(True, 40.5, 40.9), (False, 23.0, 22.9), (True, 23.0, 22.9), (False, None, None)]
)
def test_a_release_that_a_migration_left_behind_is_no_good_one(
    tmp_path: Path, fix: bool, well: float | None, at: float | None
) -> None:
    """After the rollback of 22.9 s restored is set if users were well on it, else with the next
    release or never."""
    outcome = measure(write(tmp_path / "run", renamed(fix).finish(), failing(steadily(), 20.0, well or 60.0)))
    assert outcome["clocks"]["recovered"] == well
    assert outcome["clocks"]["restored"] == at


def test_it_is_good_again_after_the_next_change(tmp_path: Path) -> None:
    """The first release runs on the schema of the fix, so a rollback of the fix leaves capacity full."""
    story = migrated(renamed(True), 43.0, "c4", "pricing-1.0.0", by="auto", rollback_of="c3").finish()
    outcome = measure(write(tmp_path / "run", story, failing(steadily(), 20.0, 40.5)))
    assert outcome["clocks"]["restored"] == 40.9
