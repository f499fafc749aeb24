"""Metrics scrape, the service side of detection: every instance's own `/metrics`, read every few seconds.

Counters are summed by service and route. An instance that can't be reached is missing data, not zero; a restarted one
counts from zero. An SLO of a journey is judged by the journey's routes at each service that has them, since counters
don't show which journey a request belongs to. The rule itself is injected.
"""

from __future__ import annotations

import http.client
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client.parser import text_string_to_metric_families

from gameday.host.http_client import DirectConnection
from gameday.ports import PortError
from gameday.recording.clock import Clock
from gameday.recording.journal import Journal
from gameday.recording.journal_events import Scraped, ScrapeFailed
from gameday.scenario import Slo
from gameday.scenario.scenario_model import Detection
from gameday.scenario.system_under_test import STOREFRONT

EVERY_S = 15.0
TIMEOUT_S = 2.0
MOST_AT_ONCE = 16
COUNTER = STOREFRONT.request_counter
ROUTES: Mapping[str, frozenset[str]] = {name: shape.routes for name, shape in STOREFRONT.journeys.items()}

Address = tuple[str, int]


class Evidence(Protocol):
    """The counts on which a rule raised."""

    @property
    def errors(self) -> int: ...

    @property
    def requests(self) -> int: ...


class Rule(Protocol):
    """A fold over running totals that returns its evidence when it raises."""

    def observe(self, t: float, requests: int, errors: int) -> Evidence | None: ...

    def reset(self) -> None: ...


@dataclass(frozen=True)
class ServiceBreach:
    """An SLO that the services' own counters show in breach."""

    slo: str
    pages: bool
    summary: str


@dataclass
class Count:
    """Running totals."""

    requests: int = 0
    errors: int = 0

    def add(self, requests: int, errors: int) -> None:
        """Add to the totals."""
        self.requests += requests
        self.errors += errors


Series = Mapping[tuple[str, str, str], int]
"""One instance's counters: (service, route, status) → requests."""


def read_counters(text: str) -> Series:
    """Return the request counters in Prometheus' text format. Raise ValueError if `text` isn't in that format."""
    series: dict[tuple[str, str, str], int] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == COUNTER:
                labels = sample.labels
                key = (labels.get("service", ""), labels.get("route", ""), labels.get("status", ""))
                series[key] = series.get(key, 0) + int(sample.value)
    return series


@dataclass
class Totals:
    """Running totals by (service, route) over all instances, through their restarts."""

    counts: dict[tuple[str, str], Count] = field(default_factory=dict)
    _seen: dict[str, Series] = field(default_factory=dict)

    def add(self, instance: str, now: Series) -> None:
        """Add what an instance has counted since the last call."""
        before = self._seen.get(instance, {})
        self._seen[instance] = now
        for (service, route, status), value in now.items():
            earlier = before.get((service, route, status), 0)
            more = value - earlier if value >= earlier else value
            count = self.counts.setdefault((service, route), Count())
            count.add(more, more if status.startswith("5") else 0)

    def of(self, service: str, routes: frozenset[str] | None = None) -> Count | None:
        """Return a service's totals over `routes` (None: all), or None if it has none of them."""
        total, any_route = Count(), False
        for (name, route), count in self.counts.items():
            if name == service and (routes is None or route in routes):
                total.add(count.requests, count.errors)
                any_route = True
        return total if any_route else None

    def services(self) -> list[str]:
        """Return the names of the services seen so far, sorted."""
        return sorted({service for service, _ in self.counts})


def fetch(address: Address, timeout: float) -> str:
    """Return the text of GET /metrics. Raise OSError or http.client.HTTPException if there is no good answer."""
    connection = DirectConnection(*address, timeout=timeout)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", errors="replace")
        if answer.status != 200:
            raise http.client.HTTPException(f"status {answer.status}")
        return text
    finally:
        connection.close()


class Scrape:
    """Reads every instance at the detection's interval in its own thread, and evaluates each
    availability SLO."""

    def __init__(
        self,
        detection: Detection,
        slos: Sequence[Slo],
        make_rule: Callable[[Detection, Slo], Rule],
        clock: Clock,
        journal: Journal,
    ) -> None:
        self._detection = detection
        self._slos = [slo for slo in slos if slo.sli == "availability"]
        self._make_rule = make_rule
        self._clock = clock
        self._journal = journal
        self._every = detection.every or EVERY_S
        self._totals = Totals()
        self._rules: dict[tuple[str, str], Rule] = {}
        self._raised: set[str] = set()
        self._breaches: queue.SimpleQueue[ServiceBreach] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, addresses: Callable[[], Mapping[str, Address]]) -> None:
        """Start scraping; `addresses`, called from the thread, returns host and port by instance id."""
        self._thread = threading.Thread(target=self._run, args=(addresses,), name="scrape", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a scrape in flight is awaited."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(2 * TIMEOUT_S)

    def rearm(self) -> None:
        """Let every rule raise again."""
        with self._lock:
            self._raised.clear()
            for rule in self._rules.values():
                rule.reset()

    def breaches(self) -> Iterator[ServiceBreach]:
        """Yield what was raised since the last call."""
        while not self._breaches.empty():
            yield self._breaches.get_nowait()

    def once(self, addresses: Mapping[str, Address]) -> None:
        """Scrape every instance once, journal the totals, evaluate the SLOs."""
        pages, missing = self._read(addresses)
        t = self._clock.now()
        for instance, series in pages.items():
            self._totals.add(instance, series)
        for service in self._totals.services():
            total = self._totals.of(service)
            assert total is not None
            scraped = Scraped(service, requests=total.requests, errors=total.errors, missing=tuple(missing))
            self._journal.append(scraped.at(t))
        with self._lock:
            for slo in self._slos:
                self._judge(t, slo)

    def _run(self, addresses: Callable[[], Mapping[str, Address]]) -> None:
        due = self._clock.now()
        while not self._ended.wait(max(0.0, due - self._clock.now())):
            try:
                self.once(addresses())
            except (PortError, OSError) as error:
                self._journal.append(ScrapeFailed(why=str(error), t=self._clock.now()))
            due = max(due + self._every, self._clock.now())

    def _read(self, addresses: Mapping[str, Address]) -> tuple[dict[str, Series], list[str]]:
        """Return (counters by instance, instances without an answer)."""
        pool = ThreadPoolExecutor(max(1, min(MOST_AT_ONCE, len(addresses))), thread_name_prefix="scrape")
        requests = {
            pool.submit(fetch, address, TIMEOUT_S): instance for instance, address in addresses.items()
        }
        done, _ = wait(requests, timeout=TIMEOUT_S)
        pool.shutdown(wait=False, cancel_futures=True)
        pages = {requests[request]: series for request in done if (series := _series(request)) is not None}
        return pages, sorted(set(addresses) - set(pages))

    def _judge(self, t: float, slo: Slo) -> None:
        routes = None if slo.journey is None else ROUTES[slo.journey]
        burning: list[str] = []
        for service in self._totals.services():
            total = self._totals.of(service, routes)
            if total is None:
                continue
            key = (slo.name, service)
            rule = self._rules.get(key)
            if rule is None:
                rule = self._rules[key] = self._make_rule(self._detection, slo)
            burn = rule.observe(t, total.requests, total.errors)
            if burn is not None:
                burning.append(f"{service} {burn.errors} of {burn.requests}")
        if burning and slo.name not in self._raised:
            self._raised.add(slo.name)
            what = f"{slo.name}: answered 5xx since the last scrape: {', '.join(burning)}"
            summary = f"{what} (objective {slo.objective * 100:.12g}%)"
            self._breaches.put(ServiceBreach(slo.name, self._detection.pages, summary))


def _series(request: Future[str]) -> Series | None:
    try:
        return read_counters(request.result())
    except (OSError, http.client.HTTPException, ValueError):
        return None
