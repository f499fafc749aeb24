"""Behaviour that every substrate shares, seen from outside: by requests, by names, and by what is
left on the machine."""

from __future__ import annotations

import http.client
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gameday.ports import Instance, PortError
from tests.support.substrate_lab import REGIONS, Lab, Runs, ask, holding, link, release
from tests.support.waiting import until

GRACE_S = 5.0
BOUND_S = 10.0
"""For the end of an instance that ignores being told."""
NO_ANSWER = (OSError, http.client.HTTPException)


def test_started_is_ready(runs: Runs) -> None:
    """A start returns once the instance answers, under its given identity and at its address."""
    instance = runs.start("web")
    assert instance == Instance(instance.id, "us-east", "web", "web-1.0.0")
    assert runs.ask(instance, "/healthz") == {"instance": instance.id, "release": "web-1.0.0"}
    assert list(runs.substrate.instances()) == [instance]


def test_numbers_count_up(lab: Lab) -> None:
    """Instances are numbered per service in the order of their starts; the edge's region isn't part
    of the id."""
    runs = Runs(lab, lab.substrate())
    first, second, edge = runs.start("web"), runs.start("web"), runs.start("edge", "edge")
    runs.substrate.stop(first, GRACE_S)
    assert [second.id, edge.id, runs.start("web").id] == ["us-east.web.2", "edge.1", "us-east.web.3"]


@pytest.mark.needs_process("environment")
def test_environment_is_rendered(runs: Runs) -> None:
    """Link variables, identity and host reach the service in the variables that its compose file
    declares."""
    front = runs.lab.topology.service("eu-west", "front")
    instance = runs.substrate.start(front, release(front), {"LINK_FRONT_WEB": "http://links:4711"})
    environment = runs.ask(instance, "/environment")
    named = {key: environment[key] for key in ("REGION", "RELEASE", "INSTANCE", "WEB_URL")}
    assert named == {
        "REGION": "eu-west",
        "RELEASE": "front-1.0.0",
        "INSTANCE": instance.id,
        "WEB_URL": "http://links:4711",
    }


def test_parallel_starts(runs: Runs) -> None:
    """Eight concurrent starts give eight instances, each with its own address."""
    places = [("front", region) for region in REGIONS] * 2 + [("web", region) for region in REGIONS] * 2
    with ThreadPoolExecutor(8) as pool:
        started = list(pool.map(lambda place: runs.start(*place), places))
    assert {runs.ask(instance, "/healthz")["instance"] for instance in started} == {x.id for x in started}
    assert len({runs.substrate.address(instance) for instance in started}) == 8


def test_a_name_resolves_to_all_instances(runs: Runs) -> None:
    """A callee's name resolves to each of its region's instances and no other's, before and after
    they are replaced."""
    links = runs.start("links")
    first, second, far = runs.start("web"), runs.start("web"), runs.start("web", "eu-west")
    near = link("us-east", "us-east")
    assert runs.behind(links, near) == {first.id, second.id}
    third = runs.start("web", version="1.1.0")
    runs.substrate.stop(first, GRACE_S)
    assert runs.behind(links, near) == {second.id, third.id}
    fourth = runs.start("web", version="1.1.0")
    runs.substrate.stop(second, GRACE_S)
    assert runs.behind(links, near) == {third.id, fourth.id}
    assert far in runs.substrate.instances()


def test_a_name_across_regions(runs: Runs) -> None:
    """The edge's link server finds a region's instances, and only those of that region."""
    links = runs.start("edge-links", "edge")
    runs.start("web")
    expected = runs.start("web", "eu-west")
    assert runs.behind(links, link("edge", "eu-west")) == {expected.id}


def test_link_addresses(runs: Runs) -> None:
    """A link's listening address is stable over the run, and differs between the links of one server."""
    near, far = link("edge", "us-east"), link("edge", "eu-west")
    assert runs.substrate.listen(near) == runs.substrate.listen(near)
    assert runs.substrate.listen(near) != runs.substrate.listen(far)
    assert int(runs.substrate.listen(near).rpartition(":")[2]) > 0


@pytest.mark.needs_process("requests in flight")
def test_stop_lets_requests_finish(runs: Runs) -> None:
    """A stop within its grace period loses no request in flight."""
    instance = runs.start("web")
    with holding(runs, instance) as answer:
        assert runs.substrate.stop(instance, GRACE_S)
        assert answer()["instance"] == instance.id
    assert list(runs.substrate.instances()) == []
    assert runs.substrate.stop(instance, GRACE_S)


def test_ended_instances_are_gone(runs: Runs) -> None:
    """Stopped or killed, paused or not, an instance is none any more, and its end is not reported as a death."""
    stopped, killed, paused, frozen, stays = (runs.start("web") for _ in range(5))
    for instance in (paused, frozen):
        runs.substrate.pause(instance)
    assert runs.substrate.stop(stopped, GRACE_S)
    assert runs.substrate.stop(paused, GRACE_S)
    runs.substrate.kill(killed)
    runs.substrate.kill(frozen)
    assert list(runs.substrate.instances()) == [stays]
    assert list(runs.substrate.died()) == []


@pytest.mark.parametrize("paused", [False, True])
def test_calls_for_an_instance_that_is_gone(runs: Runs, paused: bool) -> None:
    """Ending or resuming it is a no-op; its address and a pause of it are errors that name it."""
    gone, stays = runs.start("web"), runs.start("web")
    if paused:
        runs.substrate.pause(gone)
    runs.substrate.kill(gone)
    runs.substrate.kill(gone)
    assert runs.substrate.stop(gone, GRACE_S)
    runs.substrate.resume(gone)
    with pytest.raises(PortError, match=rf"{re.escape(gone.id)} isn't running"):
        runs.substrate.address(gone)
    with pytest.raises(PortError, match=rf"{re.escape(gone.id)} isn't running"):
        runs.substrate.pause(gone)
    assert list(runs.substrate.instances()) == [stays]


def test_pause_is_idempotent(runs: Runs) -> None:
    """A second pause or resume changes nothing; a resumed instance answers."""
    instance = runs.start("web")
    for call in (runs.substrate.resume, runs.substrate.pause, runs.substrate.pause):
        call(instance)
    assert list(runs.substrate.instances()) == [instance]
    for call in (runs.substrate.resume, runs.substrate.resume):
        call(instance)
    assert runs.ask(instance, "/healthz")["instance"] == instance.id


def test_stop_ends_the_stubborn(runs: Runs) -> None:
    """An instance that ignores its stop signal is killed after the grace period (whole seconds on
    containers), and the stop reports it."""
    instance = runs.start("web", version="1.0.0-stubborn")
    address, begun = runs.substrate.address(instance), time.monotonic()
    assert not runs.substrate.stop(instance, 0.2)
    assert time.monotonic() - begun < BOUND_S
    assert list(runs.substrate.instances()) == []
    with pytest.raises(NO_ANSWER):
        ask(address, "/healthz")


@pytest.mark.needs_process("signals")
def test_stop_uses_the_declared_signal(runs: Runs) -> None:
    """A stop sends the compose file's stop_signal; the service then answers its held requests."""
    instance = runs.start("store")
    with holding(runs, instance) as answer:
        runs.substrate.stop(instance, GRACE_S)
        assert answer()["instance"] == instance.id


@pytest.mark.needs_process("requests in flight")
def test_kill(runs: Runs) -> None:
    """A killed instance is gone at once, answers no held request, and isn't reported as a death."""
    instance = runs.start("web")
    with holding(runs, instance) as answer:
        runs.substrate.kill(instance)
        with pytest.raises(NO_ANSWER):
            answer()
    assert list(runs.substrate.instances()) == []
    assert list(runs.substrate.died()) == []


@pytest.mark.needs_process("connections")
def test_pause_and_resume(runs: Runs) -> None:
    """A paused instance accepts connections and answers none; once resumed, it answers the requests
    sent meanwhile."""
    instance = runs.start("web")
    runs.substrate.pause(instance)
    with socket.create_connection(runs.substrate.address(instance), timeout=8) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError, match="timed out"):
            connection.recv(1)
        runs.substrate.resume(instance)
        connection.settimeout(8)
        assert connection.recv(8) == b"HTTP/1.1"


@pytest.mark.needs_process("requests in flight")
def test_stop_of_a_paused_instance(runs: Runs) -> None:
    """Stopping a paused instance works like any stop: held requests are answered."""
    instance = runs.start("web")
    with holding(runs, instance) as answer:
        runs.substrate.pause(instance)
        runs.substrate.stop(instance, GRACE_S)
        assert answer()["instance"] == instance.id
    assert list(runs.substrate.instances()) == []


def test_death_is_noticed(runs: Runs) -> None:
    """An instance that ends by itself is reported once, with the end of its log, and is removed
    from the instances; stopping it is a no-op."""
    instance, other = runs.start("web"), runs.start("web")
    with pytest.raises(NO_ANSWER):
        runs.ask(instance, "/last")
    ended: list[tuple[Instance, str]] = []

    def reported() -> bool:
        ended.extend(runs.substrate.died())
        return bool(ended)

    until(reported, "the death is reported")
    assert ended[0][0] == instance
    assert ended[0][1].endswith("these are my last words")
    assert list(runs.substrate.died()) == []
    assert list(runs.substrate.instances()) == [other]
    runs.substrate.stop(instance, GRACE_S)


def test_failed_start_leaves_no_instance(runs: Runs) -> None:
    """A start that ends early names the instance and its release; its number is not used again."""
    with pytest.raises(PortError, match=r"^us-east\.web\.\d+ \(web-1\.1\.0-broken\) ended before") as caught:
        runs.start("web", version="1.1.0-broken")
    assert list(runs.substrate.instances()) == []
    assert list(runs.substrate.died()) == []
    assert runs.start("web").id not in str(caught.value).split()


@pytest.mark.needs_process("logs")
def test_failed_start_shows_the_log(runs: Runs) -> None:
    """A start that ends early raises an error with the instance, its release and the end of its
    log; no instance is left."""
    with pytest.raises(PortError) as caught:
        runs.start("web", version="1.1.0-broken")
    text = str(caught.value)
    assert re.match(r"us-east\.web\.\d+ \(web-1\.1\.0-broken\) ended before it was ready", text)
    assert "no price list in this release" in text
    assert "line 39" in text
    assert "line 20" not in text
    assert list(runs.substrate.instances()) == []


def test_start_that_never_gets_ready(lab: Lab) -> None:
    """A start that exceeds its time limit is an error that names the instance, and the instance is
    ended."""
    runs = Runs(lab, lab.substrate(ready_within=0.3))
    with pytest.raises(PortError, match=r"us-east\.web\.1 .*isn't ready after 0\.3 s"):
        runs.start("web", version="1.1.0-deaf")
    assert list(runs.substrate.instances()) == []


@pytest.mark.needs_process("logs")
def test_log_is_kept(runs: Runs) -> None:
    """Every instance's output is in the run folder under its id, also after it was stopped."""
    instance = runs.start("web")
    runs.substrate.stop(instance, GRACE_S)
    log = runs.lab.folder / runs.lab.run_id / "logs" / f"{instance.id}.log"
    assert f"{instance.id} listens" in log.read_text()


@pytest.mark.needs_process("data")
def test_data_outlives_the_instance(runs: Runs) -> None:
    """A named volume belongs to the service: the next instance reads what the last one wrote."""
    first = runs.start("store")
    runs.ask(first, "/write?remember")
    runs.substrate.stop(first, GRACE_S)
    assert runs.ask(runs.start("store"), "/read") == "remember"


def test_close_leaves_nothing(lab: Lab) -> None:
    """After close no process carries the run's mark, not even one that left its session. Closing is
    idempotent."""
    runs = Runs(lab, lab.substrate())
    for name in ("links", "web", "store"):
        runs.ask(runs.start(name), "/fork")
    assert lab.traces(lab.run_id)
    assert list(runs.substrate.close()) == []
    assert lab.traces(lab.run_id) == []
    assert list(runs.substrate.instances()) == []
    assert list(runs.substrate.close()) == []
    with pytest.raises(PortError, match="taken down"):
        runs.start("web")


def test_close_while_starts_are_in_flight(lab: Lab) -> None:
    """A close ends the starts in flight with an error, and leaves no instance of them."""
    runs = Runs(lab, lab.substrate())
    errors: list[PortError] = []

    def start() -> None:
        with pytest.raises(PortError) as caught:
            runs.start("web", version="1.1.0-deaf")
        errors.append(caught.value)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(lab.running(lab.run_id)) >= 4, "four instances are starting")
    assert list(runs.substrate.close()) == []
    for thread in threads:
        thread.join(10)
    assert ["taken down" in str(error) for error in errors] == [True] * 4
    assert lab.traces(lab.run_id) == []


def test_close_while_a_stop_is_in_flight(lab: Lab) -> None:
    """A close doesn't wait for the grace period of a stop in flight, and ends that instance."""
    runs = Runs(lab, lab.substrate())
    instance = runs.start("web", version="1.0.0-stubborn")
    with ThreadPoolExecutor(1) as pool:
        stopped = pool.submit(runs.substrate.stop, instance, 60)
        until(lambda: instance not in runs.substrate.instances(), "the instance is being stopped")
        assert list(runs.substrate.close()) == []
        assert lab.traces(lab.run_id) == []
        stopped.result(timeout=20)


def test_two_runs_at_once(lab: Lab) -> None:
    """Two concurrent runs of the same system share neither names nor instances, and one outlives
    the other's end."""
    one, two = Runs(lab, lab.substrate("one" + lab.run_id)), Runs(lab, lab.substrate("two" + lab.run_id))
    links = one.start("links")
    own = one.start("web")
    other = two.start("web", version="2.0.0")
    assert one.behind(links, link("us-east", "us-east")) == {own.id}
    one.substrate.close()
    assert two.ask(other, "/healthz")["release"] == "web-2.0.0"
    assert list(two.substrate.instances()) == [other]


@pytest.mark.needs_process("ports")
@pytest.mark.parametrize("chosen", [False, True])
def test_clients_enter_by_an_address_that_outlives_its_link_server(lab: Lab, chosen: bool) -> None:
    """The entrance leads to where the entry link listens, after its server was killed too; a port may be chosen."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    runs = Runs(lab, lab.substrate(entry_port=port if chosen else 0))
    entrance, entry = runs.substrate.entrance(), lab.topology.entry
    assert entry is not None
    assert entrance == ("127.0.0.1", port if chosen else entrance[1])
    for _ in range(2):
        server = runs.start("edge-links", "edge")
        runs.ask(server, f"/listen?{runs.substrate.listen(entry)}")
        assert ask(entrance, "/healthz")["instance"] == server.id
        runs.substrate.kill(server)
    assert runs.substrate.entrance() == entrance


@pytest.mark.needs_process("ports")
def test_two_edges_at_once(lab: Lab) -> None:
    """A second edge starts while the first still runs, whatever port clients have chosen; both are behind the entry."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    runs = Runs(lab, lab.substrate(entry_port=port))
    links, entry = runs.start("edge-links", "edge"), lab.topology.entry
    assert entry is not None
    edges = {runs.start("edge", "edge").id for _ in range(2)}
    assert runs.behind(links, entry) == edges


@pytest.mark.needs_process("ports")
def test_busy_entry_port(lab: Lab) -> None:
    """A busy entry port is an error before anything starts; it names the port and says how to choose
    another."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortError, match=rf"{port}.*busy.*--set system\.port="):
            lab.substrate(entry_port=port)
    assert lab.traces(lab.run_id) == []
