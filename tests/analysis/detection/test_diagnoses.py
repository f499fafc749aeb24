"""Diagnoses: right if they name the faulty change, its service, or what a fault hit, once it has begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from gameday.analysis import measure
from tests.support.run_folders import Story, failing, steadily, write

BROKEN, FIXED = 20.0, 30.0


def story() -> Story:
    return Story().begin().deploy(BROKEN, BROKEN + 1).deploy(BROKEN, BROKEN + 1, False, "c2", "gateway")


@pytest.mark.parametrize(
    ("culprit", "right"),
    [("c1", True), ("pricing", True), ("c2", False), ("gateway", False), ("nonsense", False)],
)
def test_a_diagnosis_is_right_if_it_names_the_faulty_change_or_its_service(
    culprit: str, right: bool, tmp_path: Path
) -> None:
    """The innocent change beside it is wrong; the time counts from the effect."""
    told = story().add(25.0, "diagnosis.given", culprit, by="on-call", text="it is the newest").finish()
    outcome = measure(write(tmp_path / "run", told, failing(steadily(), BROKEN, FIXED)))
    (diagnosis,) = outcome.diagnoses
    assert (diagnosis.culprit, diagnosis.right, diagnosis.by) == (culprit, right, "on-call")
    assert diagnosis.after_effect_s == pytest.approx(25.0 - BROKEN, abs=0.2)


def test_a_guess_before_the_change_is_wrong(tmp_path: Path) -> None:
    """Nothing was faulty yet, and no effect to count from."""
    told = story().add(17.0, "diagnosis.given", "pricing", by="agent").finish()
    (diagnosis,) = measure(write(tmp_path / "run", told, failing(steadily(), BROKEN, FIXED))).diagnoses
    assert (diagnosis.right, diagnosis.after_effect_s) == (False, None)


def test_a_service_that_a_fault_hit_is_right(tmp_path: Path) -> None:
    """A fault that isn't a deploy counts by its service."""
    told = Story().begin()
    told.add(
        BROKEN, "fault.intended", "f1", kind="instance.kill", target="pricing", service="pricing", entry=0
    )
    told.add(BROKEN, "fault.injected", "f1").add(25.0, "diagnosis.given", "pricing", by="agent")
    (diagnosis,) = measure(
        write(tmp_path / "run", told.finish(), failing(steadily(), BROKEN, FIXED))
    ).diagnoses
    assert diagnosis.right
