"""Prometheus's answers: alerts that fire, and queries that have a result for some time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from gameday.detect.outside.prometheus import Parameters, make

BASE = "http://127.0.0.1:9090"
SLO = [{"slo": "checkout"}]


def answer(**data: Any) -> bytes:
    return json.dumps({"status": "success", "data": data}).encode()


def vector(*metrics: dict[str, str]) -> bytes:
    result = [{"metric": metric, "value": [1796072400.5, "1"]} for metric in metrics]
    return answer(resultType="vector", result=result)


def alert(state: str, active_at: str = "2026-11-30T21:00:05.5Z", **labels: str) -> dict[str, Any]:
    return {
        "labels": {"alertname": "Burn", "slo": "checkout"} | labels,
        "annotations": {"description": "it burns"},
        "state": state,
        "activeAt": active_at,
        "value": "1e+00",
    }


def test_an_alert_is_raised_once_it_fires() -> None:
    """A pending alert raises nothing; one that ended and is active anew is raised again."""
    own = make(Parameters(poll=BASE))
    assert own.poll == (f"{BASE}/api/v1/alerts", 1.0)
    assert own.sources[0] == BASE
    bodies = [
        answer(alerts=[alert("pending")]),
        answer(alerts=[alert("firing")]),
        answer(alerts=[alert("firing")]),
        answer(alerts=[]),
        answer(alerts=[alert("firing", "2026-11-30T21:10:00Z")]),
    ]
    raised = [own.take(float(t), body) for t, body in enumerate(bodies)]
    assert [len(alerts) for alerts in raised] == [0, 1, 0, 0, 1]
    assert raised[1][0].summary == "Burn: it burns"


def test_a_query_is_raised_after_its_for() -> None:
    """Each series waits by itself; one that vanishes begins anew."""
    own = make(Parameters.model_validate({"poll": BASE, "query": "x > 1", "for": "2s", "alerts": SLO}))
    assert own.poll == (f"{BASE}/api/v1/query?query=x+%3E+1", 1.0)
    one, two = {"region": "us-east"}, {"region": "eu-west"}
    story = [vector(one), vector(one, two), vector(one), vector(one, two), vector(one, two), vector(two)]
    raised = [[a.region for a in own.take(float(t), body)] for t, body in enumerate(story)]
    assert raised == [[], [], ["us-east"], [], [], ["eu-west"]]


@pytest.mark.parametrize(
    "body",
    [
        b"x",
        b"[]",
        b'{"status": "error", "error": "x"}',
        answer(resultType="scalar", result=[1, "1"]),
        answer(resultType="vector", result=3),
        answer(),
    ],
)
def test_answers_of_another_form_are_refused(body: bytes) -> None:
    for parameters in (Parameters(poll=BASE), Parameters(poll=BASE, query="x")):
        with pytest.raises(ValueError, match=r"not|no vector|isn't"):
            make(parameters).take(1.0, body)


def test_for_belongs_to_a_query() -> None:
    with pytest.raises(ValidationError, match="for belongs to query"):
        Parameters.model_validate({"poll": BASE, "for": "2s"})
