"""Promotion, restart and traffic through the real code: real statements and real HTTP, only their far ends are fakes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gameday.changes.rollout import plan
from gameday.operations import Operation
from gameday.ports import PortError, Release
from gameday.recording.journal import Journal, read_journal
from gameday.system import operation_executor
from gameday.system.deploy_and_rollback import Deployer
from gameday.system.operation_executor import OperationExecutor
from gameday.system.system import System
from gameday.topology import bundled, read_topology
from tests.support.fake_databases import AddressedSubstrate, FakeDatabase, FakeDatabases
from tests.support.fakes import FakeLinks, HandClock

US, EU, ME = REGIONS = ("us-east", "eu-west", "me-central")
NOT_LEFT = "no standby is left: commits no longer wait for one"


class Bench:
    """A system of three regions whose databases answer SQL; us-east has the primary."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.substrate = AddressedSubstrate()

        def build(name: str) -> Release:
            return Release(name, name.rpartition("-")[0], None)

        topology = read_topology(bundled.compose(), REGIONS)
        self.system = System(self.substrate, FakeLinks(), topology, build, token="let-me-in")
        self.journal = Journal(folder / "journal.jsonl")
        self.executor = OperationExecutor(
            Deployer(self.system, lambda name: {}, plan, self.journal, HandClock())
        )
        self.databases = FakeDatabases(
            self.substrate,
            {US: FakeDatabase(primary=True), EU: FakeDatabase(received=5), ME: FakeDatabase(received=5)},
        )
        self.databases.install(patch)
        self.system.bring_up()

    def execute(self, name: str, target: str) -> None:
        self.executor.execute(Operation(name, target, "auto"), "c1")

    def notes(self) -> list[str]:
        return [event.data["text"] for event in read_journal(self.journal.path) if event.kind == "note"]

    def running(self) -> set[str]:
        """Return the regions whose database runs."""
        return {instance.region for instance in self.system.instances("postgres")}

    def last_order(self, region: str) -> dict[str, str]:
        """Return what the region's database was told about who leads at its last start."""
        started = [name for name in self.substrate.given if name.startswith(f"{region}.postgres.")]
        given = self.substrate.given[started[-1]]
        return {name: given[name] for name in ("PRIMARY", "PRIMARY_TERM", "FIRST_START", "STOPPED_REGIONS")}

    def primaries(self) -> list[str]:
        return [region for region in self.running() if self.databases.of[region].primary]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    example = Bench(tmp_path, monkeypatch)
    yield example
    example.journal.close()


def test_without_a_region_the_most_advanced_standby_is_promoted(bench: Bench) -> None:
    """Once it takes writes, the system's primary is that region; the old one was stopped before."""
    bench.databases.of[EU].received = 6
    running: list[set[str]] = []
    bench.databases.on_promote = lambda: running.append(bench.running())
    bench.execute("promote", "")
    assert running == [{EU, ME}]
    assert (bench.system.primary(), bench.primaries()) == (EU, [EU])
    assert bench.notes() == []


@pytest.mark.parametrize("named", [EU, ME])
def test_among_equals_the_named_standby_is_promoted(bench: Bench, named: str) -> None:
    """No note: it is what the operator asked for."""
    bench.execute("promote", named)
    assert (bench.system.primary(), bench.notes()) == (named, [])


@pytest.mark.parametrize("named", ["", ME])
def test_a_standby_out_of_reach_is_not_promoted(bench: Bench, named: str) -> None:
    """However far it may have come: the best of those that answer takes over, and a named one is mentioned."""
    bench.databases.of[ME].received, bench.databases.of[ME].reachable = 9, False
    bench.execute("promote", named)
    assert (bench.system.primary(), bench.primaries()) == (EU, [EU])
    assert bench.notes() == ([f"{EU} is promoted: the database of {ME} is behind it"] if named else [])


def test_a_standby_in_a_lost_region_is_not_promoted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even while its database is still dying and answers."""
    bench.databases.of[ME].received = 9
    with monkeypatch.context() as patch:
        patch.setattr(bench.substrate, "kill", lambda instance: None)
        bench.system.lose(ME, destroy=False)
    assert ME in bench.running()
    bench.execute("promote", "")
    assert bench.system.primary() == EU


def test_without_any_reachable_standby_the_primary_stays(bench: Bench) -> None:
    """It isn't even fenced: a slow database is better than none."""
    for region in (EU, ME):
        bench.databases.of[region].reachable = False
    with pytest.raises(PortError, match="no standby can be reached: nothing to promote"):
        bench.execute("promote", "")
    assert bench.primaries() == [US]
    assert bench.system.fenced == set()


def test_a_named_region_without_a_database_leaves_the_primary(bench: Bench) -> None:
    """Known before anything is stopped."""
    bench.system.kill(bench.system.instances("postgres", EU))
    with pytest.raises(PortError, match="no database runs in eu-west"):
        bench.execute("promote", EU)
    assert bench.primaries() == [US]


def test_a_primary_without_standbys_stops_waiting_for_them(bench: Bench) -> None:
    """Commits would wait for ever with synchronous replication; the note says that they don't."""
    bench.databases.of[EU].waits_for = "ANY 1 (*)"
    bench.execute("promote", EU)
    assert bench.databases.of[EU].waits_for == ""
    assert (EU, "SELECT pg_reload_conf()") in bench.databases.statements
    assert bench.notes() == [NOT_LEFT]


@pytest.mark.parametrize(("standbys", "waits_for"), [(1, "ANY 1 (*)"), (0, "")])
def test_a_primary_goes_on_waiting_for_standbys_that_it_has(
    bench: Bench, standbys: int, waits_for: str
) -> None:
    """With a standby left, or with asynchronous replication, nothing is altered."""
    bench.databases.of[EU].standbys, bench.databases.of[EU].waits_for = standbys, waits_for
    bench.execute("promote", EU)
    assert bench.databases.of[EU].waits_for == waits_for
    assert not any(
        "SET synchronous_standby_names" in statement for _, statement in bench.databases.statements
    )
    assert bench.notes() == []


def fail_after_the_fence(bench: Bench) -> None:
    """A promotion that finds no standby once the old primary is fenced."""
    for region in (EU, ME):
        bench.databases.of[region].reachable = False
    with pytest.raises(PortError, match="no standby can be reached"):
        bench.execute("promote", EU)
    assert bench.running() == {EU, ME}


def test_a_restart_lifts_the_fence_that_a_failed_promotion_left(bench: Bench) -> None:
    """Healing alone doesn't, for it can't know; the restarted primary isn't fenced any more."""
    fail_after_the_fence(bench)
    bench.system.heal([(US, "postgres")])
    assert US not in bench.running()
    bench.execute("restart", "postgres")
    assert (bench.system.primary(), bench.primaries()) == (US, [US])
    bench.system.kill(bench.system.instances("postgres", US))
    bench.system.heal([(US, "postgres")])
    assert US in bench.running()


@pytest.mark.parametrize(
    ("name", "target"), [("restart", "postgres"), ("rejoin", US), ("promote", ME), ("promote", EU)]
)
def test_an_operation_during_a_promotion_is_refused(bench: Bench, name: str, target: str) -> None:
    """Each would start the old primary, or choose another one; the refusal names the promotion."""
    errors: list[PortError] = []

    def interfere() -> None:
        with pytest.raises(PortError) as error:
            bench.execute(name, target)
        errors.append(error.value)

    bench.databases.on_promote = interfere
    bench.execute("promote", EU)
    assert [str(error) for error in errors] == [
        f"refused: promote {EU} by auto is under way on the databases; repeat {name} {target} once it has ended"
    ]
    assert bench.primaries() == [EU]


def test_every_database_knows_of_the_term_before_the_promotion(bench: Bench) -> None:
    """So whoever starts later learns of it from any of them; the old primary is stopped."""
    knew: list[dict[str, int]] = []
    terms = bench.databases.of
    bench.databases.on_promote = lambda: knew.append({region: terms[region].term for region in terms})
    bench.execute("promote", EU)
    assert knew == [{US: 1, EU: 2, ME: 2}]


def test_a_standby_that_has_only_the_template_is_not_promoted(bench: Bench) -> None:
    """It knows no term, and none is announced to it."""
    bench.databases.of[EU].term = 0
    bench.databases.of[EU].received = -1
    bench.execute("promote", EU)
    assert bench.primaries() == [ME]
    assert bench.databases.of[EU].term == 0


def test_a_failed_promotion_is_finished_by_the_next_one(bench: Bench) -> None:
    """The leadership was given away: the old primary stays down, and the same standby is promoted, by a later term."""
    bench.databases.of[EU].promotes = False
    with pytest.raises(PortError, match="was not promoted"):
        bench.execute("promote", EU)
    assert (bench.system.primary(), bench.primaries()) == (EU, [])
    bench.databases.of[EU].promotes = True
    bench.execute("promote", EU)
    assert bench.primaries() == [EU]
    assert bench.databases.of[EU].term == 3
    with pytest.raises(PortError, match="is the primary already"):
        bench.execute("promote", EU)


def test_a_restart_after_a_failed_promotion_never_starts_the_old_primary(bench: Bench) -> None:
    """The promotion may happen late: whoever was given the leadership is restarted, with an order that says so."""
    bench.databases.of[EU].promotes = False
    with pytest.raises(PortError, match="was not promoted"):
        bench.execute("promote", EU)
    bench.execute("restart", "postgres")
    assert bench.running() == {EU, ME}
    assert bench.last_order(EU) == {
        "PRIMARY": EU, "PRIMARY_TERM": "2", "FIRST_START": "", "STOPPED_REGIONS": US,
    }  # fmt: skip


def test_each_start_is_told_who_leads(bench: Bench) -> None:
    """The first one that the system is new; a rejoining one the present primary and term."""
    first = bench.last_order(US)
    assert (first["PRIMARY"], first["PRIMARY_TERM"], first["FIRST_START"]) == (US, "1", "yes")
    bench.execute("promote", EU)
    bench.databases.of[US].primary = False
    bench.system.heal([(US, "postgres")])
    assert US not in bench.running()
    with pytest.raises(PortError, match="edge"):
        bench.execute("rejoin", US)
    assert bench.last_order(US) == {
        "PRIMARY": EU, "PRIMARY_TERM": "2", "FIRST_START": "", "STOPPED_REGIONS": "",
    }  # fmt: skip


class Edge:
    """The operator endpoints of an edge on a real socket. `requests`: (path, body, authorization) in order."""

    def __init__(self) -> None:
        requests: list[tuple[str, object, str | None]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"] or 0)
                body = json.loads(self.rfile.read(length))
                requests.append((self.path, body, self.headers["Authorization"]))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *arguments: object) -> None:
                """Print nothing."""

        self.requests = requests
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self.server.server_address[1])
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(10)


@pytest.fixture
def edge() -> Iterator[Edge]:
    opened = Edge()
    yield opened
    opened.close()


def test_traffic_waits_for_an_edge_that_is_restarting(bench: Bench, edge: Edge) -> None:
    """The operation goes on as soon as one runs, with the operators' token."""
    bench.substrate.served["edge"] = edge.port
    service = bench.system.topology.service("edge", "edge")
    bench.system.kill(bench.system.instances("edge"))
    starting = threading.Timer(0.3, bench.system.heal, [[(service.region, service.name)]])
    starting.start()
    bench.execute("failover", EU)
    starting.join(10)
    assert edge.requests == [("/_operator/drain", {"region": EU}, "Bearer let-me-in")]
    assert [
        event.subject for event in read_journal(bench.journal.path) if event.kind == "traffic.drained"
    ] == [EU]


def test_traffic_without_any_edge_fails(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while, and nothing is journalled as drained."""
    monkeypatch.setattr(operation_executor, "AWAIT_EDGE_S", 0.2)
    bench.system.kill(bench.system.instances("edge"))
    with pytest.raises(PortError, match="no edge runs that could shift traffic"):
        bench.execute("failover", EU)
    assert not [event for event in read_journal(bench.journal.path) if event.kind == "traffic.drained"]


def test_a_rejoined_region_has_its_traffic_back(bench: Bench, edge: Edge) -> None:
    """After its database has caught up with the new primary."""
    bench.substrate.served["edge"] = edge.port
    bench.execute("promote", EU)
    bench.databases.of[US].primary = False
    bench.execute("rejoin", US)
    assert bench.running() == set(REGIONS)
    assert edge.requests == [("/_operator/undrain", {"region": US}, "Bearer let-me-in")]
    assert bench.system.fenced == set()
