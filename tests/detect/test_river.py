"""Tests of Page–Hinkley and ADWIN, the two detectors of the package river."""

from __future__ import annotations

import importlib
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest

from gameday.detect import adwin, cusum, page_hinkley, river_package
from gameday.detect.baseline_rate import Normal, Outcomes
from gameday.ports import Detector, PortError
from gameday.scenario import Slo
from gameday.slo.run_lengths import average_run_length
from tests.support.paths import ROOT

SLO = Slo.model_validate({"name": "checkout", "sli": "availability", "objective": "99.5%"})
P0 = 0.001
RATE = 100.0


def steady(seed: int, seconds: float = 60.0) -> Outcomes:
    draw = np.random.default_rng(seed)
    return [(n / RATE, bool(good)) for n, good in enumerate(draw.random(round(seconds * RATE)) >= P0)]


def delay(fold: Detector, p1: float, seed: int) -> int:
    """Return the number of outcomes until the detector raises."""
    draw = np.random.default_rng(seed)
    return next(n for n in range(1, 100_000) if fold.observe(0.0, bool(draw.random() >= p1)))


def page_hinkley_of(seen: Outcomes) -> page_hinkley.PageHinkley:
    return page_hinkley.make(page_hinkley.Parameters(), SLO, Normal(P0, RATE, 1, seen))


def adwin_of(seen: Outcomes) -> adwin.Adwin:
    return adwin.make(adwin.Parameters(), SLO, Normal(P0, RATE, 1, seen))


def test_page_hinkley_is_nearly_the_cusum() -> None:
    """With the default design the delay is within a third of the cusum's."""
    mine = [delay(page_hinkley_of(steady(seed)), 0.05, seed) for seed in range(60)]
    fold = cusum.make(cusum.Parameters(), SLO, Normal(P0, RATE))
    theirs = average_run_length(fold.weight, fold.fall, fold.limit, 0.05)
    assert np.mean(mine) == pytest.approx(theirs, rel=0.33)


def test_adwin_finds_an_outage() -> None:
    """Without a design ADWIN detects an error ratio of 25 % in about half a second."""
    assert np.mean([delay(adwin_of(steady(seed)), 0.25, seed) for seed in range(20)]) / RATE == pytest.approx(
        0.5, abs=0.2
    )


@pytest.mark.parametrize("make", [page_hinkley_of, adwin_of])
def test_it_begins_with_the_steady_state(make: object) -> None:
    """The detector knows the steady state at once and after a reset: errors from the begin raise
    each time."""
    assert callable(make)
    fold = make(steady(1))
    assert delay(fold, 1.0, 1) < 50
    assert not any(fold.observe(0.0, False) for _ in range(200))
    fold.reset()
    assert delay(fold, 1.0, 1) < 50


@pytest.mark.parametrize("make", [page_hinkley_of, adwin_of])
def test_getting_better_raises_nothing(make: object) -> None:
    """A fall of the error ratio from a fifth to none raises no alarm."""
    assert callable(make)
    fold = make([(n / RATE, n % 5 != 0) for n in range(6000)])
    assert not any(fold.observe(0.0, True) for _ in range(3000))


@pytest.mark.parametrize("make", [page_hinkley_of, adwin_of])
def test_quiet_minutes_stay_quiet(make: object) -> None:
    """Ten minutes of outcomes that are bad as often as normal raise no alarm."""
    assert callable(make)
    fold = make(steady(1))
    assert not any(fold.observe(t, good) for t, good in steady(2, 600.0))


def test_without_river_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the package isn't installed, the error says what to install."""

    def missing(name: str) -> ModuleType:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(PortError, match=r"needs the package river.*gameday-runner\[river\]"):
        river_package.load()


def test_it_is_loaded_only_when_needed() -> None:
    """Neither the registry nor a default scenario's detectors import river, which takes a second."""
    code = (
        "import sys, gameday.detect; print('river' in sys.modules, gameday.detect.river_package.installed())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["False", "True"]
