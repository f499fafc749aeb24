"""Bench of a calibration: users, one link and a stub. Brings them up, cuts and restores the link, tears them down.

It uses the parts of any run: substrate, link server, load, telemetry. The link server stamps each cut and restoration on
CLOCK_MONOTONIC, which the processes and containers of one machine share.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import requests

from gameday.detect import make as make_detector
from gameday.host.http_client import direct_session
from gameday.links.link_control import LinkControl
from gameday.links.server.toxiproxy_api import SWITCHED
from gameday.links.toxiproxy_client import LinkServer, secret_header
from gameday.load.load_plan import LoadPlan, pool_for
from gameday.load.load_process import LocustLoad
from gameday.ports import PortError, Release, Substrate
from gameday.recording.clock import RunClock
from gameday.recording.journal import Journal
from gameday.recording.journal_events import JournalEvent
from gameday.scenario import Scenario, Slo
from gameday.scenario.system_under_test import STOREFRONT
from gameday.substrates import KINDS, SubstrateSetup
from gameday.system.run_secrets import RunSecrets
from gameday.system.system import System
from gameday.telemetry.watch import Watch
from gameday.topology import EDGE, Link, Topology, bundled, read_topology

RATE = 60.0
REGION = "bench"
STUB = "stub"
LINK = Link(EDGE, "load", REGION, STUB, "LOAD_STUB", f"http://{STUB}.{REGION}:8000")
"""The load is no service of a compose file, so its link is declared here."""
# A short window, so that each outage is one of its own.
SLO = Slo.model_validate({"name": "pages", "sli": "availability", "objective": "99%", "window": "1s"})
SCENARIO = Scenario.model_validate(
    {
        "apiVersion": "gameday/v1",
        "kind": "Scenario",
        "name": "calibration",
        "title": "Known truth",
        "story": "A link is cut and restored at times known exactly.",
        "load": {"rate": f"{RATE:g}/s", "journeys": {"browse": 1}},
        "slos": [SLO],
        "detectors": [{"detector": "cusum", "pages": True}],
        "respond": {"by": "none"},
        "expect": ["effect"],
    }
)
SWITCH_S = 5.0
READABLE_S = 1e-6


@dataclass(frozen=True)
class Settings:
    """Settings of one calibration; `folder` belongs to it alone."""

    run: str
    folder: Path
    seed: int
    substrate: str


def topology() -> Topology:
    """Return the topology: a stub, a link server, and the load's link to the stub."""
    return replace(read_topology(bundled.compose() / "calibration", (REGION,)), links=(LINK,))


class Bench:
    """Thread-safe once it is up. Every method raises PortError if it fails."""

    def __init__(
        self, settings: Settings, clock: RunClock, journal: Journal, progress: Callable[[str], None]
    ) -> None:
        self.clock = clock
        self.load = LocustLoad(
            functools.partial(plan, settings, clock),
            clock,
            settings.folder / "samples",
            settings.folder / "logs",
        )
        self.watch = Watch(SCENARIO, make_detector, clock, journal)
        self._switching = threading.Lock()
        self._server: LinkServer | None = None
        self._secrets = RunSecrets.draw()
        substrate = self._substrate = _substrate(settings, progress, self._secrets.variables())

        def log(event: JournalEvent) -> None:
            journal.append(event.at(clock.now()))

        self.system = System(
            substrate=substrate,
            links=LinkControl(substrate.upstream, self._listen, secret=self._secrets.links),
            topology=topology(),
            build=functools.partial(_release, substrate.name),
            log=log,
            progress=progress,
        )

    def target(self) -> str:
        """Return the URL of the link, after one page has passed through it. The system must be up."""
        links = next(instance for instance in self._substrate.instances() if instance.region == EDGE)
        self._server = LinkServer(*self._substrate.address(links), secret=self._secrets.links)
        target = f"http://{self._server.proxies()[LINK.name].listen}"
        try:
            with direct_session() as session:
                session.get(f"{target}/products/1", timeout=SWITCH_S).raise_for_status()
        except requests.RequestException as error:
            hint = "a Docker engine has to be on this machine, its bridges reachable; --substrate process needs none"
            raise PortError(f"the link can't be reached at {target}: {error}\n{hint}") from error
        return target

    def switch(self, on: bool) -> float:
        """Restore or cut the link; return when that was, by the link server's stamp, in seconds since the start."""
        if self._server is None:
            raise PortError("the link isn't up")
        url = f"http://{self._server.address}/proxies/{quote(LINK.name)}"
        with self._switching, direct_session() as session:
            before = self.clock.now()
            try:
                headers = secret_header(self._secrets.links)
                answer = session.patch(url, json={"enabled": on}, headers=headers, timeout=SWITCH_S)
                answer.raise_for_status()
                stamp = float(answer.headers[SWITCHED]) - self.clock.origin
            except (requests.RequestException, LookupError, ValueError) as error:
                raise PortError(f"the link can't be {'restored' if on else 'cut'}: {error!r}") from error
            after = self.clock.now()
        if not before - READABLE_S <= stamp <= after + READABLE_S:
            what = f"it says {stamp:.3f} s, between {before:.3f} s and {after:.3f} s here"
            raise PortError(f"the link server's clock isn't this machine's: {what}")
        return stamp

    def down(self) -> Sequence[str]:
        """Tear everything down; return what couldn't be removed."""
        return self.system.take_down()

    def _listen(self, link: Link) -> str:
        """Return where the link listens for the users, who aren't an instance: at the container's own address only."""
        port = self._substrate.listen(link).rpartition(":")[2]
        return f"{self._substrate.link_host(link)}:{port}"


def plan(settings: Settings, clock: RunClock, target: str) -> LoadPlan:
    """Return the load's plan: product pages only, through the link."""
    load = SCENARIO.load
    return LoadPlan(
        run=settings.run,
        target=target,
        seed=settings.seed,
        origin=clock.origin,
        rate=load.rate,
        journeys={str(name): weight for name, weight in load.journeys.items()},
        timeout=load.timeout,
        think_time=load.think_time,
        regions={REGION: 1.0},
        pool=pool_for(load.rate, load.timeout),
        products=bundled.compose() / STOREFRONT.products,
        shard=settings.folder / "samples" / "0.shard",
    )


def _substrate(
    settings: Settings, progress: Callable[[str], None], variables: Mapping[str, str]
) -> Substrate:
    setup = SubstrateSetup(
        settings.run,
        topology(),
        settings.folder,
        bundled.compose(),
        _no_database,
        progress,
        variables=variables,
    )
    return KINDS[settings.substrate].make(setup)


def _release(substrate: str, name: str) -> Release:
    """Return the stub's release; an image contains it already."""
    return Release(name, STUB, bundled.compose() if KINDS[substrate].uses_link_server else None)


def _no_database() -> Path:
    raise PortError("the bench has no database")
