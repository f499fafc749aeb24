"""Configuration of a run's own Prometheus and Alertmanager, and the mistakes of a scenario in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from gameday.scenario.detection_model import Prometheus
from gameday.scenario.yaml_document import parse_yaml
from gameday.telemetry.outside.monitoring_config import (
    alerting_rules,
    alertmanager_text,
    bundled_rules,
    duration,
    problems,
    prometheus_text,
    rules_text,
    targets_text,
)

TAKES = "detectors: [{detector: alertmanager}]\n"


def test_the_settings_of_a_scenario_reach_both_programs(tmp_path: Path) -> None:
    """Every interval and wait of the scenario is in a configuration, the scenario's `for` in every rule."""
    settings = Prometheus.model_validate(
        {"scrapeInterval": "2s", "evaluationInterval": "500ms", "for": "4s", "groupWait": "5s"}
    )
    config = yaml.safe_load(prometheus_text(settings, "127.0.0.1:9", tmp_path))
    assert config["global"] == {
        "scrape_interval": "2s",
        "scrape_timeout": "2s",
        "evaluation_interval": "500ms",
    }
    route = yaml.safe_load(alertmanager_text(settings, "http://127.0.0.1:1/v1", tmp_path / "token"))["route"]
    assert (route["group_wait"], route["group_interval"]) == ("5s", "5s")
    assert {rule["for"] for rule in alerting_rules(yaml.safe_load(rules_text(settings)))} == {"4s"}


@pytest.mark.parametrize("name", ["burn-rate", "burn-rate-drill"])
def test_bundled_rules_name_slos_and_have_no_wait_of_their_own(name: str) -> None:
    """Without the scenario's `for` the rules stay as the file has them."""
    rules = alerting_rules(yaml.safe_load(rules_text(Prometheus(rules=name))))
    assert [(rule["labels"]["slo"], rule.get("for")) for rule in rules] == [
        ("checkout", None),
        ("browse", None),
    ]
    assert name in bundled_rules()


def test_targets_are_labelled_by_what_an_instance_is() -> None:
    edge, pricing = json.loads(
        targets_text({"us-east.pricing.3": ("127.0.0.1", 8001), "edge.1": ("127.0.0.1", 8000)})
    )
    labels = {"instance": "us-east.pricing.3", "region": "us-east", "service": "pricing"}
    assert pricing == {"targets": ["127.0.0.1:8001"], "labels": labels}
    assert edge["labels"] == {"instance": "edge.1", "region": "", "service": "edge"}


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0s"), (0.25, "250ms"), (1.5, "1500ms"), (90.0, "90s"), (0.0001, "0s")]
)
def test_durations_are_written_as_prometheus_reads_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("monitoring: {prometheus: {}}\n", 1, "no detector 'alertmanager' takes its alerts"),
        (
            "detectors: [{detector: alertmanager, params: {poll: 'http://h'}}]\nmonitoring: {prometheus: {}}\n",
            1,
            "monitoring sends its alerts",
        ),
        (
            f"{TAKES}monitoring:\n  prometheus:\n    rules: burn-rat\n",
            4,
            "no file of rules 'burn-rat', and none of that name",
        ),
        (f"{TAKES}monitoring: {{prometheus: {{rules: RULES}}}}\n", 2, "has no alerting rule"),
    ],
)
def test_mistakes_are_located(tmp_path: Path, text: str, line: int, message: str) -> None:
    """Rules that don't exist or hold no alert, and alerts that nobody takes, are problems at their place."""
    empty = tmp_path / "rules.yml"
    empty.write_text("groups: [{name: x, rules: [{record: y, expr: z}]}]\n", encoding="utf-8")
    (problem,) = problems(parse_yaml(text.replace("RULES", str(empty)), "x.yaml"))
    assert message in problem.message
    assert problem.line == line


@pytest.mark.parametrize(
    "text",
    ["a: 1", "monitoring: 3", "monitoring: {prometheus: 3}", f"{TAKES}monitoring: {{prometheus: {{}}}}"],
)
def test_other_mistakes_are_left_to_the_model(text: str) -> None:
    assert list(problems(parse_yaml(text, "x.yaml"))) == []
