"""Configuration of a run's own Prometheus and Alertmanager: rules, targets, routes. Text in, text out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from gameday.scenario.detection_model import Prometheus
from gameday.scenario.units import show_seconds
from gameday.scenario.yaml_document import Document, Invalid, Problem, nearest, read_yaml
from gameday.telemetry.metrics_scrape import Address
from gameday.topology import bundled

MOST_TIMEOUT_S = 10.0
DETECTOR = "alertmanager"


def bundled_rules() -> dict[str, Path]:
    """Return name → file of the rules that come with gameday."""
    return {path.stem: path for path in sorted((bundled.compose() / "monitoring").glob("*.yaml"))}


def rules_file(name: str) -> Path:
    """Return the file of rules that a scenario names: bundled, or a path."""
    return bundled_rules().get(name, Path(name))


def problems(document: Document) -> Iterator[Problem]:
    """Yield what is wrong with a scenario's `monitoring` that its own model doesn't find."""
    monitoring = document.data.get("monitoring")
    prometheus = monitoring.get("prometheus") if isinstance(monitoring, dict) else None
    if not isinstance(prometheus, dict):
        return
    items = document.data.get("detectors")
    detectors = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    if all(item.get("detector") != DETECTOR for item in detectors):
        hint = f"add it to detectors: {{detector: {DETECTOR}, pages: true}}"
        yield document.problem(
            ("monitoring",), f"no detector {DETECTOR!r} takes its alerts", hint, at_key=True
        )
    for index, item in enumerate(detectors):
        params = item.get("params")
        if item.get("detector") == DETECTOR and isinstance(params, dict) and "poll" in params:
            place = ("detectors", index, "params", "poll")
            yield document.problem(
                place, "monitoring sends its alerts; poll is for an Alertmanager of your own"
            )
    name = prometheus.get("rules")
    if isinstance(name, str):
        yield from _problems_of_rules(document, name)


def _problems_of_rules(document: Document, name: str) -> Iterator[Problem]:
    place, path = ("monitoring", "prometheus", "rules"), rules_file(name)
    try:
        exists = path.is_file()
    except (OSError, ValueError):
        exists = False
    if not exists:
        hint = nearest(name, bundled_rules())
        yield document.problem(
            place, f"no file of rules {name[:80]!r}, and none of that name is bundled", hint
        )
        return
    try:
        data = read_yaml(path, recorded=True).data
    except Invalid as error:
        yield document.problem(place, f"can't be read: {error.problems[0].message}")
        return
    if not isinstance(data, dict) or not alerting_rules(data):
        yield document.problem(place, f"{name[:80]!r} has no alerting rule of Prometheus")


def alerting_rules(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the alerting rules of a file's data; those of another form are left out."""
    groups = data.get("groups")
    listed = [group for group in groups if isinstance(group, dict)] if isinstance(groups, list) else []
    rules = [rule for group in listed for rule in group.get("rules") or () if isinstance(rule, dict)]
    return [rule for rule in rules if "alert" in rule and "expr" in rule]


def rules_text(settings: Prometheus) -> str:
    """Return the rules, with the scenario's `for` if it names one. Raise OSError or yaml.YAMLError."""
    data = yaml.safe_load(rules_file(settings.rules).read_text(encoding="utf-8"))
    for rule in alerting_rules(data) if settings.for_ is not None else ():
        rule["for"] = duration(settings.for_ or 0.0)
    text: str = yaml.safe_dump(data, sort_keys=False)
    return text


def prometheus_text(settings: Prometheus, alertmanager: str, folder: Path) -> str:
    """Return prometheus.yml. `alertmanager` is its host and port."""
    timeout = min(settings.scrape_interval, MOST_TIMEOUT_S)
    config = {
        "global": {
            "scrape_interval": duration(settings.scrape_interval),
            "scrape_timeout": duration(timeout),
            "evaluation_interval": duration(settings.evaluation_interval),
        },
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
        "rule_files": [str(folder / "rules.yml")],
        "scrape_configs": [
            {
                "job_name": "shop",
                "honor_labels": True,  # the services' own labels say which service and region they are
                "file_sd_configs": [{"files": [str(folder / "targets.json")], "refresh_interval": "1s"}],
            }
        ],
    }
    return yaml.safe_dump(config, sort_keys=False)


def alertmanager_text(settings: Prometheus, webhook: str, token_file: Path) -> str:
    """Return alertmanager.yml. `webhook` is the URL that takes the alerts."""
    receiver = {
        "url": webhook,
        "send_resolved": True,
        "http_config": {"authorization": {"type": "Bearer", "credentials_file": str(token_file)}},
    }
    config = {
        "route": {
            "receiver": "gameday",
            "group_by": ["alertname"],
            "group_wait": duration(settings.group_wait),
            "group_interval": duration(settings.group_interval),
            "repeat_interval": "1h",
        },
        "receivers": [{"name": "gameday", "webhook_configs": [receiver]}],
    }
    return yaml.safe_dump(config, sort_keys=False)


def targets_text(addresses: Mapping[str, Address]) -> str:
    """Return the targets of file discovery; an instance's id is region.service.number, or service.number outside regions."""
    groups = []
    for instance, (host, port) in sorted(addresses.items()):
        region, _, service = instance.rpartition(".")[0].rpartition(".")
        labels = {"instance": instance, "region": region, "service": service}
        groups.append({"targets": [f"{host}:{port}"], "labels": labels})
    return json.dumps(groups)


def duration(seconds: float) -> str:
    """Return a duration as Prometheus reads it, in whole milliseconds."""
    milliseconds = round(seconds * 1000)
    return f"{milliseconds}ms" if milliseconds % 1000 else show_seconds(milliseconds / 1000)
