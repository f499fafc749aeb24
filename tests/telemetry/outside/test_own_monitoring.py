"""A real Prometheus and Alertmanager of a run: a rule pages, and its lag adds up to what the test itself stamps."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from gameday import detect
from gameday.analysis.detection.alert_lag import lag_parts
from gameday.host import monitoring_programs
from gameday.operations import Alert
from gameday.operator_api.alert_webhook import AlertDoor
from gameday.operator_api.credentials import Credentials
from gameday.operator_api.http_server import OperatorServer
from gameday.ports import PortError
from gameday.recording.clock import RunClock
from gameday.recording.journal import Journal, read_journal
from gameday.recording.journal_events import AlertTraced
from gameday.recording.journal_index import JournalIndex
from gameday.scenario.detection_model import Prometheus
from gameday.telemetry.outside.inbox import Inbox
from gameday.telemetry.outside.monitoring_alerts import OutsideAlerts
from gameday.telemetry.outside.own_monitoring import OwnMonitoring
from gameday.telemetry.watch import Watch
from tests.support.operator_api_client import FakeRun
from tests.support.telemetry_bench import scenario
from tests.support.waiting import until

RULES = """
groups:
  - name: test
    rules:
      - alert: ShopFails
        expr: sum(rate(http_requests_total{status="500"}[3s])) > 0
        labels: {slo: checkout}
        annotations: {summary: it fails}
"""
needs_programs = pytest.mark.skipif(
    bool(monitoring_programs.missing()) and "GAMEDAY_REQUIRE_MONITORING" not in os.environ,
    reason=monitoring_programs.HINT,
)
MARK = "test-own-monitoring"


class Shop(BaseHTTPRequestHandler):
    """A service's metrics; its errors grow with time from the moment at which the test breaks it."""

    broken_at: float | None = None

    def do_GET(self) -> None:
        errors = 0 if Shop.broken_at is None else int(100 * (time.monotonic() - Shop.broken_at)) + 1
        body = f'http_requests_total{{service="edge",status="500"}} {errors}\n'.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def shop() -> Iterator[tuple[str, int]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    Shop.broken_at = None
    yield ("127.0.0.1", server.server_address[1])
    server.shutdown()
    thread.join()
    server.server_close()


def own(tmp_path: Path, rules: str, key: Credentials | None = None) -> OwnMonitoring:
    """Return the monitoring, with these rules; `key` says where alerts are taken."""
    (tmp_path / "rules.yml").write_text(rules, encoding="utf-8")
    settings = Prometheus.model_validate(
        {"rules": str(tmp_path / "rules.yml"), "for": "2s", "groupWait": "1s"}
    )

    def webhook() -> tuple[str, str]:
        port, token = (key.port, key.alerts_token) if key else (1, "none")
        return f"http://127.0.0.1:{port}/v1/alerts/alertmanager", token

    environment = {"PATH": os.environ["PATH"], "HOME": "/", "GAMEDAY_RUN": MARK}
    return OwnMonitoring(settings, tmp_path / "monitoring", tmp_path, environment, webhook)


def running() -> list[str]:
    """Return the programs that carry the test's mark."""
    names = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("GAMEDAY_RUN") == MARK:
                names.append(process.name())
        except psutil.Error:
            continue
    return sorted(names)


def watched(tmp_path: Path, shop: tuple[str, int], journal: Journal, clock: RunClock) -> tuple[float, float]:
    """Break the shop under a real Prometheus; return when, and when the alert was raised, on the run's clock."""
    made = scenario(detectors=[{"detector": "alertmanager", "pages": True}])
    inbox = Inbox(made.detectors, clock, journal)
    server = OperatorServer(
        "r1", FakeRun().status, FakeRun().request, alerts=AlertDoor(inbox.deliver, "t" * 32)
    )
    try:
        outside = OutsideAlerts(inbox, clock, journal, own(tmp_path, RULES, server.open()))
        watch = Watch(made, detect.make, clock, journal, outside=outside)
        watch.start([], lambda: {"edge.1": shop})
        assert len(running()) == 2
        time.sleep(2.5)  # some scrapes without an error
        Shop.broken_at, broken = time.monotonic(), clock.now()
        alerts: list[Alert] = []

        def paged() -> bool:
            alerts.extend(watch.poll(clock.now()))
            return bool(alerts)

        until(paged, "the alert", 60)
        raised = clock.now()
        watch.stop()
        assert [(alert.slo, alert.side) for alert in alerts] == [("checkout", "outside")]
    finally:
        server.close()
    return broken, raised


@pytest.mark.system
@needs_programs
def test_a_real_rule_pages_and_its_lag_adds_up(tmp_path: Path, shop: tuple[str, int]) -> None:
    """The parts name `for` and `group_wait` with their seconds, and add up to the test's own stamps within 100 ms."""
    clock = RunClock()
    with closing(Journal(tmp_path / "journal.jsonl")) as journal:
        broken, raised = watched(tmp_path, shop, journal, clock)
    (traced,) = JournalIndex(read_journal(tmp_path / "journal.jsonl")).of(AlertTraced)
    assert traced.why_unknown == ""
    parts = {part.name: part for part in lag_parts(traced, broken, raised, clock.started.timestamp())}
    assert sum(part.seconds for part in parts.values()) == pytest.approx(raised - broken, abs=0.1)
    assert {name: part.configured_s for name, part in parts.items()} == {
        "scrape": 1.0,
        "rule": 1.0,
        "for": 2.0,
        "group_wait": 1.0,
        "delivery": None,
        "taken": None,
    }
    assert parts["for"].seconds + 0.05 >= 2.0
    assert parts["group_wait"].seconds == pytest.approx(1.0, abs=0.05)
    assert running() == []
    assert not (tmp_path / "monitoring").exists()


@pytest.mark.system
@needs_programs
def test_rules_that_prometheus_refuses_are_an_error(tmp_path: Path) -> None:
    """The error has what Prometheus says; nothing is left running."""
    with pytest.raises(PortError, match=r"(?s)Prometheus ended .*could not parse expression|parse error"):
        own(tmp_path, RULES.replace("sum(", "sum((")).start(dict)
    assert running() == []


def test_missing_programs_are_an_error_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what is missing and how to get it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        PortError, match=r"needs Prometheus .* and Alertmanager .*: apt-get install prometheus"
    ):
        own(tmp_path, RULES)
