"""Ranking of changes in flight on simulated traffic, against what truly broke."""

import math
from dataclasses import replace

import numpy as np
import pytest

from gameday.operations import Suspect
from gameday.slo.suspects import Window, log_gamma, suspects
from tests.support.shop_traffic import SLOS, Outage, Shipped, Shop, changes_of

INNOCENT = ("catalog-1.1.0", "identity-1.1.0", "gateway-1.1.0", "checkout-1.1.0", "orders-1.1.0")


def ranked(shop: Shop, until: float) -> tuple[Suspect, ...]:
    return suspects(changes_of(shop.shipped), SLOS, shop.samples(), Window(0.0, until))


def test_the_bad_release_comes_first_beside_two_innocent_ones() -> None:
    """In 40 simulated outages of many sizes, the culprit is first 36 times or more (90 %), soon after the page."""
    first = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        errors = (1.0, 0.3, 0.05)[seed % 3]
        bad = Shipped("pricing-1.1.0", 20.0, errors, silent=seed % 2 == 0)
        names = random.choice(INNOCENT, 2, replace=False)
        others = [Shipped(str(name), float(random.uniform(17, 22))) for name in names]
        shop = Shop([bad, *others], seconds=26.0 if errors > 0.1 else 32.0, seed=seed)
        first += ranked(shop, 40.0)[0].release == "pricing-1.1.0"
    assert first >= 36


def test_the_newest_change_is_not_the_likeliest_by_being_the_newest() -> None:
    """The innocent gateway release ships later and takes part in every bad request, and in good ones too."""
    shop = Shop([Shipped("pricing-1.1.0", 20.0, 0.5), Shipped("gateway-1.1.0", 20.2, over=3.0)], seconds=25.0)
    best, other = ranked(shop, 25.0)
    assert (best.release, best.change) == ("pricing-1.1.0", "c1")
    assert best.odds > 0.9 > 0.05 > other.odds


def test_an_outage_by_itself_is_no_changes_fault() -> None:
    """Logins fail 15 s after a release that has no part in them: "no change" is likelier than it."""
    shop = Shop([Shipped("pricing-1.1.0", 10.0)], [Outage(25.0, 0.8, ("login",))], seconds=32.0)
    (innocent,) = ranked(shop, 32.0)
    assert innocent.odds < 0.1


def test_a_lost_region_is_no_releases_fault() -> None:
    """One region fails long after a release shipped to both."""
    shop = Shop([Shipped("pricing-1.1.0", 5.0)], [Outage(28.0, 0.9, regions=("us-east",))], seconds=34.0)
    (innocent,) = ranked(shop, 34.0)
    assert innocent.odds < 0.2


def test_a_harm_that_begins_late_is_still_explained() -> None:
    """A leak fails 10 s after its deploy; a change of another path, shipped at that moment, isn't blamed."""
    bad = Shipped("pricing-1.1.0", 15.0, 0.6, delay=10.0)
    shop = Shop([bad, Shipped("identity-1.1.0", 24.8)], seconds=31.0)
    assert ranked(shop, 31.0)[0].release == "pricing-1.1.0"


@pytest.mark.parametrize("errors", [0.0, 0.001])
def test_without_bad_requests_there_is_no_suspect(errors: float) -> None:
    """Fewer than three bad requests are nothing to explain."""
    assert ranked(Shop([Shipped("pricing-1.1.0", 10.0)], errors=errors, seconds=15.0), 15.0) == ()


def test_without_changes_there_is_no_suspect() -> None:
    """An outage in a run that changed nothing has none."""
    assert ranked(Shop(outages=[Outage(10.0, 1.0)], seconds=15.0), 15.0) == ()


def test_what_shipped_after_the_window_is_no_suspect() -> None:
    """Only changes that had begun by the end of the evidence are ranked."""
    shop = Shop([Shipped("pricing-1.1.0", 10.0, 0.5), Shipped("catalog-1.1.0", 30.0)], seconds=25.0)
    assert [suspect.release for suspect in ranked(shop, 25.0)] == ["pricing-1.1.0"]


def test_odds_leave_room_for_no_change_and_never_are_certain() -> None:
    """The probabilities are between 0 and 1, add up to less than 1, and none is over 99.5 %."""
    shop = Shop([Shipped("pricing-1.1.0", 20.0, 1.0), Shipped("orders-1.1.0", 20.5)], seconds=30.0)
    odds = [suspect.odds for suspect in ranked(shop, 30.0)]
    assert 0 < min(odds) <= max(odds) < 0.995
    assert sum(odds) < 1


def test_the_evidence_is_counted() -> None:
    """Each suspect says how many requests with it were bad, and how many without it, since it shipped."""
    shop = Shop([Shipped("pricing-1.1.0", 10.0, 1.0)], seconds=20.0)
    (found,) = ranked(shop, 20.0)
    samples = shop.samples()
    after = samples.records[samples.records["planned"] >= 10.0]
    assert found.bad == found.requests == int((after["error"] != 0).sum())
    assert (found.bad_without, found.requests_without) == (0, len(after) - found.requests)


def test_a_change_that_was_rolled_back_is_weighed_by_the_time_it_was_there() -> None:
    """The outage goes on after the roll-back of the innocent one, which had part in few of the bad requests."""
    shop = Shop([Shipped("pricing-1.1.0", 20.0, 0.5), Shipped("catalog-1.1.0", 20.0)], seconds=30.0)
    feed = changes_of(shop.shipped)
    back = replace(feed[1], id="c3", t=21.0, rollback_of="c2", release="catalog-1.0.0")
    best = suspects(
        [feed[0], replace(feed[1], state="rolled-back"), back], SLOS, shop.samples(), Window(0, 30)
    )
    assert best[0].change == "c1"
    assert len(best) == 2


def test_a_broken_answer_names_no_release() -> None:
    """Requests without any release in their answer count by the share that the release has at their time."""
    shop = Shop(
        [Shipped("pricing-1.1.0", 20.0, 0.9, silent=True), Shipped("orders-1.1.0", 20.0)], seconds=26.0
    )
    best = ranked(shop, 26.0)[0]
    assert (best.release, best.odds > 0.9) == ("pricing-1.1.0", True)
    assert best.bad > 100


@pytest.mark.parametrize("x", [0.5, 1.0, 4.0, 100.5, 5000.0])
def test_log_gamma(x: float) -> None:
    """The series agrees with the C library."""
    assert float(log_gamma(np.array(x))) == pytest.approx(math.lgamma(x), abs=1e-8)
