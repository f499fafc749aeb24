"""Service side of telemetry: reading counters, summing them over restarts, and evaluating SLOs with
them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gameday import detect
from gameday.ports import PortError
from gameday.recording.journal import Event, Journal, read_journal
from gameday.scenario import Slo
from gameday.scenario.scenario_model import Detection
from gameday.scenario.system_under_test import STOREFRONT
from gameday.telemetry.metrics_scrape import ROUTES, Scrape, ServiceBreach, Totals, read_counters
from tests.support.fakes import HandClock

WITHIN_S = 10.0
CHECKOUT = Slo.model_validate(
    {"name": "checkout", "journey": "buy", "sli": "availability", "objective": "99%"}
)
ALL = Slo.model_validate({"name": "all", "sli": "availability", "objective": "99%"})
PRICES = Slo.model_validate({"name": "prices", "sli": "correctness", "objective": "99%"})
LINE = 'http_requests_total{{region="us-east",release="a-1",route="{}",service="{}",status="{}"}} {}'

Counts = Mapping[tuple[str, str, str], int]
"""(service, route, status) → requests."""


def page(counts: Counts) -> str:
    """Return a page of metrics as a service shows it."""
    lines = [LINE.format(route, service, status, float(n)) for (service, route, status), n in counts.items()]
    other = [
        "# TYPE http_request_duration_seconds histogram",
        'http_request_duration_seconds_bucket{le="1.0"} 3.0',
    ]
    return "\n".join(
        ["# HELP http_requests_total Requests.", "# TYPE http_requests_total counter", *lines, *other, ""]
    )


@contextmanager
def instance(text: str, status: int = 200) -> Iterator[tuple[str, int]]:
    """Serve this page for every request."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield "127.0.0.1", server.server_port
        finally:
            server.shutdown()
            thread.join(WITHIN_S)


class Bench:
    """A scrape of instances whose pages a test sets."""

    def __init__(self, folder: Path, slos: tuple[Slo, ...] = (CHECKOUT,), every: str = "15s") -> None:
        self.clock = HandClock()
        self.journal = Journal(folder / "journal.jsonl")
        detection = Detection.model_validate({"detector": "scrape", "for": "0s", "every": every})
        self.scrape = Scrape(detection, slos, detect.make_scrape, self.clock, self.journal)

    def once(self, pages: Mapping[str, Counts], gone: tuple[str, ...] = ()) -> list[ServiceBreach]:
        """Return a scrape of these instances 15 s after the last; the `gone` ones can't be reached."""
        self.clock.t += 15
        with ExitStack() as stack:
            addresses = {name: stack.enter_context(instance(page(counts))) for name, counts in pages.items()}
            self.scrape.once(addresses | dict.fromkeys(gone, ("127.0.0.1", 1)))
        return list(self.scrape.breaches())

    def events(self, kind: str) -> list[Event]:
        return [event for event in read_journal(self.journal.path) if event.kind == kind]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    one = Bench(tmp_path)
    yield one
    one.journal.close()


def edge(good: int, bad: int, route: str = "/checkout") -> Counts:
    return {("edge", route, "201"): good, ("edge", route, "503"): bad}


def test_counters_are_read_from_the_text() -> None:
    """Requests are read by service, route and status, summed over releases; other metrics are ignored."""
    text = page({("edge", "/checkout", "201"): 5, ("edge", "/checkout", "503"): 2})
    text += 'http_requests_total{release="b-2",route="/checkout",service="edge",status="201"} 4\n'
    assert read_counters(text) == {("edge", "/checkout", "201"): 9, ("edge", "/checkout", "503"): 2}
    assert read_counters("") == {}


def test_a_page_of_prometheus_client_can_be_read() -> None:
    """The page of a real prometheus_client registry can be read."""
    from prometheus_client import CollectorRegistry, Counter, generate_latest

    registry = CollectorRegistry()
    counter = Counter("http_requests", "Requests.", ("service", "route", "status"), registry=registry)
    counter.labels("edge", "/products/{id}", "200").inc(3)
    assert read_counters(generate_latest(registry).decode()) == {("edge", "/products/{id}", "200"): 3}


def test_totals_go_on_through_restarts() -> None:
    """A counter that fell has restarted at zero; one that was missing for a while loses no count."""
    totals = Totals()
    for instance, n in (("a", 10), ("b", 4), ("a", 15), ("a", 3), ("b", 6)):
        totals.add(instance, {("edge", "/orders", "200"): n})
    total = totals.of("edge")
    assert total is not None
    assert (total.requests, total.errors) == (15 + 3 + 6, 0)
    assert totals.of("pricing") is None
    assert totals.of("edge", frozenset({"/login"})) is None


def test_a_breach_is_found_and_journalled(bench: Bench) -> None:
    """Errors over the budget since the last scrape are a breach, with a text; each service's totals
    are journalled."""
    assert bench.once({"a": edge(100, 50)}) == []
    text = "checkout: answered 5xx since the last scrape: edge 20 of 100 (objective 99%)"
    assert bench.once({"a": edge(180, 70)}) == [ServiceBreach("checkout", False, text)]
    assert [
        (event.subject, event.data["requests"], event.data["errors"]) for event in bench.events("scrape")
    ] == [
        ("edge", 150, 50),
        ("edge", 250, 70),
    ]


def test_it_is_found_once_until_rearmed(bench: Bench) -> None:
    """A breach raises one alert, however long it lasts and however many services show it; another
    one after a rearm."""
    both = {"b": {("gateway", "/checkout", "500"): 0}}
    bench.once({"a": edge(0, 0)} | both)
    (breach,) = bench.once({"a": edge(0, 50), "b": {("gateway", "/checkout", "500"): 50}})
    assert "edge 50 of 50, gateway 50 of 50" in breach.summary
    assert bench.once({"a": edge(0, 99)}) == []
    bench.scrape.rearm()
    assert len(bench.once({"a": edge(0, 150)})) == 1


def test_a_journey_is_judged_by_its_routes(bench: Bench) -> None:
    """Only errors of a journey's routes count for it; services without those routes don't count."""
    bench.once({"a": edge(0, 0), "b": {("pricing", "/prices", "500"): 0}})
    pages = {
        "a": {**edge(100, 0), ("edge", "/orders", "500"): 100},
        "b": {("pricing", "/prices", "500"): 100},
    }
    assert bench.once(pages) == []


def test_an_slo_of_everything_sees_every_service(tmp_path: Path) -> None:
    """Without a journey all routes count, for each service separately; correctness can't be evaluated."""
    bench = Bench(tmp_path, (ALL, PRICES))
    bench.once({"b": {("pricing", "/prices", "500"): 0}})
    (breach,) = bench.once({"b": {("pricing", "/prices", "500"): 100}})
    assert (breach.slo, "pricing 100 of 100" in breach.summary) == ("all", True)
    bench.journal.close()


def test_an_unreachable_instance_is_missing_data(bench: Bench) -> None:
    """An unreachable instance is named and leaves the totals unchanged; its counts meanwhile are
    added once it is back."""
    bench.once({"a": edge(100, 0)})
    assert bench.once({}, gone=("a",)) == []
    assert bench.events("scrape")[-1].data == {"requests": 100, "errors": 0, "missing": ["a"]}
    assert len(bench.once({"a": edge(100, 50)})) == 1


def test_an_answer_that_is_no_page_of_metrics_is_missing_data(bench: Bench) -> None:
    """An error page, or text that isn't metrics, counts as an unreadable instance."""
    with instance(page(edge(5, 5)), status=500) as failing, instance("<html>no</html> {") as other:
        bench.scrape.once({"a": failing, "b": other})
    assert bench.events("scrape") == []
    bench.once({"a": edge(1, 0)}, gone=("b",))
    assert bench.events("scrape")[-1].data["requests"] == 1


def test_the_thread_scrapes_until_it_is_stopped(tmp_path: Path) -> None:
    """The thread scrapes at once when started, survives addresses that raise, and ends with `stop`."""
    bench, scraped = Bench(tmp_path, every="10ms"), threading.Semaphore(0)

    def addresses() -> Mapping[str, tuple[str, int]]:
        bench.clock.t += 1
        scraped.release()
        raise PortError("no engine")

    bench.scrape.start(addresses)
    assert scraped.acquire(timeout=WITHIN_S)
    assert scraped.acquire(timeout=WITHIN_S)
    bench.scrape.stop()
    assert "scrape" not in {thread.name for thread in threading.enumerate()}
    assert bench.events("scrape.failed")[0].data == {"why": "no engine"}
    bench.journal.close()


def test_every_journey_has_its_routes() -> None:
    """Every journey has routes, so any SLO of a journey can be evaluated by the services' metrics."""
    assert set(ROUTES) == set(STOREFRONT.journeys)
