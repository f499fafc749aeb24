"""Alertmanager's alerts: its webhook, or its API polled.

The webhook's payload is version 4 (`{version, status, alerts: [{status, labels, annotations, startsAt, fingerprint}]}`); the
API is `GET /api/v2/alerts`, which lists what fires, and is neither silenced nor inhibited.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from gameday.detect.detector_kind import DetectorKind
from gameday.detect.outside.alert_fold import AlertFold
from gameday.detect.outside.label_match import Parameters as Common
from gameday.detect.outside.label_match import Url
from gameday.detect.outside.signals import Signal, epoch, items, parse_json, texts
from gameday.scenario.units import Lasting

ACTIVE = "/api/v2/alerts?active=true&silenced=false&inhibited=false"


class Parameters(Common):
    """`poll`: the address of an Alertmanager that is polled `every` so often, in place of the webhook."""

    poll: Url | None = None
    every: Lasting = Field(default=1.0, ge=0.1)


def read_webhook(body: bytes) -> list[Signal]:
    """Return the alerts of a webhook's payload. Raise ValueError if it isn't one."""
    data = parse_json(body)
    if not isinstance(data, dict) or "alerts" not in data:
        raise ValueError("not a webhook of Alertmanager: it has no 'alerts'")
    return _signals(items(data["alerts"], "'alerts'"))


def read_api(body: bytes) -> list[Signal]:
    """Return the alerts of the API. Raise ValueError if it isn't its answer."""
    return _signals(items(parse_json(body), "the answer"))


def _signals(alerts: Sequence[object]) -> list[Signal]:
    signals = []
    for alert in alerts:
        assert isinstance(alert, dict)
        labels, status = texts(alert.get("labels")), alert.get("status")
        annotations = texts(alert.get("annotations"))
        key = str(alert.get("fingerprint") or sorted(labels.items()))[:1000]
        signals.append(
            Signal(
                key,
                firing=status != "resolved",
                labels=labels,
                starts_at=epoch(alert.get("startsAt")),
                summary=annotations.get("summary") or annotations.get("description", ""),
            )
        )
    return signals


def make(parameters: Parameters) -> AlertFold:
    """Return the detector of the scenario's Alertmanager."""
    if parameters.poll is None:
        return AlertFold(parameters, read_webhook)
    common = parameters.model_copy(update={"alertmanager": parameters.alertmanager or parameters.poll})
    return AlertFold(common, read_api, snapshot=True, poll=(parameters.poll + ACTIVE, parameters.every))


KIND = DetectorKind(Parameters, make, side="outside")
