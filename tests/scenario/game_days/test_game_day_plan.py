"""A game day's plan: every problem at its place, and the three bundled ones are valid."""

from pathlib import Path

import pytest

from gameday.execution.game_days.day_runner import check_scenario
from gameday.execution.game_days.first_plan import first_plan
from gameday.scenario.game_days.game_day_plan import GameDay, read_plan
from gameday.scenario.yaml_document import Invalid
from gameday.topology import bundled

HEAD = """\
apiVersion: gameday/v1
kind: GameDay
name: a-day
title: A day
length: 1h
participants: {facilitator: [Ada], on-call: [Ben]}
blocks:
"""


def problems(tmp_path: Path, text: str) -> list[str]:
    """Return the problems of a plan without its folder."""
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(Invalid) as caught:
        read_plan(path, check_scenario)
    return [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems]


def plan(tmp_path: Path, text: str) -> GameDay:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    return read_plan(path, check_scenario)


@pytest.mark.parametrize("path", sorted(bundled.days().glob("*.yaml")), ids=lambda path: path.stem)
def test_bundled_plans_are_valid(path: Path) -> None:
    """Each bundled plan names scenarios that exist, in blocks into which they fit."""
    read = read_plan(path, check_scenario)
    assert read.name == path.stem
    assert {block.kind for block in read.blocks} >= {"briefing", "scenario", "debrief"}


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        (
            "  - {scenario: bad-deploy-pricin, for: 10m}\n",
            "plan.yaml:8:16: bad-deploy-pricin: no such file or library scenario\n    hint: did you mean 'bad-deploy-pricing'?",
        ),
        (
            "  - {scenario: bad-deploy-pricing, for: 20s}\n",
            "plan.yaml:8:41: is too short: bad-deploy-pricing takes about",
        ),
        ("  - {scenario: payments-slow, for: 10m}\n", "plan.yaml:8:16: payments-slow has a matrix"),
        (
            "  - {briefing: Welcome, for: 61m}\n",
            "plan.yaml:5:9: the blocks take 61 min, which don't fit into 60 min",
        ),
        ("  - {briefing: Welcome}\n", "plan.yaml:8:5: 'for' is missing"),
        ("  - {briefing: a, break: b, for: 1m}\n", "plan.yaml:8:5: has 2 kinds"),
        ("  - {for: 1m}\n", "plan.yaml:8:5: has 0 kinds"),
        (
            "  - {break: Tea, for: 1m, poll: 'Why?'}\n",
            "plan.yaml:8:5: 'poll' belongs to a scenario, not to a break",
        ),
        ("  - {break: Tea, for: 1m, start: at 25:00}\n", "plan.yaml:8:34: 'at 25:00' isn't a start"),
        ("  - {break: Tea, for: 1m, start: after lunch}\n", "plan.yaml:8:34: 'lunch' isn't a duration"),
        (
            "  - {brake: Tea, for: 1m}\n",
            "plan.yaml:8:6: unknown key 'brake'\n    hint: did you mean 'break'?",
        ),
    ],
)
def test_a_wrong_block_is_reported_at_its_place(tmp_path: Path, blocks: str, expected: str) -> None:
    """The message has file, line and column, and says what would be right."""
    assert any(problem.startswith(expected) for problem in problems(tmp_path, HEAD + blocks))


def test_a_role_without_people_is_reported(tmp_path: Path) -> None:
    """Facilitator and on-call need somebody; all problems are reported at once."""
    text = HEAD.replace("[Ben]", "[]") + "  - {scenario: nothing-of-that-name, for: 1m}\n"
    found_at = [problem.split(": ")[0] for problem in problems(tmp_path, text)]
    assert found_at == ["plan.yaml:6:45", "plan.yaml:8:16"]


def test_the_first_plan_is_valid(tmp_path: Path) -> None:
    """What `gameday init --day` writes can be run at once; an unknown tag is refused with the tags there are."""
    read = plan(tmp_path, first_plan(["bad-deploy"]))
    assert read.length == 7200
    assert sum(block.kind == "scenario" for block in read.blocks) == 3
    with pytest.raises(
        Invalid, match="no scenario has the tag bad-deplay\n    hint: did you mean 'bad-deploy'"
    ):
        first_plan(["bad-deplay"])
