"""Files whose gates can't fail: every line of them is rejected, with a hint."""

from __future__ import annotations

from pathlib import Path

import pytest

from gameday.execution import library
from gameday.scenario.yaml_document import Invalid, Problem

HEAD = """apiVersion: gameday/v1
kind: Scenario
name: vacuous
title: Conditions that can't come true
story: A typo in a text, a forgotten percent sign, names that aren't there.
slos:
  - {name: shop, sli: availability, objective: 99.5%}
"""
TYPOS = [
    'slos["shop"].verdict != "breached"',
    'ended_by != "responders"',
    "impact.failed_ratio < 500%",
    "ttr >= 0s",
    "1 < 2",
]
KEYS = [
    'impact.regions["mars"].failed == 0',
    'impact.journeys["refund"].failed == 0',
    'impact.journeys["costs"].failed == 0',
    'detectors["nope"].ttd < 3s',
    'detectors["page-hinkley"].ttd < 3s',
    'slos["nope"].verdict == "ok"',
]


def problems(text: str, tmp_path: Path) -> list[Problem]:
    file = tmp_path / "scenario.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Invalid) as caught:
        library.read(file)
    return list(caught.value.problems)


@pytest.mark.parametrize("expressions", [TYPOS, KEYS])
def test_every_line_that_can_not_fail_is_refused(expressions: list[str], tmp_path: Path) -> None:
    """Each expectation is reported at its own line, with a hint."""
    lines = "".join(f"  - {each}\n" for each in expressions)
    result = problems(f"{HEAD}expect:\n{lines}", tmp_path)
    first = HEAD.count("\n") + 2
    assert [problem.line for problem in result] == [first + i for i in range(len(expressions))]
    assert [problem.hint for problem in result if not problem.hint] == []


def test_regions_and_journeys_of_a_variant_are_known(tmp_path: Path) -> None:
    """A name that only a variant has is valid; the load's own mix replaces the default one."""
    text = HEAD + "load: {journeys: {browse: 1, costs: 1}}\nexpect:\n"
    file = tmp_path / "scenario.yaml"
    file.write_text(text + '  - impact.journeys["costs"].failed == 0\n', encoding="utf-8")
    library.read(file)
    (problem,) = problems(text + '  - impact.journeys["buy"].failed == 0\n', tmp_path)
    assert "there is no 'buy' in journeys" in problem.message


def test_a_canary_whose_hangs_outlast_its_steps_is_refused() -> None:
    """A request that hangs is judged once it ends, so that a step must be longer than the client's time-out."""
    path = library.paths()["canary-bad-pricing"]
    with pytest.raises(Invalid) as refused:
        library.read(path, {"load.timeout": "10s"})
    (problem,) = refused.value.problems
    assert "none is judged within bake: 10s" in problem.message
    assert problem.hint == "raise bake or lower load.timeout"
    assert library.read(path, {"load.timeout": "9s"}).load.timeout == 9.0
