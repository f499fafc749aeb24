"""Laboratory of the contract suite: makes substrates, and observes from outside what traces a run
leaves."""

from __future__ import annotations

import http.client
import io
import json
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import docker
import docker.utils

from gameday.ports import Instance, Limits, Release, Substrate, Volumes
from gameday.substrates.process.process_substrate import ProcessSubstrate
from gameday.topology import Link, Service, Topology, read_topology
from tests.support.fake_substrate import FakeSubstrate
from tests.support.paths import ROOT
from tests.support.waiting import until

HERE = ROOT / "tests" / "contract"
TREE = HERE / "tree"
REGIONS = ("us-east", "eu-west")


def topology() -> Topology:
    return read_topology(HERE / "compose", REGIONS)


def release(service: Service, version: str = "1.0.0") -> Release:
    """Return a release. Every release of the suite is the same tree; the service reads its
    behaviour from the name."""
    return Release(f"{service.name}-{version}", service.name, TREE)


def link(caller_region: str, callee_region: str) -> Link:
    """Return the link to `web`, of the region's front or of the edge."""
    return next(
        x for x in topology().links if (x.caller_region, x.callee_region) == (caller_region, callee_region)
    )


def ask(address: tuple[str, int], path: str) -> Any:
    """Return the answer's JSON. Raise OSError or HTTPException if there is none."""
    connection = http.client.HTTPConnection(*address, timeout=8)
    try:
        connection.request("GET", path)
        return json.load(connection.getresponse())
    finally:
        connection.close()


class AnySubstrate(Substrate, Limits, Volumes, Protocol):
    """A substrate with the optional capabilities that both kinds have."""


class Lab(ABC):
    """One substrate kind. The substrates that it made are closed when the test ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: list[AnySubstrate] = []
        self.topology = topology()

    def substrate(
        self,
        run_id: str | None = None,
        *,
        entry_port: int = 0,
        ready_within: float = 20.0,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> AnySubstrate:
        substrate = self.make(run_id or self.run_id, entry_port, ready_within, variables)
        self.made.append(substrate)
        substrate.open()
        return substrate

    def ask(self, substrate: AnySubstrate, instance: Instance, path: str) -> Any:
        """Return the JSON of the instance's answer. Raise OSError or HTTPException if there is none."""
        return ask(substrate.address(instance), path)

    @cached_property
    def run_id(self) -> str:
        return f"test-{uuid.uuid4().hex[:8]}"

    @abstractmethod
    def make(
        self, run_id: str, entry_port: int, ready_within: float, variables: Mapping[str, str]
    ) -> AnySubstrate: ...

    @abstractmethod
    def running(self, run_id: str) -> list[str]:
        """Return the run's processes or containers."""

    @abstractmethod
    def traces(self, run_id: str) -> list[str]:
        """Return everything on this machine that carries the run's mark or name."""

    def close(self) -> None:
        for substrate in self.made:
            substrate.close()


class ProcessLab(Lab):
    def make(
        self, run_id: str, entry_port: int, ready_within: float, variables: Mapping[str, str]
    ) -> AnySubstrate:
        return ProcessSubstrate(
            run_id,
            self.topology,
            self.folder / run_id,
            lambda: self.folder,
            variables=variables,
            entry_port=entry_port,
            ready_within=ready_within,
        )

    def running(self, run_id: str) -> list[str]:
        mark = f"GAMEDAY_RUN={run_id}".encode()
        results = []
        for environ in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if mark in environ.read_bytes().split(b"\0"):
                    results.append(environ.parent.name)
        return results

    def traces(self, run_id: str) -> list[str]:
        return self.running(run_id)


class FakeLab(Lab):
    """The fake that unit tests use; the lab itself answers for its instances, as the suite's service would."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fakes: dict[str, FakeSubstrate] = {}

    def make(
        self, run_id: str, entry_port: int, ready_within: float, variables: Mapping[str, str]
    ) -> AnySubstrate:
        self.fakes[run_id] = FakeSubstrate(
            refuse={"web-1.1.0-broken"},
            deaf={"web-1.1.0-deaf"},
            stubborn={"web-1.0.0-stubborn"},
            ready_within=ready_within,
            regions=REGIONS,
        )
        return self.fakes[run_id]

    def ask(self, substrate: AnySubstrate, instance: Instance, path: str) -> Any:
        assert isinstance(substrate, FakeSubstrate)
        substrate.address(instance)
        command, _, argument = path.partition("?")
        if command == "/healthz":
            return {"instance": instance.id, "release": instance.release}
        if command == "/dial":
            name = argument.rpartition(":")[0]
            return [x.id for x in substrate.instances() if f"{x.service}.{x.region}" == name]
        if command == "/last":
            substrate.die(instance, "these are my last words")
            raise ConnectionResetError(f"{instance.id} ended")
        assert command in ("/fork", "/work"), f"the fake has no {command}"
        return None

    def running(self, run_id: str) -> list[str]:
        fake = self.fakes[run_id]
        return [*fake.starting, *(instance.id for instance in fake.instances())]

    def traces(self, run_id: str) -> list[str]:
        return self.running(run_id)


def engine() -> docker.APIClient:
    """Return a client of the suite's own, independent of the substrate's."""
    settings: Any = docker.utils.kwargs_from_env()
    return docker.APIClient(**settings, version="auto", timeout=60)


class DockerLab(Lab):
    """The docker kind; `image` runs the suite's service."""

    def __init__(self, folder: Path, image: str) -> None:
        super().__init__(folder)
        self.image = image

    def make(
        self, run_id: str, entry_port: int, ready_within: float, variables: Mapping[str, str]
    ) -> AnySubstrate:
        from gameday.substrates.docker.docker_substrate import DockerSubstrate

        return DockerSubstrate(
            run_id,
            self.topology,
            self.folder / run_id,
            lambda: self.image,
            variables=variables,
            entry_port=entry_port,
            ready_within=ready_within,
        )

    def running(self, run_id: str) -> list[str]:
        with closing(engine()) as client:
            return [
                str(container["Id"])
                for container in client.containers(filters={"label": f"gameday.run={run_id}"})
            ]

    def traces(self, run_id: str) -> list[str]:
        filters = {"label": f"gameday.run={run_id}"}
        with closing(engine()) as client:
            parts = [
                *(container["Id"] for container in client.containers(all=True, filters=filters)),
                *(network["Name"] for network in client.networks() if run_id in network["Name"]),
                *(volume["Name"] for volume in client.volumes()["Volumes"] or () if run_id in volume["Name"]),
                *(image["Id"] for image in client.images(filters=filters)),
            ]
        return [str(part) for part in parts]


class Runs:
    """A substrate with shorthands for the calls that nearly every test makes."""

    def __init__(self, lab: Lab, substrate: AnySubstrate) -> None:
        self.lab = lab
        self.substrate = substrate

    def start(self, name: str, region: str = "us-east", version: str = "1.0.0") -> Instance:
        service = self.lab.topology.service(region, name)
        return self.substrate.start(service, release(service, version), {})

    def ask(self, instance: Instance, path: str) -> Any:
        return self.lab.ask(self.substrate, instance, path)

    def clear(self) -> None:
        """End every instance."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self.substrate.kill, self.substrate.instances()))
        self.substrate.died()

    def behind(self, links: Instance, upstream: Link) -> set[str]:
        """Return the instances that a link server reaches under the callee's name."""
        return set(self.ask(links, f"/dial?{self.substrate.upstream(upstream)}"))


@contextmanager
def holding(runs: Runs, instance: Instance) -> Iterator[Callable[[], Any]]:
    """Send a request that the service answers only once it is stopped; yield the call that returns
    its answer."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(runs.ask, instance, "/hold")
        until(lambda: runs.ask(instance, "/holding"), "the request is in flight")
        yield lambda: answer.result(timeout=10)


@contextmanager
def tiny_image(base: str) -> Iterator[str]:
    """Build the smallest image that runs the suite's service: the base with its Python called
    `python`; remove it at the end."""
    recipe = f"FROM {base}\nRUN ln -sf $(command -v python3) /usr/local/bin/python\n"
    tag = f"gameday/contract:{uuid.uuid4().hex[:12]}"
    with closing(engine()) as client:
        progress = list(
            client.build(
                fileobj=io.BytesIO(recipe.encode()), tag=tag, rm=True, network_mode="none", decode=True
            )
        )
        assert not [line for line in progress if "error" in line], progress[-1]
        yield tag
        client.remove_image(tag, force=True)
