"""Instances beside the system: a release starts as a child process on loopback, so that a gate can ask it.

Users never reach such an instance. Its peers start with it, on the releases of the topology, with the time-outs of the client
library, since its answers count and not their speed; a database is an address at which nothing listens. All of them end with the gate, and with this process.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gameday.changes.gates.proposals import shown
from gameday.changes.releases import Catalogue
from gameday.host.bound_child import bound_command
from gameday.host.child_python import minimal_environment
from gameday.host.waiting import NotInTime, wait_until
from gameday.ports import PortError
from gameday.topology import Service, Topology

CONTRACTS = "contracts"
"""The folder of the services' OpenAPI contracts, beside the releases."""
HOST = "127.0.0.1"
CLOSED = (HOST, 1)
"""An address at which nothing listens."""
READY_S = 30.0
END_S = 5.0
LOG = 300
"""Characters of an instance's last words that a message shows."""


@dataclass(frozen=True)
class InstancesBeside:
    """Starts releases of the catalogue, with the environment that the topology declares."""

    releases: Catalogue
    topology: Topology

    def contract(self, service: str) -> Path:
        """Return the service's OpenAPI contract. Raise PortError if there is none."""
        path = self.releases.folder.parent / CONTRACTS / f"{service}.yaml"
        if not path.is_file():
            raise PortError(f"{service} has no contract: write {self.shown(path)}, or leave the gate out")
        return path

    def shown(self, path: Path) -> str:
        """Return a path as findings show it."""
        return shown(self.releases, path)

    @contextmanager
    def running(self, *releases: str) -> Iterator[Sequence[str]]:
        """Start an instance of each release; yield their URLs. Raise PortError if one doesn't start."""
        with tempfile.TemporaryDirectory(prefix="gameday-gate-") as folder, ExitStack() as opened:
            start = _Starts(self, Path(folder), opened, {})
            yield [f"http://{host}:{port}" for host, port in map(start.release, releases)]


@dataclass(frozen=True)
class _Starts:
    """The instances that one gate has started. `addresses`: release → host and port."""

    beside: InstancesBeside
    folder: Path
    opened: ExitStack
    addresses: dict[str, tuple[str, int]]

    def release(self, name: str) -> tuple[str, int]:
        """Return the address of an instance of the release; start it, and its peers before it, if it doesn't run yet."""
        if name not in self.addresses:
            try:
                built = self.beside.releases.build(name, self.folder)
            except KeyError as error:
                raise PortError(f"there is no release {name} to start beside the system") from error
            places = self.beside.topology.places(built.service)
            if not places or places[0].kind != "service":
                raise PortError(f"{built.service} can't be started beside the system: it isn't a service")
            self.addresses[name] = self._start(places[0], name, built.tree)
        return self.addresses[name]

    def _start(self, service: Service, release: str, tree: Path | None) -> tuple[str, int]:
        topology = self.beside.topology
        peers = {}
        for link in topology.links_from(service):
            callee = topology.service(link.callee_region, link.callee)
            starts = callee.kind == "service" and callee.release
            peers[link.name] = self.release(callee.release) if starts and callee.release else CLOSED
        port = _free_port()
        values = {
            "HOST": HOST,
            "PORT": str(port),
            "REGION": service.region,
            "RELEASE": release,
            "INSTANCE": f"beside-{release}",
            "GUARDRAILS": "",
            **topology.environment_of_links(service, peers),
        }
        command = [template.render(values) for template in service.command]
        if command[:2] != ["python", "-m"]:
            raise PortError(f"{service.name} can't be started beside the system: it isn't a module of Python")
        environment = {key: template.render(values) for key, template in service.environment.items()}
        log = self.folder / f"{release}.log"
        with log.open("wb") as output:
            child = subprocess.Popen(
                bound_command(*command[2:]),
                env=minimal_environment(*([tree] if tree else [])) | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
            )
        self.opened.callback(_end, child)
        _await_ready(child, release, port, log)
        return HOST, port


def _free_port() -> int:
    """Return a port at which nothing listened a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _await_ready(child: subprocess.Popen[bytes], release: str, port: int, log: Path) -> None:
    """Wait until the instance listens. Raise PortError with its last words if it ends, or takes too long."""

    def ready() -> bool:
        if child.poll() is not None:
            return True
        with suppress(OSError), socket.create_connection((HOST, port), timeout=1.0):
            return child.poll() is None
        return False

    try:
        wait_until(ready, READY_S, f"an instance of {release} beside the system isn't ready")
    except NotInTime as error:
        raise PortError(str(error)) from error
    if child.poll() is not None:
        words = log.read_text(encoding="utf-8", errors="replace").strip()[-LOG:]
        raise PortError(f"an instance of {release} beside the system ended at its start: {words}")


def _end(child: subprocess.Popen[bytes]) -> None:
    """End an instance that nobody asks any more."""
    child.terminate()
    try:
        child.wait(END_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
