"""Detectors: pure folds over outcomes that decide when to raise an alarm, one file each.

A detector doesn't know where its outcomes come from. `make` chooses one by its name in the scenario and the SLO;
`problems` checks the detectors that a scenario names. A new detector is one file with `Parameters`, `make` and a
`DetectorKind`, and one entry of `gameday.registries.DETECTORS`, or one entry point of a plug-in. The service-side rule
folds totals instead of outcomes, so `make_scrape` makes it; detectors of alerts from outside are in `outside`. docs/detectors.md says what each detector is good for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gameday import registries
from gameday.detect import bank, latency_cusum, river_package, scrape_rule
from gameday.detect.baseline_rate import Normal, Outcomes
from gameday.detect.detector_kind import DetectorKind
from gameday.detect.scrape_rule import ErrorRatio
from gameday.ports import Detector
from gameday.scenario import Slo
from gameday.scenario.scenario_model import MOST, Detection
from gameday.scenario.yaml_document import Document, Invalid, KeyPath, Problem, nearest, validate

KINDS: Mapping[str, DetectorKind] = registries.DETECTORS
"""Every registered detector by name."""
FOR_LATENCY = {"bank": bank.FOR_LATENCY, "cusum": latency_cusum.KIND}
"""The detectors of single outcomes → what folds bins in their place for a latency SLO."""


def make(
    detection: Detection, slo: Slo, p0: float, rate: float, streams: int = 1, steady: Outcomes = ()
) -> Detector | None:
    """Return the client-side detector of one stream, or None if it doesn't watch such an SLO.

    `Normal` explains the numbers. For a latency SLO, `bank` and `cusum` are the fold over bins. Raise KeyError if the detector
    folds no outcomes or isn't registered, ValidationError if the parameters aren't its own, PortError if it needs
    river and river isn't installed, ExtensionError if its plug-in is broken.
    """
    kind = KINDS[detection.detector]
    if kind.side != "client":
        raise KeyError(detection.detector)
    if kind.sli not in (None, slo.sli):
        return None
    if slo.sli == "latency":
        kind = FOR_LATENCY.get(detection.detector, kind)
    parameters = kind.parameters.model_validate(detection.params or {})
    detector: Detector = kind.make(parameters, slo, Normal(p0, rate, streams, steady))
    return detector


def make_scrape(detection: Detection, slo: Slo) -> ErrorRatio:
    """Return the service-side detector of one SLO at one service."""
    parameters = scrape_rule.Parameters.model_validate(
        {} if detection.for_ is None else {"for": detection.for_}
    )
    return scrape_rule.make(parameters, slo)


def problems(document: Document) -> Iterator[Problem]:
    """Yield every problem of the scenario's `detectors` that its own model doesn't find, each at its place."""
    items = document.data.get("detectors")
    seen: set[str] = set()
    for index, item in enumerate(items[:MOST] if isinstance(items, list) else []):
        name = item.get("detector") if isinstance(item, dict) else None
        if not isinstance(name, str):
            continue
        place = ("detectors", index)
        if name in seen:
            yield document.problem(
                (*place, "detector"), f"duplicate detector {name!r}", "alerts name their detector; keep one"
            )
        seen.add(name)
        if name in KINDS:
            yield from _problems_of(document, place, name, item.get("params"))


def _problems_of(document: Document, place: KeyPath, name: str, params: Any) -> Iterator[Problem]:
    try:
        kind = KINDS[name]
    except registries.ExtensionError as error:
        yield document.problem((*place, "detector"), str(error))
        return
    slos = document.data.get("slos")
    slis = [slo.get("sli") for slo in slos if isinstance(slo, dict)] if isinstance(slos, list) else []
    if kind.sli and kind.sli not in slis:
        yield document.problem(
            (*place, "detector"), f"{name!r} has nothing to watch: no SLO has sli: {kind.sli}"
        )
    if kind.river and not river_package.installed():
        yield document.problem((*place, "detector"), f"{name!r} {river_package.MISSING}", river_package.HINT)
    taken = params if params is not None else {}
    if isinstance(taken, dict) and (kind.side == "outside" or (kind.side == "client" and taken)):
        try:
            checked = validate(kind.parameters, document, (*place, "params"), taken)
        except Invalid as error:
            yield from error.problems
        else:
            if kind.side == "outside":
                yield from _problems_outside(document, (*place, "params"), checked, slos)


def _problems_outside(document: Document, place: KeyPath, parameters: Any, slos: Any) -> Iterator[Problem]:
    """Yield what is wrong with the rules of a detector of outside alerts, and with the address of its webhook."""
    names = [slo.get("name") for slo in slos if isinstance(slo, dict)] if isinstance(slos, list) else []
    for index, rule in enumerate(parameters.alerts):
        if rule.slo is not None and rule.slo not in names:
            hint = nearest(rule.slo, [str(name) for name in names])
            yield document.problem(
                (*place, "alerts", index, "slo"), f"no SLO is named {rule.slo[:80]!r}", hint
            )
    if parameters.listen and not parameters.token_env:
        text = "listen needs a token, by which senders are let in"
        hint = "name an environment variable that holds it: tokenEnv: GAMEDAY_ALERT_TOKEN"
        yield document.problem((*place, "listen"), text, hint)


__all__ = ["KINDS", "DetectorKind", "ErrorRatio", "Normal", "make", "make_scrape", "problems"]
