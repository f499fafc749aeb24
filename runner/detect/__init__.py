"""Detectors: pure folds over outcomes that say when to raise, one file each. None knows where outcomes come from.

`make` chooses by the detector's name in the scenario and the kind of the SLO. A new detector is one file and one
entry of `FOLDS`. The service-side rule folds totals and not outcomes, so it is made apart.
"""

from collections.abc import Callable
from functools import partial

from runner.detect import cusum, latency, scrape, threshold
from runner.detect.scrape import ErrorRatio
from runner.ports import Detector
from runner.scenario import Slo
from runner.scenario.model import Detection

Make = Callable[[Slo, float, float], Detector]

FOLDS: dict[str, Make] = {
    "cusum": partial(cusum.make, cusum.Parameters()),
    "threshold": partial(threshold.make, threshold.Parameters()),
}
FOLDS_OF_LATENCY: dict[str, Make] = {"cusum": partial(latency.make, latency.Parameters())}


def make(detection: Detection, slo: Slo, p0: float, rate: float) -> Detector:
    """The client-side detector of one stream: `rate` outcomes/s of which p0 are bad. KeyError for one that has none."""
    of_latency = FOLDS_OF_LATENCY if slo.sli == "latency" else {}
    return (FOLDS | of_latency)[detection.detector](slo, p0, rate)


def make_scrape(detection: Detection, slo: Slo) -> ErrorRatio:
    """The service-side detector of one SLO at one service."""
    parameters = scrape.Parameters.model_validate({} if detection.for_ is None else {"for": detection.for_})
    return scrape.make(parameters, slo)


__all__ = ["FOLDS", "FOLDS_OF_LATENCY", "ErrorRatio", "make", "make_scrape"]
