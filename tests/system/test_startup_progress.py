"""Progress of a bring-up: the instances that aren't ready."""

from __future__ import annotations

from gameday.system.startup_progress import StartupProgress


def test_instances_are_named_while_they_start() -> None:
    """Each service is named once, with its number of instances; ready instances aren't named."""
    progress = StartupProgress()
    with (
        progress.starting("us-east.pricing"),
        progress.starting("us-east.pricing"),
        progress.starting("eu-west.orders"),
    ):
        assert progress.names() == ("eu-west.orders", "us-east.pricing (2 instances)")
    assert progress.names() == ()


def test_an_instance_that_failed_is_not_progress() -> None:
    """Its error doesn't matter."""
    progress = StartupProgress()
    try:
        with progress.starting("us-east.pricing"):
            raise RuntimeError
    except RuntimeError:
        assert progress.names() == ()


def test_before_any_instance_it_is_the_last_report() -> None:
    """The image is built before any instance starts."""
    progress = StartupProgress()
    progress.report("Step 3/9")
    assert progress.names() == ("Step 3/9",)
    with progress.starting("us-east.pricing"):
        assert progress.names() == ("us-east.pricing",)
