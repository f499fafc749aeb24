"""Tests of the time that the automatic responder takes to react."""

from dataclasses import replace

import pytest

from gameday.operations import Operation
from gameday.ports import View
from gameday.responders.auto import Auto
from gameday.responders.reaction import Delayed
from gameday.scenario.scenario_model import Respond
from tests.support.incidents import BAD, PAGE


def test_a_page_is_seen_after_the_reaction() -> None:
    """Until then nothing is acknowledged or ordered; then both at once."""
    responder = Delayed(Auto(), 2.0)
    assert list(responder.poll(View(PAGE.t + 1.9, (PAGE,), (BAD,)))) == []
    assert responder.poll(View(PAGE.t + 2.0, (PAGE,), (BAD,))) == [
        Operation("ack", "a1", "auto"),
        Operation("rollback", "pricing", "auto", "c1"),
    ]


def test_a_page_that_was_seen_is_not_forgotten_when_another_comes() -> None:
    """Each page has a reaction of its own."""
    view = View(PAGE.t + 2.5, (PAGE, replace(PAGE, id="a2", t=PAGE.t + 1.0)), (BAD,))
    assert [operation.target for operation in Delayed(Auto(), 2.0).poll(view)] == ["a1", "pricing"]


@pytest.mark.parametrize("by", ["none", "human", "external"])
def test_a_reaction_needs_the_automatic_responder(by: str) -> None:
    """People and programs take the time that they take."""
    with pytest.raises(ValueError, match="reaction needs by: auto"):
        Respond.model_validate({"by": by, "reaction": "2s"})


@pytest.mark.parametrize("by", ["none", "human", "external", "auto"])
def test_another_responder_takes_over_a_scenario_that_names_a_reaction(by: str) -> None:
    """A drill, a game day and `--responder` write a scenario that can be read again."""
    own = Respond.model_validate({"by": "auto", "policy": "rollback-latest-change", "reaction": "2s"})
    other = own.answered_by(by, "rollback-latest-change" if by == "auto" else None)
    assert Respond.model_validate(other.model_dump(exclude_defaults=True)) == other
    assert (other.by, other.reaction) == (by, 0.0)
