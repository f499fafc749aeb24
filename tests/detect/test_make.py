"""The registry of detectors."""

from __future__ import annotations

import pytest

from runner.detect import make, make_scrape
from runner.detect.cusum import Cusum
from runner.detect.latency import Latency
from runner.detect.threshold import Threshold
from runner.scenario import Slo
from runner.scenario.model import DETECTORS, Detection

AVAILABILITY = Slo.model_validate({"name": "a", "sli": "availability", "objective": "99.5%"})
LATENCY = Slo.model_validate({"name": "l", "sli": "latency", "objective": "99%", "under": "300ms"})


def test_the_fold_is_chosen_by_name_and_sli() -> None:
    """`cusum` is the fold over single requests, but for latency the one over bins."""
    cusum, threshold = Detection(detector="cusum"), Detection(detector="threshold")
    assert isinstance(make(cusum, AVAILABILITY, 0.001, 10.0), Cusum)
    assert isinstance(make(cusum, LATENCY, 0.002, 10.0), Latency)
    assert isinstance(make(threshold, LATENCY, 0.002, 10.0), Threshold)


def test_each_known_detector_can_be_made() -> None:
    """Each name that a scenario may give is a fold of outcomes, or the service-side one, which has its own `for`."""
    for name in set(DETECTORS) - {"scrape"}:
        assert not make(Detection.model_validate({"detector": name}), AVAILABILITY, 0.001, 10.0).observe(0.0, True)
    with pytest.raises(KeyError):
        make(Detection(detector="scrape"), AVAILABILITY, 0.001, 10.0)
    for written, wait in (({}, 15.0), ({"for": "30s"}, 30.0)):
        detection = Detection.model_validate({"detector": "scrape"} | written)
        assert make_scrape(detection, AVAILABILITY).for_ == wait
