"""Links that a selector matches, and its problems if it matches none."""

from __future__ import annotations

from typing import Any

import pytest

from gameday.faults.link import Selector
from gameday.topology import bundled, read_topology
from tests.support.fake_arena import topology

THERE = topology()


def selector(**keys: str) -> Selector:
    return Selector.model_validate(keys)


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ({"from": "checkout", "to": "pricing"}, ["us-east.checkout--pricing", "eu-west.checkout--pricing"]),
        ({"from": "checkout", "to": "pricing", "region": "eu-west"}, ["eu-west.checkout--pricing"]),
        ({"from": "edge", "to": "gateway", "toRegion": "us-east"}, ["edge--gateway.us-east"]),
        (
            {"from": "checkout", "to": "postgres", "region": "us-east"},
            ["us-east.checkout--postgres", "us-east.checkout--postgres.eu-west"],
        ),
        (
            {"from": "checkout", "to": "postgres", "region": "us-east", "toRegion": "eu-west"},
            ["us-east.checkout--postgres.eu-west"],
        ),
        (
            {"from": "checkout", "to": "payments", "toRegion": "edge", "region": "us-east"},
            ["us-east.checkout--payments"],
        ),
    ],
)
def test_a_selector_means_the_links_of_its_fields(keys: dict[str, str], names: list[str]) -> None:
    """A selector matches caller and callee, in every region unless one is named."""
    assert [link.name for link in selector(**keys).links(THERE)] == names
    assert list(selector(**keys).problems(THERE)) == []


def test_clients_have_one_link() -> None:
    """The link by which users enter is selected like any other; no service calls users."""
    shop = read_topology(bundled.compose(), ("us-east", "eu-west"))
    entering = selector(**{"from": "clients", "to": "edge"})
    assert [link.name for link in entering.links(shop)] == ["clients--edge"]
    assert list(entering.problems(shop)) == []
    assert list(selector(**{"from": "clients", "to": "gateway"}).problems(shop)) == [
        (("link",), "there is no link clients--gateway", "clients has links to edge")
    ]
    [(path, text, _)] = selector(**{"from": "edge", "to": "clients"}).problems(shop)
    assert (path, "clients" in text) == (("link", "to"), True)


@pytest.mark.parametrize(
    ("keys", "path", "hint"),
    [
        ({"from": "chekout", "to": "pricing"}, ("link", "from"), "checkout"),
        ({"from": "checkout", "to": "prising"}, ("link", "to"), "pricing"),
        ({"from": "checkout", "to": "pricing", "region": "eu-wset"}, ("link", "region"), "eu-west"),
        ({"from": "checkout", "to": "pricing", "toRegion": "eu-wset"}, ("link", "toRegion"), "eu-west"),
        ({"from": "checkout", "to": "gateway"}, ("link",), "payments, postgres, pricing"),
        ({"from": "pricing", "to": "gateway"}, ("link",), "pricing calls no service"),
        (
            {"from": "checkout", "to": "pricing", "region": "us-east", "toRegion": "eu-west"},
            ("link",),
            "regions",
        ),
    ],
)
def test_a_missing_link_is_a_problem(keys: dict[str, str], path: Any, hint: str) -> None:
    """A missing link is one problem, at the wrong key, with the existing names."""
    problems = list(selector(**keys).problems(THERE))
    assert [problem[0] for problem in problems] == [path]
    assert hint in problems[0][2]


def test_every_wrong_key_is_a_problem() -> None:
    """Two typos are two problems."""
    assert len(list(selector(**{"from": "x", "to": "y", "region": "z"}).problems(THERE))) == 3
