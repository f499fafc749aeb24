"""Tests of rollout plans: which instances are replaced together, and where the pauses are."""

from gameday.changes.rollout import Hold, Replace, plan
from gameday.ports import Instance

FOUR = [
    Instance("us-east.pricing.1", "us-east", "pricing", "pricing-1.0.0"),
    Instance("us-east.pricing.2", "us-east", "pricing", "pricing-1.0.0"),
    Instance("eu-west.pricing.1", "eu-west", "pricing", "pricing-1.0.0"),
    Instance("eu-west.pricing.2", "eu-west", "pricing", "pricing-1.0.0"),
]
NEW = [Replace(instance, "pricing-1.1.0") for instance in FOUR]


def test_all_at_once_is_one_parallel_batch() -> None:
    """All at once replaces every instance in one batch without a pause."""
    assert list(plan(FOUR, "pricing-1.1.0", "all-at-once", 5.0)) == [tuple(NEW)]


def test_rolling_is_one_at_a_time_with_pauses_between() -> None:
    """A rolling update pauses between batches, not before the first or after the last."""
    steps = list(plan(FOUR[:2], "pricing-1.1.0", "rolling", 5.0))
    assert steps == [(NEW[0],), Hold(5.0), (NEW[1],)]


def test_region_by_region_takes_a_whole_region() -> None:
    """Each batch is a whole region, in the given order of regions."""
    assert list(plan(FOUR, "pricing-1.1.0", "region-by-region")) == [tuple(NEW[:2]), tuple(NEW[2:])]


def test_instances_on_the_release_are_not_replaced() -> None:
    """Instances that already run the release aren't replaced, so a rollback undoes only a partial
    deploy."""
    mixed = [FOUR[0], Instance("us-east.pricing.3", "us-east", "pricing", "pricing-1.1.0")]
    assert list(plan(mixed, "pricing-1.1.0", "all-at-once")) == [(NEW[0],)]
    assert list(plan([mixed[1]], "pricing-1.1.0", "all-at-once")) == []
