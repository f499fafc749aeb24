"""The edge: home region first, in turn by weight otherwise, and on to the next region where one gives no answer."""

import asyncio
import contextlib
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator

import pytest
import requests

from storefront import edge, outgoing
from storefront.edge import Region, Router
from storefront.outgoing import Client, Peer
from storefront.problems import Unreachable
from tests.storefront import running


class Checked(Peer):
    """A peer whose health check always fails."""

    async def ask(self, path: str) -> object:
        raise Unreachable(self.name)


def region(name: str, client: Client, weight: int = 1) -> Region:
    """A region that has not been checked yet."""
    peer = Checked(name, "http://127.0.0.1:1", client)
    return Region(name, peer, peer, weight)


async def fail_checks(of: Region) -> None:
    """Let a region's health checks fail until it counts as lost."""
    watch = asyncio.create_task(of.watch())
    async with asyncio.timeout(5):
        while of.healthy:
            await asyncio.sleep(0.01)
    watch.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watch


def names(order: list[Region]) -> list[str]:
    """The order's names."""
    return [one.name for one in order]


def test_the_home_region_is_first_while_it_is_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A healthy home region is tried first, a lost one last."""
    monkeypatch.setattr(edge, "CHECK_EVERY_S", 0.01)

    async def run() -> None:
        async with outgoing.client() as client:
            regions = [region("us-east", client), region("eu-west", client)]
            router = Router(regions)
            assert names(router.order("eu-west")) == ["eu-west", "us-east"]
            await fail_checks(regions[1])
            assert names(router.order("eu-west")) == ["us-east", "eu-west"]

    asyncio.run(run())


def test_requests_without_a_home_go_in_turn_by_weight() -> None:
    """Of six requests a region of weight 2 gets four, its neighbour of weight 1 two; an unknown home is none."""

    async def run() -> None:
        async with outgoing.client() as client:
            router = Router([region("us-east", client, 2), region("eu-west", client)])
            homes = [None, "atlantis"] * 3
            assert Counter(names(router.order(home))[0] for home in homes) == {"us-east": 4, "eu-west": 2}

    asyncio.run(run())


@contextlib.contextmanager
def two_regions() -> Iterator[tuple[str, dict[str, "subprocess.Popen[bytes]"]]]:
    """An edge and its two gateways, with nothing behind them: enough to see who answered. Yields URL and gateways."""
    behind = ("CATALOG", "IDENTITY", "CHECKOUT", "ORDERS", "COSTS")
    nowhere = {f"{name}_URL": "http://127.0.0.1:1" for name in behind}
    ports = {"us-east": running.free_port(), "eu-west": running.free_port()}
    gateways = {name: running.start("gateway", port, {**nowhere, "REGION": name}) for name, port in ports.items()}
    addresses = ",".join(f"{name}=http://127.0.0.1:{port}" for name, port in ports.items())
    port = running.free_port()
    door = running.start("edge", port, {"GATEWAYS": addresses, "REGION": "edge"})
    try:
        yield f"http://127.0.0.1:{port}", gateways
    finally:
        for process in (door, *gateways.values()):
            running.stop(process)


@pytest.mark.system
def test_a_lost_region_is_failed_over() -> None:
    """A request reaches its home region; with that gateway killed the other region answers, at once and always."""
    home = {"X-Home-Region": "eu-west"}
    with two_regions() as (url, gateways):
        assert requests.get(url + "/costs", headers=home, timeout=5).headers["X-Region"] == "eu-west"
        running.stop(gateways["eu-west"], signal.SIGKILL)
        for _ in range(20):
            answer = requests.get(url + "/costs", headers=home, timeout=5)
            assert answer.headers["X-Region"] == "us-east"
            assert answer.json() == {"error": "costs is unreachable"}


@pytest.mark.system
def test_with_all_regions_lost_the_edge_says_so() -> None:
    """No gateway at all: 503 from the edge itself."""
    with two_regions() as (url, gateways):
        for process in gateways.values():
            running.stop(process, signal.SIGKILL)
        answer = requests.get(url + "/costs", timeout=5)
        assert (answer.status_code, answer.headers["X-Region"]) == (503, "edge")
        assert answer.headers["X-Release"] == "edge-1.0.0"
