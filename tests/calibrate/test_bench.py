"""The bench of a calibration: its topology, and the clock of its stamps."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from collections.abc import Iterator

import pytest
import requests

from gameday.calibrate.bench import LINK, Bench, Settings, topology
from gameday.ports import PortError
from gameday.recording.clock import RunClock
from gameday.recording.journal import Journal
from gameday.topology import EDGE, bundled, read_topology


def test_nothing_stands_between_users_and_the_stub_but_the_link() -> None:
    """The topology has two services and one link; the link server is that of every run."""
    bench_topology = topology()
    assert {service.id: service.instances for service in bench_topology.services} == {
        "bench.stub": 1,
        "edge-links": 1,
    }
    assert bench_topology.links == (LINK,)
    usual = read_topology(bundled.compose(), ("us-east",)).link_server(EDGE)
    assert bench_topology.link_server(EDGE) == usual


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="there is no docker-compose here")
@pytest.mark.parametrize("name", ["region.yaml", "edge.yaml"])
def test_docker_compose_accepts_the_file(name: str) -> None:
    """`docker-compose config -q` accepts the file."""
    command = ["docker-compose", "-f", str(bundled.compose() / "calibration" / name), "config", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("bench")
    journal = Journal(folder / "journal.jsonl")
    example = Bench(Settings("bench-test", folder, 1, "process"), RunClock(), journal, lambda line: None)
    try:
        example.system.bring_up()
        yield example
    finally:
        assert list(example.down()) == []
        journal.close()


@pytest.mark.system
def test_a_cut_link_refuses_at_once_and_a_restored_one_answers_at_once(bench: Bench) -> None:
    """A switch takes effect at its stamp, and the stamp lies between request and confirmation."""
    target = bench.target()
    before = bench.clock.now()
    cut = bench.switch(on=False)
    assert before <= cut <= bench.clock.now()
    with pytest.raises(requests.ConnectionError, match="Connection refused"):
        requests.get(f"{target}/products/1", timeout=2)
    restored = bench.switch(on=True)
    assert requests.get(f"{target}/products/1", timeout=2).json()["id"] == 1
    assert cut < restored


@pytest.mark.system
@pytest.mark.parametrize("slip", [0.3, -0.3])
def test_a_link_server_on_another_clock_is_refused(bench: Bench, slip: float) -> None:
    """A stamp that doesn't lie between request and confirmation is of another clock, and can't be a
    true time."""

    @dataclasses.dataclass(frozen=True)
    class Slipping(RunClock):
        def now(self) -> float:
            return super().now() + slip

    bench.target()
    honest, bench.clock = bench.clock, Slipping(bench.clock.origin)
    try:
        with pytest.raises(PortError, match="clock isn't this machine's"):
            bench.switch(on=True)
    finally:
        bench.clock = honest
