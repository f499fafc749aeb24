"""Webhook of any sender: fields picked by CEL, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gameday.detect import problems
from gameday.detect.outside.webhook import Parameters, make
from gameday.scenario.yaml_document import parse_yaml

PICK = {
    "each": "body.items",
    "key": "alert.id",
    "firing": 'alert.state == "open"',
    "labels": "alert.tags",
    "startsAt": "alert.since",
    "summary": 'alert.title + "!"',
}


def own(**pick: str | None) -> Any:
    fields = {key: value for key, value in (PICK | pick).items() if value is not None}
    return make(Parameters.model_validate({"pick": fields, "alerts": [{"slo": "checkout"}]}))


def body(**item: Any) -> bytes:
    return json.dumps({"items": [{"id": 7, "state": "open", "title": "Down"} | item]}).encode()


def test_fields_are_picked_by_expressions() -> None:
    """An alert that closes ends; what a payload lacks of the optional fields is left out."""
    detector = own()
    (raised,) = detector.take(1.0, body(tags={"region": "us-east", "n": 3}, since=1796072400))
    assert (raised.summary, raised.region, raised.starts_at) == ("7: Down!", "us-east", 1796072400.0)
    assert raised.labels == {"region": "us-east", "n": "3"}
    assert detector.take(2.0, body(state="closed")) == []
    assert len(detector.take(3.0, body())) == 1


def test_without_each_the_payload_is_one_alert() -> None:
    detector = own(each=None, labels=None, startsAt=None, summary=None, firing="alert.on", key="body.id")
    assert len(detector.take(1.0, b'{"id": "x", "on": true}')) == 1


@pytest.mark.parametrize(
    "payload",
    [
        b"x",
        b"3",
        b"{}",
        b'{"items": 3}',
        b'{"items": [{}]}',
        body(id=None),
        body(id=""),
        body(state=None, id=[]),
    ],
)
def test_payloads_that_lack_what_is_needed_are_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"gives no|not JSON|neither"):
        own().take(1.0, payload)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ("{}", "needs either preset or pick"),
        ("{preset: grafna}", "unknown preset 'grafna'"),
        ("{preset: grafana, pick: {key: a, firing: b}}", "needs either preset or pick"),
        ("{pick: {key: 'a +', firing: 'true'}}", "isn't a CEL expression"),
        ("{pick: {key: 'body.x.map(a, a)', firing: 'true'}}", "may not use macros"),
        ("{pick: {key: '((((((a))))))', firing: 'true'}}", "brackets inside one another"),
        (f"{{pick: {{key: '{'a' * 300}', firing: 'true'}}}}", "is longer than 200"),
    ],
)
def test_mistakes_of_the_scenario_are_located(params: str, message: str) -> None:
    """Expressions are of bounded cost, and each mistake is a problem with its line."""
    text = f"slos: []\ndetectors: [{{detector: webhook, params: {params}}}]\n"
    (problem,) = problems(parse_yaml(text, "x.yaml"))
    assert (message in problem.message, problem.line) == (True, 2)
