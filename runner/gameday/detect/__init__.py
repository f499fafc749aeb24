"""Detectors: pure folds over outcomes that say when to raise, one file each. None knows where outcomes come from.

`make` chooses by the detector's name in the scenario and the kind of the SLO; `problems` says what is wrong with those
that a scenario names. A new detector is one file with `Parameters` and `make`, and one entry of `KINDS`. The
service-side rule folds totals and not outcomes, so it is made apart. What each is good for: docs/detectors.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from gameday.detect import (
    adwin,
    burn_rate,
    cusum,
    ewma,
    latency_cusum,
    page_hinkley,
    river_package,
    scrape_rule,
    silence,
    threshold,
)
from gameday.detect.baseline_rate import Normal, Outcomes
from gameday.detect.scrape_rule import ErrorRatio
from gameday.ports import Detector
from gameday.scenario import Slo
from gameday.scenario.scenario_model import MOST, Detection
from gameday.scenario.yaml_document import Document, Invalid, KeyPath, Problem, validate


@dataclass(frozen=True)
class Kind:
    """A detector by its parameters and how it is made of them; `sli`: it is for SLOs of this kind only."""

    parameters: type[BaseModel]
    make: Callable[[Any, Slo, Normal], Detector]
    sli: str | None = None
    river: bool = False


BINS = Kind(latency_cusum.Parameters, latency_cusum.make)
KINDS: dict[str, Kind] = {
    "cusum": Kind(cusum.Parameters, cusum.make),
    "threshold": Kind(threshold.Parameters, threshold.make),
    "burn-rate": Kind(burn_rate.Parameters, burn_rate.make),
    "ewma": Kind(ewma.Parameters, ewma.make),
    "silence": Kind(silence.Parameters, silence.make),
    "page-hinkley": Kind(page_hinkley.Parameters, page_hinkley.make, river=True),
    "adwin": Kind(adwin.Parameters, adwin.make, river=True),
    # Wrong answers are independent outcomes like any others, so `correctness` is cusum, for those SLOs alone.
    "correctness": Kind(cusum.Parameters, cusum.make, sli="correctness"),
    "latency": Kind(latency_cusum.Parameters, latency_cusum.make, sli="latency"),
}


def make(
    detection: Detection, slo: Slo, p0: float, rate: float, streams: int = 1, steady: Outcomes = ()
) -> Detector | None:
    """The client-side detector of one stream, None where it isn't for such an SLO; see `Normal` for the numbers.

    `cusum` of a latency SLO is the fold over bins. KeyError for a detector that folds no outcomes, ValidationError for
    parameters that aren't its own, PortError where river is needed and isn't installed.
    """
    kind = KINDS[detection.detector]
    if kind.sli not in (None, slo.sli):
        return None
    if detection.detector == "cusum" and slo.sli == "latency":
        kind = BINS
    return kind.make(
        kind.parameters.model_validate(detection.params or {}), slo, Normal(p0, rate, streams, steady)
    )


def make_scrape(detection: Detection, slo: Slo) -> ErrorRatio:
    """The service-side detector of one SLO at one service."""
    parameters = scrape_rule.Parameters.model_validate(
        {} if detection.for_ is None else {"for": detection.for_}
    )
    return scrape_rule.make(parameters, slo)


def problems(document: Document) -> Iterator[Problem]:
    """What is wrong with the `detectors` of a scenario beyond its own model, each at its place."""
    items = document.data.get("detectors")
    seen: set[str] = set()
    for index, item in enumerate(items[:MOST] if isinstance(items, list) else []):
        name = item.get("detector") if isinstance(item, dict) else None
        if not isinstance(name, str):
            continue
        place = ("detectors", index)
        if name in seen:
            yield document.problem(
                (*place, "detector"), f"{name!r} stands here twice", "alerts are told by its name"
            )
        seen.add(name)
        if name in KINDS:
            yield from _problems_of(document, place, name, item.get("params"))


def _problems_of(document: Document, place: KeyPath, name: str, params: Any) -> Iterator[Problem]:
    kind, slos = KINDS[name], document.data.get("slos")
    slis = [each.get("sli") for each in slos if isinstance(each, dict)] if isinstance(slos, list) else []
    if kind.sli and kind.sli not in slis:
        yield document.problem(
            (*place, "detector"), f"{name!r} has nothing to watch: no SLO has sli: {kind.sli}"
        )
    if kind.river and not river_package.installed():
        yield document.problem((*place, "detector"), f"{name!r} {river_package.MISSING}", river_package.HINT)
    if isinstance(params, dict):
        try:
            validate(kind.parameters, document, (*place, "params"), params)
        except Invalid as error:
            yield from error.problems


__all__ = ["KINDS", "ErrorRatio", "Kind", "Normal", "make", "make_scrape", "problems"]
