"""The edge: home region first, in turn by weight otherwise, on to the next where one gives no answer; drains."""

import asyncio
import contextlib
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import requests

from storefront import outgoing, regions
from storefront.edge import Router
from storefront.outgoing import Client, Peer
from storefront.problems import Problem, Unreachable
from storefront.regions import Check, Region
from tests.support import storefront_services
from tests.support.waiting import until

HOME = {"X-Home-Region": "eu-west"}
BEHIND = ("CATALOG", "IDENTITY", "CHECKOUT", "ORDERS", "COSTS")
NOWHERE = {f"{name}_URL": "http://127.0.0.1:1" for name in BEHIND}


class Checked(Peer):
    """A peer whose checks always fail."""

    async def ask(self, path: str) -> object:
        raise Unreachable(self.name)


@dataclass(frozen=True)
class Scripted(Peer):
    """A peer that answers, or doesn't, as listed; `paths` are those that it was asked for."""

    answers: Iterator[bool] = field(default_factory=lambda: iter(()))
    paths: list[str] = field(default_factory=list)

    async def ask(self, path: str) -> object:
        self.paths.append(path)
        if not next(self.answers):
            raise Unreachable(self.name)
        return {}


def region(name: str, client: Client, weight: int = 1) -> Region:
    """A region that has not been checked yet."""
    peer = Checked(name, "http://127.0.0.1:1", client)
    return Region(name, peer, Check(peer, "/healthz"), Check(peer, "/ready"), weight)


async def fail(check: Check) -> None:
    """Let a check fail until it counts as failed."""
    watch = asyncio.create_task(check.watch())
    async with asyncio.timeout(5):
        while check.good:
            await asyncio.sleep(0.01)
    watch.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watch


def names(order: list[Region]) -> list[str]:
    """The order's names."""
    return [one.name for one in order]


def test_the_home_region_is_first_while_it_is_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A healthy home region is tried first, a lost one last."""
    monkeypatch.setattr(regions, "CHECK_EVERY_S", 0.01)

    async def run() -> None:
        async with outgoing.client() as client:
            known = [region("us-east", client), region("eu-west", client)]
            router = Router(known)
            assert names(router.order("eu-west")) == ["eu-west", "us-east"]
            await fail(known[1].health)
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


def test_a_drained_region_gets_nothing_while_another_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even as the last resort; only with all others lost it is tried again, and before those."""
    monkeypatch.setattr(regions, "CHECK_EVERY_S", 0.01)

    async def run() -> None:
        async with outgoing.client() as client:
            known = [region("us-east", client), region("eu-west", client)]
            router = Router(known)
            known[1].drained = True
            assert names(router.order("eu-west")) == names(router.order(None)) == ["us-east"]
            await fail(known[0].health)
            assert names(router.order("us-east")) == ["eu-west", "us-east"]

    asyncio.run(run())


def test_what_is_known_at_home_only_is_asked_there_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The home region alone; lost or drained, a 503; whoever has no home is sent anywhere."""
    monkeypatch.setattr(regions, "CHECK_EVERY_S", 0.01)

    async def run() -> None:
        async with outgoing.client() as client:
            known = [region("us-east", client), region("eu-west", client)]
            router = Router(known)
            assert names(router.at_home("eu-west")) == ["eu-west"]
            assert len(router.at_home(None)) == 2
            known[1].drained = True
            with pytest.raises(Problem, match="eu-west is away"):
                router.at_home("eu-west")
            known[1].drained = False
            await fail(known[1].health)
            with pytest.raises(Problem, match="eu-west is away"):
                router.at_home("eu-west")
            assert names(router.at_home(None))[0] == "us-east"

    asyncio.run(run())


def test_a_new_edge_knows_lost_regions_before_it_listens() -> None:
    """Two failures in a row, as later; one good answer is enough for a region that is up."""

    async def run() -> None:
        async with outgoing.client() as client:
            lost = region("us-east", client)
            await lost.health.begin()
            assert not lost.healthy
            for answers, asked in (([True], 1), ([False, True], 2)):
                peer = Scripted("eu-west", "http://127.0.0.1:1", client, answers=iter(answers))
                check = Check(peer, "/healthz")
                await check.begin()
                assert (check.good, len(peer.paths)) == (True, asked)

    asyncio.run(run())


def test_a_drain_is_there_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """DRAINED names the regions that get no traffic; a name that no region has is an error."""
    monkeypatch.setenv("GATEWAYS", "us-east=http://h:1,eu-west=http://h:2,me-central=http://h:3")

    async def drained(names: str) -> list[str]:
        monkeypatch.setenv("DRAINED", names)
        async with outgoing.client() as client:
            return [one.name for one in regions.known(client) if one.drained]

    assert asyncio.run(drained("")) == []
    assert asyncio.run(drained("me-central,us-east")) == ["us-east", "me-central"]
    with pytest.raises(SystemExit, match="DRAINED: no region is called us-wst"):
        asyncio.run(drained("us-wst"))


@dataclass
class Regions:
    """An edge and its gateways; `addresses` are the gateways' by region."""

    url: str
    gateways: dict[str, "subprocess.Popen[bytes]"]
    addresses: str

    def get(self, path: str, headers: dict[str, str] | None = None) -> requests.Response:
        """GET at the edge."""
        return requests.get(self.url + path, headers=headers or {}, timeout=5)

    def status(self, name: str) -> dict[str, object]:
        """A region as operators see it."""
        found: dict[str, object] = storefront_services.operate(self.url, "status")["regions"][name]
        return found


@contextlib.contextmanager
def two_regions(guardrails: str = "timeouts", behind: dict[str, str] | None = None) -> Iterator[Regions]:
    """An edge and its two gateways, with nothing behind them: enough to see who answered.

    They are killed at the end, since how a service drains is tested with the server.
    """
    ports = {"us-east": storefront_services.free_port(), "eu-west": storefront_services.free_port()}
    own = {**NOWHERE, **(behind or {})}
    gateways = {
        name: storefront_services.launch("gateway", port, {**own, "REGION": name})
        for name, port in ports.items()
    }
    addresses = ",".join(f"{name}=http://127.0.0.1:{port}" for name, port in ports.items())
    try:
        for name, process in gateways.items():
            storefront_services.await_listening(f"gateway of {name}", ports[name], process)
        with edge_before(gateways, addresses, guardrails) as found:
            yield found
    finally:
        for process in gateways.values():
            storefront_services.stop(process, signal.SIGKILL)


@contextlib.contextmanager
def edge_before(
    gateways: dict[str, "subprocess.Popen[bytes]"], addresses: str, guardrails: str = "timeouts"
) -> Iterator[Regions]:
    """An edge in front of these gateways."""
    port = storefront_services.free_port()
    environment = {"GATEWAYS": addresses, "REGION": "edge", "GUARDRAILS": guardrails}
    door = storefront_services.start("edge", port, environment)
    try:
        yield Regions(f"http://127.0.0.1:{port}", gateways, addresses)
    finally:
        storefront_services.stop(door, signal.SIGKILL)


@pytest.mark.system
def test_a_lost_region_is_failed_over() -> None:
    """A request reaches its home region; with that gateway killed the other region answers, at once and always.

    What is known at home only is a 503 of the edge's own from then on.
    """
    with two_regions() as found:
        assert found.get("/products/1", HOME).headers["X-Region"] == "eu-west"
        assert found.get("/costs", HOME).headers["X-Region"] == "eu-west"
        storefront_services.stop(found.gateways["eu-west"], signal.SIGKILL)
        for _ in range(20):
            answer = found.get("/products/1", HOME)
            assert answer.headers["X-Region"] == "us-east"
            assert answer.json() == {"error": "catalog is unreachable"}
            costs = found.get("/costs", HOME)
            assert (costs.status_code, costs.headers["X-Region"]) == (503, "edge")
        until(lambda: not found.status("eu-west")["up"], "the region is known to be lost")
        assert "eu-west is away" in found.get("/costs", HOME).text
        assert found.get("/costs").headers["X-Region"] == "us-east"


@pytest.mark.system
def test_with_all_regions_lost_the_edge_says_so() -> None:
    """No gateway at all: 503 from the edge itself."""
    with two_regions() as found:
        for process in found.gateways.values():
            storefront_services.stop(process, signal.SIGKILL)
        answer = found.get("/products/1")
        assert (answer.status_code, answer.headers["X-Region"]) == (503, "edge")
        assert answer.headers["X-Release"] == "edge-1.0.0"


@pytest.mark.system
def test_an_edge_that_starts_beside_a_lost_region_knows_it() -> None:
    """Its first status says so, and its first customer from there is served elsewhere."""
    with two_regions() as found:
        storefront_services.stop(found.gateways["eu-west"], signal.SIGKILL)
        with edge_before(found.gateways, found.addresses) as edge:
            status = storefront_services.operate(edge.url, "status")["regions"]
            assert {name: one["up"] for name, one in status.items()} == {"us-east": True, "eu-west": False}
            assert edge.get("/costs", HOME).status_code == 503


@pytest.mark.system
def test_operators_drain_a_region_and_send_traffic_back() -> None:
    """Drained, its own customers are served elsewhere; undrained, at home again; an unknown region is a 404."""
    with two_regions() as found:
        status = storefront_services.operate(found.url, "drain", {"region": "eu-west"})["regions"]
        assert {name: one["drained"] for name, one in status.items()} == {"us-east": False, "eu-west": True}
        assert {found.get("/products/1", HOME).headers["X-Region"] for _ in range(10)} == {"us-east"}
        assert found.get("/costs", HOME).status_code == 503
        storefront_services.operate(found.url, "undrain", {"region": "eu-west"})
        assert found.get("/products/1", HOME).headers["X-Region"] == "eu-west"
        token = {"Authorization": f"Bearer {storefront_services.TOKEN}"}
        unknown = requests.post(
            found.url + "/_operator/drain", json={"region": "x"}, headers=token, timeout=5
        )
        assert unknown.status_code == 404


@pytest.mark.system
def test_the_status_tells_a_region_without_a_database_from_a_lost_one() -> None:
    """With nothing behind the gateway the region is up and its database isn't, since a while that is told."""
    with two_regions() as found:
        until(lambda: not found.status("us-east")["database"], "the database is known to be away")
        status = found.status("us-east")
        assert set(status) == {"up", "database", "drained", "asynchronous", "since_s"}
        assert (status["up"], status["drained"]) == (True, False)
        assert isinstance(status["since_s"], float)


@pytest.mark.system
def test_a_retry_budget_sends_failed_reads_elsewhere_a_tenth_of_the_time() -> None:
    """With every read failing, ten of the first go to both regions, then a tenth; without the budget none does."""

    def sent(guardrails: str) -> int:
        with two_regions(guardrails) as found:
            answers = [found.get("/products/1", HOME) for _ in range(60)]
            assert {answer.status_code for answer in answers} == {503}
            return sum(answer.headers["X-Region"] == "us-east" for answer in answers)

    assert sent("timeouts") == 0
    assert 13 <= sent("timeouts,retry-budget") <= 16


@pytest.mark.system
def test_a_retry_budget_refuses_clients_that_only_repeat() -> None:
    """Repeats that say so are let in up to the budget; those over it are refused by the edge itself."""
    with two_regions("timeouts,retry-budget") as found:
        answers = [found.get("/orders?user=1", {**HOME, "X-Attempt": "2"}) for _ in range(20)]
        refused = [answer for answer in answers if answer.headers["X-Region"] == "edge"]
        assert 10 <= len(refused) <= 15
        assert {answer.headers["Retry-After"] for answer in refused} == {"1"}


class Answering:
    """A peer that gives one answer after the other; an exception is raised."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)

    async def ask(self, _path: str) -> object:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_region_tells_that_it_takes_orders_without_a_standby() -> None:
    """As its last answer says; one that doesn't answer, or says anything else, doesn't."""
    answers: tuple[object, ...] = (
        {"asynchronous": True},
        {"database": True},
        {"asynchronous": "yes"},
        [],
        Unreachable("it"),
    )
    check = Check(Answering(*answers), "/ready")  # type: ignore[arg-type]
    region = Region("us-east", check._peer, check, check)
    told = []
    for _ in answers:
        asyncio.run(check._ask())
        told.append(region.status()["asynchronous"])
    assert told == [True, False, False, False, False]
