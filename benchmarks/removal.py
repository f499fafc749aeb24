"""Time that an engine takes to remove a system, and networks that it fails to remove.

    python benchmarks/removal.py [--cycles 40] [--how apart|one|all|lost] [--regions 3] [--each 15]
[--wide 4]

Each cycle creates regions of containers that publish a port, some of them on the backbone too, as
in the storefront, and removes them: `apart` as runs and the reaper do, `one` sequentially, `all` in
parallel; `lost` kills the first region's containers at once, as the loss of a region does, and then
removes as `apart`. The script prints the seconds of each cycle, those of its networks, and the
networks that the engine doesn't remove. The exit status is 1 if there was one: only a restart of
the engine removes it. Use an engine of the benchmark's own.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from gameday.substrates.docker import removal
from gameday.substrates.docker.base_image import base_name
from gameday.substrates.docker.docker_client import RUN, Engine, absent_is_fine, connect

AT_ONCE = 16
CALL_S = 120.0


@dataclass(frozen=True)
class System:
    """What a cycle creates; `wide` of each region's containers are on the backbone as well."""

    client: Engine
    run: str
    regions: int
    per_region: int
    wide: int

    def make(self) -> None:
        for name in (*map(self.network, range(self.regions)), self.network("backbone")):
            self.client.create_network(name, driver="bridge", labels={RUN: self.run})
        places = [(region, number) for number in range(self.per_region) for region in range(self.regions)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda place: self._start(*place), places))

    def network(self, region: object) -> str:
        return f"gameday-{self.run}-{region}"

    def _start(self, region: int, number: int) -> None:
        home = self.network(region)
        container = self.client.create_container(
            base_name(),
            ["sleep", "3600"],
            name=f"{home}-{number}",
            ports=[8000],
            labels={RUN: self.run, "gameday.region": str(region)},
            host_config=self.client.create_host_config(
                port_bindings={8000: ("127.0.0.1", None)}, network_mode=home, init=False
            ),
            networking_config={"EndpointsConfig": {home: {"Aliases": [f"s{number}"]}}},
        )["Id"]
        if number < self.wide:
            self.client.connect_container_to_network(container, self.network("backbone"))
        self.client.start(container)


def one(system: System) -> None:
    for container in removal.containers(system.client, system.run):
        system.client.remove_container(container, force=True, v=True)


def all_at_once(system: System) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        containers = removal.containers(system.client, system.run)
        list(
            pool.map(
                lambda container: system.client.remove_container(container, force=True, v=True), containers
            )
        )


def apart(system: System) -> None:
    removal.remove_containers(system.client, system.run)


def lost(system: System) -> None:
    wanted = {"label": [f"{RUN}={system.run}", "gameday.region=0"]}
    containers: Any = system.client.containers(filters=wanted)
    with ThreadPoolExecutor(len(containers)) as pool:
        list(pool.map(lambda container: _gone(system.client, str(container["container"])), containers))
    apart(system)


def _gone(client: Engine, container: str) -> None:
    with absent_is_fine():
        client.kill(container)
        client.remove_container(container, force=True, v=True)


HOW: Mapping[str, Callable[[System], None]] = {"apart": apart, "one": one, "all": all_at_once, "lost": lost}


def cycle(system: System, remove: Callable[[System], None]) -> tuple[float, float, list[str]]:
    """Return the seconds for the containers, the seconds for the rest, and the leftovers."""
    system.make()
    begun = time.monotonic()
    remove(system)
    without = time.monotonic()
    left = removal.remove(system.client, system.run)
    return without - begun, time.monotonic() - without, left


def conclude(took: Sequence[tuple[float, float, list[str]]], how: str) -> int:
    whole = sorted(containers + rest for containers, rest, _ in took)
    bad = sum(bool(left) for *_, left in took)
    middle = statistics.median(whole)
    print(
        f"{how}: {bad} of {len(took)} left a network; {middle:.1f} s in the middle, {whole[-1]:.1f} s at most"
    )
    return 1 if bad else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cycles", type=int, default=40)
    parser.add_argument("--how", choices=HOW, default="apart")
    parser.add_argument("--regions", type=int, default=3)
    parser.add_argument("--each", type=int, default=15)
    parser.add_argument("--wide", type=int, default=4)
    arguments = parser.parse_args()
    took = []
    with closing(connect(CALL_S)) as client:
        for number in range(1, arguments.cycles + 1):
            run = f"bench-{uuid.uuid4().hex[:8]}"
            system = System(client, run, arguments.regions, arguments.each, arguments.wide)
            took.append(cycle(system, HOW[arguments.how]))
            containers, rest, left = took[-1]
            print(
                f"{number:3} containers {containers:5.2f} s, rest {rest:5.2f} s {'; '.join(left)}", flush=True
            )
    return conclude(took, arguments.how)


if __name__ == "__main__":
    sys.exit(main())
