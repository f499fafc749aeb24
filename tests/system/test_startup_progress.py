"""What a start waits for, in words."""

from __future__ import annotations

from gameday.system.startup_progress import StartupProgress


def test_instances_are_named_while_they_start() -> None:
    """Each service once, with how many of it; none that is ready."""
    awaited = StartupProgress()
    with (
        awaited.starting("us-east.pricing"),
        awaited.starting("us-east.pricing"),
        awaited.starting("eu-west.orders"),
    ):
        assert awaited.names() == ("eu-west.orders", "us-east.pricing (2 instances)")
    assert awaited.names() == ()


def test_an_instance_that_failed_is_waited_for_no_more() -> None:
    """Whatever it raised."""
    awaited = StartupProgress()
    try:
        with awaited.starting("us-east.pricing"):
            raise RuntimeError
    except RuntimeError:
        assert awaited.names() == ()


def test_before_any_instance_it_is_what_was_told() -> None:
    """The image is built first."""
    awaited = StartupProgress()
    awaited.report("Step 3/9")
    assert awaited.names() == ("Step 3/9",)
    with awaited.starting("us-east.pricing"):
        assert awaited.names() == ("us-east.pricing",)
