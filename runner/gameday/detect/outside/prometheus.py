"""Prometheus polled: its own alerts that fire, or a query that has a result for some time."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode

from pydantic import Field, model_validator

from gameday.detect.detector_kind import DetectorKind
from gameday.detect.outside.alert_fold import AlertFold
from gameday.detect.outside.label_match import Parameters as Common
from gameday.detect.outside.label_match import Url
from gameday.detect.outside.signals import Signal, epoch, items, parse_json, texts
from gameday.scenario.units import Lasting, Within


class Parameters(Common):
    """`poll`: the address of a Prometheus, asked `every` so often for its alerts.

    With `query`, for that expression: each series of its result is an alert, raised once it has been there `for` so long.
    """

    poll: Url
    every: Lasting = Field(default=1.0, ge=0.1)
    query: str | None = Field(default=None, min_length=1, max_length=2000)
    for_: Within = Field(default=0.0, alias="for")

    @model_validator(mode="after")
    def _for_belongs_to_a_query(self) -> Parameters:
        if self.for_ and self.query is None:
            raise ValueError("for belongs to query\nan alert of Prometheus has the `for` of its rule")
        return self


def _data(body: bytes) -> Any:
    answer = parse_json(body)
    if (
        not isinstance(answer, dict)
        or answer.get("status") != "success"
        or not isinstance(answer.get("data"), dict)
    ):
        raise ValueError("not a successful answer of Prometheus")
    return answer["data"]


def read_alerts(body: bytes) -> list[Signal]:
    """Return the alerts of `/api/v1/alerts`; pending ones don't fire yet. Raise ValueError if it isn't its answer."""
    signals = []
    for alert in items(_data(body).get("alerts"), "'alerts'"):
        labels, annotations = texts(alert.get("labels")), texts(alert.get("annotations"))
        summary = annotations.get("summary") or annotations.get("description", "")
        firing = alert.get("state") == "firing"
        signals.append(Signal(_key(labels), firing, labels, epoch(alert.get("activeAt")), summary))
    return signals


def read_query(query: str, body: bytes) -> list[Signal]:
    """Return the series of an instant query's vector. Raise ValueError if it isn't one."""
    data = _data(body)
    if data.get("resultType") != "vector":
        raise ValueError("the query gives no vector; compare it, such as … > 0.01")
    series = items(data.get("result"), "'result'")
    return [
        Signal(_key(labels := texts(one.get("metric"))), True, labels, None, query[:200]) for one in series
    ]


def _key(labels: dict[str, str]) -> str:
    return repr(sorted(labels.items()))[:1000]


def make(parameters: Parameters) -> AlertFold:
    """Return the detector of the scenario's Prometheus."""
    own = parameters.model_copy(update={"prometheus": parameters.prometheus or parameters.poll})
    if parameters.query is None:
        path = "/api/v1/alerts"
        return AlertFold(own, read_alerts, snapshot=True, poll=(parameters.poll + path, parameters.every))
    path = f"/api/v1/query?{urlencode({'query': parameters.query})}"
    return AlertFold(
        own,
        partial(read_query, parameters.query),
        snapshot=True,
        poll=(parameters.poll + path, parameters.every),
        hold=parameters.for_,
    )


KIND = DetectorKind(Parameters, make, side="outside")
