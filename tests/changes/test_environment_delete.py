"""Tests of the `environment.delete` action: checks of its spec before anything runs."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gameday.changes.environment_delete import Delete
from gameday.topology import bundled, read_topology

TOPOLOGY = read_topology(bundled.compose(), ("us-east", "eu-west"))


@pytest.mark.parametrize("region", ["us-east", "eu-west"])
def test_a_region_of_the_system_has_no_problems(region: str) -> None:
    """Either of the two regions can be deleted."""
    assert list(Delete(region=region).problems(TOPOLOGY)) == []


@pytest.mark.parametrize(
    ("region", "hint"), [("us-eest", "did you mean 'us-east'?"), ("edge", ""), ("mars", "")]
)
def test_an_unknown_region_is_a_problem(region: str, hint: str) -> None:
    """An unknown region is a problem at the key `region`, with a near name as hint; the edge isn't
    a region."""
    ((path, message, suggestion),) = Delete(region=region).problems(TOPOLOGY)
    assert (path, region in message) == (("region",), True)
    assert suggestion.startswith(hint) if hint else "did you mean" not in suggestion


def test_a_region_is_needed() -> None:
    """A spec without a region, or with an unknown key, is rejected."""
    with pytest.raises(ValidationError, match="region"):
        Delete.model_validate({})
    with pytest.raises(ValidationError, match="volumes"):
        Delete.model_validate({"region": "us-east", "volumes": "keep"})
