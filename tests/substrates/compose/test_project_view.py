"""A Compose project seen through the engine's answers, which are given here."""

from __future__ import annotations

from typing import Any

import pytest

from gameday.ports import PortError
from gameday.substrates.compose.project_view import ProjectView
from gameday.topology import Topology


class Answers:
    """An engine with these volumes and networks."""

    def __init__(self, *, volumes: Any = (), networks: Any = ()) -> None:
        self._volumes, self._networks = volumes, networks

    def volumes(self) -> Any:
        return {"Volumes": [{"Name": name} for name in self._volumes] or None}

    def networks(self) -> Any:
        return [{"Name": name} for name in self._networks]


def view(client: Any) -> ProjectView:
    """Return the view of the project `shop`."""
    return ProjectView(client, "shop", Topology(("local",), (), ()))


PROJECT = {
    "networks": {"default": {"name": "shop_default"}, "edge": {"name": "edge", "external": True}},
    "volumes": {"data": {"name": "shop-data"}, "plain": None, "kept": {"name": "kept", "external": True}},
}


@pytest.mark.parametrize(
    "existing",
    [{"volumes": ["shop-data"]}, {"volumes": ["plain"]}, {"networks": ["bridge", "shop_default"]}],
)
def test_a_volume_or_network_that_exists_is_refused(existing: dict[str, Any]) -> None:
    """The error names what would be taken over, by its name on the engine."""
    with pytest.raises(PortError, match=r"shop-data|plain|shop_default"):
        view(Answers(**existing)).refuse_existing(PROJECT)


def test_external_volumes_and_networks_may_exist() -> None:
    """Compose neither creates nor removes them."""
    view(Answers(volumes=["kept", "data"], networks=["edge", "default"])).refuse_existing(PROJECT)
