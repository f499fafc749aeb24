"""Fakes of the ports, for tests of the code that uses them; `fake_substrate` has those of substrates."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, Field

from gameday.operations import Alert
from gameday.ports import Health, Toxic
from gameday.recording.journal_events import LoadStopped
from gameday.topology import Link


@dataclass
class HandClock:
    """A clock that a test sets by hand."""

    t: float = 0.0

    def now(self) -> float:
        return self.t


class FakeLinks:
    """Give every link its own port, and record the calls in order."""

    def __init__(self) -> None:
        self._ports = itertools.count(30_000)
        self._lock = threading.Lock()
        self.order: list[str] = []
        self.stands: set[str] = set()

    def cut(self, link: Link) -> None:
        self._put(f"cut {link.name}")

    def mend(self, link: Link) -> None:
        self._take(f"cut {link.name}")

    def add_toxic(self, link: Link, toxic: Toxic) -> None:
        self._put(f"{toxic.name} {link.name}")

    def remove_toxic(self, link: Link, name: str) -> None:
        self._take(f"{name} {link.name}")

    def misdirect(self, link: Link) -> None:
        self._put(f"gone {link.name}")

    def redirect(self, link: Link) -> None:
        self._take(f"gone {link.name}")

    def forget(self, region: str) -> None:
        self.order.append(f"forget {region}")

    def standing(self) -> Sequence[str]:
        return sorted(self.stands)

    def _put(self, fault: str) -> None:
        self.order.append(fault)
        self.stands.add(fault)

    def _take(self, what: str) -> None:
        self.order.append(f"not {what}")
        self.stands.discard(what)

    def populate(self, region: str, server: tuple[str, int], links: Sequence[Link]) -> Mapping[str, int]:
        with self._lock:
            return {link.name: next(self._ports) for link in links}


@dataclass
class FakeLoad:
    """A load that runs until it is stopped; `dead` is why it ended. `surges` and `retries` record
    the calls in order."""

    dead: str | None = None
    stopped: bool = False
    surges: list[float] = field(default_factory=list)
    retries: list[int] = field(default_factory=list)

    def start(self, target: str) -> float:
        return 0.0

    def stop(self) -> LoadStopped:
        self.stopped = True
        return LoadStopped(clean=True, why="")

    def alive(self) -> str | None:
        return self.dead

    def surge(self, factor: float) -> None:
        self.surges.append(factor)

    def retry(self, attempts: int) -> None:
        self.retries.append(attempts)

    def shards(self) -> Sequence[Path]:
        return ()


@dataclass
class FakeTelemetry:
    """Telemetry without alerts; `broken` is the error that a poll raises."""

    broken: Exception | None = None
    stopped: bool = False

    def start(self, shards: Sequence[Path], addresses: object) -> None:
        """Do nothing."""

    def poll(self, now: float) -> Sequence[Alert]:
        if self.broken is not None:
            raise self.broken
        return ()

    def calibrate(self, since: float) -> None:
        """Do nothing."""

    def rearm(self, since: float) -> None:
        """Do nothing."""

    def stop(self) -> None:
        self.stopped = True


@dataclass
class FakeFault:
    """A fault that records its calls; `broken` is the error that its injection raises."""

    target: str = "somewhere"
    meaning: str = ""
    broken: Exception | None = None
    done: list[str] = field(default_factory=list)

    def undo(self) -> Mapping[str, object]:
        return {"kind": "fake", "spec": {}, "chosen": {"region": "us-east"}}

    def inject(self, wait: object) -> None:
        self.done.append("inject")
        if self.broken is not None:
            raise self.broken

    def revert(self) -> None:
        self.done.append("revert")


class FakeSight:
    """A sight that returns what a test sets."""

    def __init__(self) -> None:
        self.seen: dict[str, Health] = {}

    def start(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""

    def regions(self) -> Mapping[str, Health]:
        return dict(self.seen)


class NoPages:
    """A receiver of pages that sends none."""

    def page(self, alert: Alert) -> None:
        """Do nothing."""

    def resolve(self, alert: str) -> None:
        pass

    def taken(self, alert: str, by: str) -> None:
        """Do nothing."""


class QuietScreen:
    """A screen that shows nothing."""

    def status(self, state: object, now: float) -> None:
        """Do nothing."""


class FakeSpec(BaseModel):
    """The part of a fault's spec that the timeline reads."""

    region: str = "us-east"
    for_: float | None = Field(default=None, alias="for")
