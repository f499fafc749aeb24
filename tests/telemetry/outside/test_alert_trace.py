"""Trace of an alert: what Prometheus and Alertmanager answer, and what they might."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from gameday.telemetry.outside.alert_trace import clock_offset, prometheus_seconds, routes, trace
from gameday.telemetry.outside.json_api import NoAnswer

LABELS = {"alertname": "Burn", "severity": "page", "slo": "checkout", "service": "edge"}
NOW = 1_796_072_400.0
RULE = {
    "name": "Burn",
    "type": "alerting",
    "query": "errors > 1",
    "duration": 4,
    "alerts": [
        {"labels": {**LABELS, "service": "other"}, "activeAt": "2026-11-30T20:00:00Z"},
        {"labels": LABELS, "activeAt": "2026-11-30T21:00:05.5Z"},
    ],
}
CONFIG = """
route:
  group_wait: 10s
  receiver: a
  routes:
    - match: {severity: ticket}
      group_wait: 1m
    - matchers: ['severity=~"page|critical"', service!=gateway]
      group_wait: 5s
"""
ANSWERS: dict[str, Any] = {
    "/api/v1/rules": {"groups": [{"interval": 2, "rules": [{"name": "Other", "type": "alerting"}, RULE]}]},
    "/api/v1/query": {
        "result": [
            {"metric": {"service": "edge"}, "values": [[NOW + 1.5, "1"], [NOW + 2.5, "1"]]},
            {"metric": {"service": "pricing"}, "values": [[NOW + 1.7, "1"]]},
        ]
    },
    "/api/v1/targets": {"activeTargets": [{"labels": {"service": "edge"}, "scrapeInterval": "1s"}]},
    "/api/v2/status": {"config": {"original": CONFIG}},
}


class Server(BaseHTTPRequestHandler):
    """Answers as Prometheus and Alertmanager do; `answers` are the class's own."""

    answers: Mapping[str, Any] = ANSWERS

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        value = self.answers.get(path)
        if "time%28%29" in query and value is ANSWERS["/api/v1/query"]:
            value = {"result": [NOW + 0.25, "x"]}
        body = value if isinstance(value, bytes) else json.dumps(_enveloped(path, value)).encode()
        self.send_response(404 if value is None else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


def _enveloped(path: str, value: Any) -> Any:
    return value if path.startswith("/api/v2") else {"status": "success", "data": value}


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_fact_of_an_alert_is_found(base: str) -> None:
    """The rule's alert with the same labels, the scrapes of its targets, and the waits of its route count."""
    traced = trace("a1", "Burn", LABELS, 20.0, NOW + 9.5, (base, base), lambda: NOW)
    assert (traced.alert, traced.arrived, traced.starts_at) == ("a1", 20.0, NOW + 9.5)
    assert traced.active_at == NOW + 5.5
    assert (traced.for_s, traced.evaluation_interval_s, traced.expr) == (4.0, 2.0, "errors > 1")
    assert (traced.scrapes_at, traced.scrape_interval_s) == ((NOW + 1.5, NOW + 2.5), 1.0)
    assert (traced.group_wait_s, traced.group_interval_s) == (5.0, 300.0)
    assert traced.offset_s == 0.25
    assert traced.why_unknown == ""


@pytest.mark.parametrize("answer", [b"\xff", b"[]", b"{}", b'{"status": "error", "data": {}}', b"[" * 9999])
def test_servers_that_answer_nonsense_leave_facts_unknown(
    base: str, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    """The alert is traced all the same, and the trace says why it lacks facts."""
    monkeypatch.setattr(Server, "answers", dict.fromkeys(ANSWERS, answer))
    traced = trace("a1", "Burn", LABELS, 20.0, None, (base, base), lambda: NOW)
    assert traced.why_unknown
    assert {traced.active_at, traced.for_s, traced.offset_s, traced.group_wait_s} == {None}


def test_without_addresses_nothing_is_asked() -> None:
    traced = trace("a1", "Burn", LABELS, 20.0, None, (None, None), lambda: NOW)
    assert traced.why_unknown == "no Prometheus is named that could be asked"


def test_the_offset_is_known_to_half_the_round_trip(base: str) -> None:
    """Of three questions the quickest counts."""
    times = iter([NOW, NOW + 0.4, NOW, NOW + 0.1, NOW, NOW + 0.2])
    offset, error = clock_offset(base, lambda: next(times))
    assert offset == pytest.approx(0.2)
    assert error == pytest.approx(0.051)
    with pytest.raises(NoAnswer, match="127"):
        clock_offset("http://127.0.0.1:1", lambda: NOW)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1m30s", 90.0), ("500ms", 0.5), ("1h", 3600.0), ("5", None), ("", None), (5, None), ("1s2x", None)],
)
def test_durations_of_prometheus(text: object, seconds: float | None) -> None:
    assert prometheus_seconds(text) == seconds


def test_an_alert_takes_the_first_route_that_matches() -> None:
    """Routes are searched downwards; without a match the alert stays where it is."""
    top = {"routes": [{"match_re": {"team": "a|b"}, "routes": [{"matchers": ["env='prod'"]}]}, {"id": 2}]}
    assert routes(top, {"team": "a", "env": "prod"})[-1] == {"matchers": ["env='prod'"]}
    assert routes(top, {"team": "a"})[-1]["match_re"] == {"team": "a|b"}
    assert routes(top, {"team": "c"})[-1] == {"id": 2}
    assert routes({"routes": [{"matchers": ["no matcher"]}]}, {}) == [
        {"routes": [{"matchers": ["no matcher"]}]}
    ]


@pytest.mark.parametrize("matcher", [r'severity=~"\pL+"', 'slo=~"("', "\t\x00"])
def test_a_configuration_that_python_does_not_read_leaves_the_waits_unknown(
    base: str, monkeypatch: pytest.MonkeyPatch, matcher: str
) -> None:
    """Alertmanager's expressions are RE2's; the alert's other facts are found all the same."""
    text = f"route: {{routes: [{{matchers: ['{matcher}']}}]}}"
    status = json.dumps({"config": {"original": text}}).encode()
    monkeypatch.setattr(Server, "answers", {**ANSWERS, "/api/v2/status": status})
    traced = trace("a1", "Burn", LABELS, 20.0, None, (base, base), lambda: NOW)
    assert (traced.for_s, traced.group_wait_s) == (4.0, None)
    assert traced.why_unknown
