"""Webhook of any sender: a preset, or CEL expressions that pick an alert's fields."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pydantic import Field, model_validator

from gameday.detect.detector_kind import DetectorKind
from gameday.detect.outside.alert_fold import AlertFold
from gameday.detect.outside.field_pick import Expression, pick
from gameday.detect.outside.label_match import Parameters as Common
from gameday.detect.outside.signals import MOST_ALERTS, Signal, epoch, parse_json, texts
from gameday.detect.outside.webhook_presets import READERS
from gameday.scenario.scenario_model import Part
from gameday.scenario.yaml_document import nearest


class Pick(Part):
    """Expressions over `body`, the payload, and `alert`, one of its alerts.

    `each` is the list of alerts; without it the payload is one alert. `firing` says whether an alert begins or ends.
    """

    each: Expression | None = None
    key: Expression
    firing: Expression
    labels: Expression | None = None
    starts_at: Expression | None = Field(default=None, alias="startsAt")
    summary: Expression | None = None


class Parameters(Common):
    """Either `preset` or `pick` says how payloads are read."""

    preset: str | None = None
    pick: Pick | None = None

    @model_validator(mode="after")
    def _one_way_to_read(self) -> Parameters:
        if (self.preset is None) == (self.pick is None):
            raise ValueError(f"needs either preset or pick\npresets are {', '.join(READERS)}")
        if self.preset is not None and self.preset not in READERS:
            raise ValueError(f"unknown preset {self.preset[:80]!r}\n{nearest(self.preset, READERS)}")
        return self


def read(fields: Pick, body: bytes) -> list[Signal]:
    """Return the alerts of a payload. Raise ValueError if it isn't JSON, or a field that is needed is missing."""
    data = parse_json(body)
    if not isinstance(data, dict | list):
        raise ValueError("neither an object nor a list")
    alerts = [data] if fields.each is None else pick(fields.each, {"body": data})
    if not isinstance(alerts, list):
        raise ValueError(f"`each` ({fields.each}) gives no list")
    if len(alerts) > MOST_ALERTS:
        raise ValueError(f"it has {len(alerts)} alerts; at most {MOST_ALERTS} are taken")
    return [_signal(fields, {"body": data, "alert": alert}) for alert in alerts]


def _signal(fields: Pick, names: Mapping[str, Any]) -> Signal:
    key, firing = pick(fields.key, names), pick(fields.firing, names)
    if not isinstance(key, str | int) or key == "" or not isinstance(firing, bool):
        raise ValueError(
            f"`key` ({fields.key}) gives no text, or `firing` ({fields.firing}) no true or false"
        )

    def optional(expression: str | None) -> Any:
        return None if expression is None else pick(expression, names)

    summary = optional(fields.summary)
    return Signal(
        str(key)[:1000],
        firing,
        texts(optional(fields.labels)),
        epoch(optional(fields.starts_at)),
        str(summary)[:500] if summary is not None else "",
    )


def make(parameters: Parameters) -> AlertFold:
    """Return the detector of the scenario's webhook."""
    if parameters.preset is not None:
        return AlertFold(parameters, READERS[parameters.preset])
    assert parameters.pick is not None
    return AlertFold(parameters, partial(read, parameters.pick))


KIND = DetectorKind(Parameters, make, side="outside")
