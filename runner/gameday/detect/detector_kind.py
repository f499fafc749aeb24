"""Record that registers a detector: its parameters and its factory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel


@dataclass(frozen=True)
class DetectorKind:
    """A kind of detector, registered under its name.

    `parameters` is the model of a scenario's `params`; `make(parameters, slo, normal)` returns a
    `ports.Detector`, a kind of `side` service an `ErrorRatio` from (parameters, slo), and one of `side` outside a
    `ports.OutsideDetector` from the parameters. `sli`: watch only SLOs with this SLI. `river`: the package river must be
    installed.
    """

    parameters: type[BaseModel]
    make: Callable[..., Any]
    sli: str | None = None
    river: bool = False
    side: Literal["client", "service", "outside"] = "client"


def reject(name: str, kind: object) -> str | None:
    """Return why an object can't be registered as a detector, or None if it can."""
    if not isinstance(kind, DetectorKind):
        return f"is a {type(kind).__name__}; a gameday.detect.DetectorKind is expected"
    return None
