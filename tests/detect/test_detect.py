"""Tests of the registry of detectors and of the problems of a scenario's detectors."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gameday.detect import KINDS, make, make_scrape, problems, river_package
from gameday.detect.cusum import Cusum
from gameday.detect.latency_cusum import Latency
from gameday.detect.threshold import Threshold
from gameday.scenario import Slo
from gameday.scenario.scenario_model import Detection
from gameday.scenario.yaml_document import parse_yaml

AVAILABILITY = Slo.model_validate({"name": "a", "sli": "availability", "objective": "99.5%"})
CORRECTNESS = Slo.model_validate({"name": "c", "sli": "correctness", "objective": "99.5%"})
LATENCY = Slo.model_validate({"name": "l", "sli": "latency", "objective": "99%", "under": "300ms"})


def named(name: str, **params: Any) -> Detection:
    return Detection.model_validate({"detector": name} | ({"params": params} if params else {}))


def located(text: str) -> list[str]:
    return [str(problem) for problem in problems(parse_yaml(text, "x.yaml"))]


def test_the_fold_is_chosen_by_name_and_sli() -> None:
    """`cusum` is the fold over single requests, or the one over bins for latency."""
    assert isinstance(make(named("cusum"), AVAILABILITY, 0.001, 10.0), Cusum)
    assert isinstance(make(named("cusum"), LATENCY, 0.002, 10.0), Latency)
    assert isinstance(make(named("threshold"), LATENCY, 0.002, 10.0), Threshold)


def test_two_names_are_for_one_kind_of_slo() -> None:
    """`correctness` is the cusum and `latency` the fold over bins, each only for SLOs of its SLI."""
    assert isinstance(make(named("correctness"), CORRECTNESS, 0.001, 10.0), Cusum)
    assert isinstance(make(named("latency"), LATENCY, 0.001, 10.0), Latency)
    for name, slo in (("correctness", AVAILABILITY), ("correctness", LATENCY), ("latency", CORRECTNESS)):
        assert make(named(name), slo, 0.001, 10.0) is None


def test_each_registered_detector_can_be_created() -> None:
    """Each registered name makes a fold of outcomes, or the service-side rule, which has its own
    `for`."""
    assert [name for name, kind in KINDS.items() if kind.side == "service"] == ["scrape"]
    for name in [name for name, kind in KINDS.items() if kind.side == "client"]:
        slo = {"correctness": CORRECTNESS, "latency": LATENCY}.get(name, AVAILABILITY)
        fold = make(named(name), slo, 0.001, 10.0, 2, [(0.1, True)])
        assert fold is not None
        assert not fold.observe(0.0, True)
        fold.reset()
    with pytest.raises(KeyError, match="scrape"):
        make(Detection(detector="scrape"), AVAILABILITY, 0.001, 10.0)
    for written, wait in (({}, 15.0), ({"for": "30s"}, 30.0)):
        detection = Detection.model_validate({"detector": "scrape"} | written)
        assert make_scrape(detection, AVAILABILITY).for_ == wait


def test_parameters_are_used() -> None:
    """A scenario's `params` reach the fold, for latency as well."""
    fold = make(named("threshold", window="5s", least=3), AVAILABILITY, 0.001, 10.0)
    assert isinstance(fold, Threshold)
    assert (fold.window, fold.least) == (5.0, 3)
    quick, slow = (make(named("cusum", quiet=quiet), LATENCY, 0.1, 10.0) for quiet in ("1h", "365d"))
    assert isinstance(quick, Latency)
    assert isinstance(slow, Latency)
    assert quick.limit < slow.limit


def test_each_problem_is_located() -> None:
    """Unknown parameters, wrong values, a duplicate name and a name without an SLO are problems at
    their places."""
    text = """\
slos: [{name: a, sli: availability, objective: 99%}]
detectors:
  - {detector: cusum, pages: true, params: {factr: 3}}
  - {detector: threshold, params: {window: 10, least: 0}}
  - {detector: cusum}
  - {detector: latency}
  - {detector: burn-rate, params: {scale: 60}}
"""
    assert located(text) == [
        "x.yaml:3:45: unknown key 'factr'\n    hint: did you mean 'factor'?",
        "x.yaml:4:44: 10 isn't a duration\n    hint: write a number and its unit: 300ms, 10s, 5m, 1h",
        "x.yaml:4:55: must be over 0, not 0",
        "x.yaml:5:16: duplicate detector 'cusum'\n    hint: alerts name their detector; keep one",
        "x.yaml:6:16: 'latency' has nothing to watch: no SLO has sli: latency",
    ]


def test_a_missing_package_is_a_located_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """A river detector without river is a located problem that says what to install."""
    monkeypatch.setattr(river_package, "installed", lambda: False)
    (problem,) = located("detectors: [{detector: cusum}, {detector: adwin}]")
    assert problem.startswith("x.yaml:1:43: 'adwin' needs the package river")
    assert "pip install 'gameday-runner[river]'" in problem


@pytest.mark.parametrize(
    "text",
    [
        "a: 1",
        "detectors: 3",
        "detectors: [3, {}, {detector: [1]}]",
        "detectors: [{detector: latency}]\nslos: 3",
    ],
)
def test_other_mistakes_are_left_to_the_model(text: str) -> None:
    """A document with other mistakes causes neither a problem nor an exception here."""
    assert len(located(text)) == text.count("latency")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"detector": "cusum", "every": "5s"}, "every and for belong to scrape"),
        ({"detector": "scrape", "params": {}}, "scrape has no params"),
        ({"detector": "magic"}, "unknown detector 'magic'"),
        ({"detector": "cusum", "page": True}, "Extra inputs"),
    ],
)
def test_keys_that_are_not_its_own_are_refused(written: dict[str, Any], message: str) -> None:
    """The interval and `for:` belong to scrape, `params` to all others; other keys and names are
    errors."""
    with pytest.raises(ValidationError, match=message):
        Detection.model_validate(written)
