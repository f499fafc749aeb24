"""Exposure of requests to a release, worked out by hand."""

import numpy as np
import pytest

from gameday.slo.exposure import Traffic

NEW, OLD = "pricing-1.1.0", "pricing-1.0.0"
RELEASES = ((NEW,), (OLD,), ())


def traffic(planned: list[float], release: list[int], bad: list[bool]) -> Traffic:
    """Return requests of one step in one region; `release` is an index into RELEASES."""
    none = np.zeros(len(planned), int)
    return Traffic(
        np.array(planned),
        none,
        none,
        np.array(release, int),
        np.array(bad, bool),
        ("page",),
        ("us",),
        RELEASES,
    )


@pytest.mark.parametrize(
    ("since", "until", "first", "second"),
    [
        (100.0, None, (1 + 0.5) / 2.5, 1.0),
        (100.5, None, (1 + 0.0) / 2.5, 1.0),
        (100.6, None, (1 + 0.0) / 2.5, 0.0),
        (100.0, 100.5, (1 + 0.5) / 2.5, 0.0),
        (99.0, 100.0, (1 + 0.0) / 2.5, 0.0),
    ],
)
def test_a_request_without_a_name_has_the_share_of_its_time(
    since: float, until: float | None, first: float, second: float
) -> None:
    """Half of the named ones in its half second, drawn towards what is expected at the start of it: all or none."""
    requests = traffic([100.0, 100.1, 100.2, 100.6], [0, 1, 2, 2], [False, False, True, True])
    assert requests.exposed("pricing", NEW, since, until) == pytest.approx([1.0, 0.0, first, second])


def test_a_step_that_seldom_involves_the_service_is_seldom_exposed() -> None:
    """One good request in four names the service, so a lost answer had part of it with a quarter of the probability."""
    requests = traffic([0.0, 0.1, 0.2, 0.3, 0.4], [0, 2, 2, 2, 2], [False, False, False, False, True])
    share = (1 + 0.5) / 1.5
    assert requests.touching("pricing") == pytest.approx([0.25] * 5)
    assert requests.exposed("pricing", NEW, 0.0, None)[-1] == pytest.approx(0.25 * share)


def test_no_requests_and_other_services() -> None:
    """Without requests there are no weights; a service that no answer names has the weight 0."""
    assert traffic([], [], []).exposed("pricing", NEW, 0.0, None).tolist() == []
    requests = traffic([3.0, 3.1], [0, 1], [False, True])
    assert requests.touching("orders").tolist() == [0.0, 0.0]
    assert requests.exposed("orders", "orders-1.1.0", 0.0, None).tolist() == [0.0, 0.0]
