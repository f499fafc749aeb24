"""A role's page holds what the role may know and nothing else."""

import json
from functools import cache

import pytest

from gameday_reports.live.page_parts import parts
from gameday_reports.live.role_view import (
    FACILITATOR,
    OBSERVER,
    ON_CALL,
    ROLES,
    SCRIBE,
    About,
    AgendaRow,
    Room,
    view,
)
from tests.support.films import film

ABOUT = About("Title Zebra", "Hypothesis Zebra", "Story Zebra", [(0.0, "deploy Zebra")], None)
SECRETS = ("Zebra", "bad-deploy", "fault", "lowest_cents", "steady", "phase")
"""Texts of the scenario and of the golden run's journal that only the facilitator may read."""
AGENDA = Room(agenda=[AgendaRow("Scenario 1", "current", secret_title="Zebra", detail="Zebra")])


@cache
def shown(role: str, secret: bool = True) -> str:
    """Return everything that the page of a role shows over the golden run."""
    about = About(ABOUT.title, ABOUT.hypothesis, ABOUT.story, ABOUT.timeline, None, secret)
    replay = film()
    return "".join(json.dumps(parts(replay.at(t), role, about, AGENDA)) for t in (10.0, 20.5, 23.0, 36.0))


@pytest.mark.parametrize("role", [ON_CALL, OBSERVER, SCRIBE])
@pytest.mark.parametrize("secret", SECRETS)
def test_the_fault_is_kept_from_a_role(role: str, secret: str) -> None:
    """Neither the scenario, nor a fault, nor the defect of a release, nor the timeline's beginning is on the page."""
    assert secret not in shown(role)


@pytest.mark.parametrize(
    "secret", ["Title Zebra", "Hypothesis Zebra", "bad-deploy", "lowest_cents", "faulty"]
)
def test_the_facilitator_knows_everything(secret: str) -> None:
    """The texts that the others must not see are on the facilitator's page: the search above can find them."""
    assert secret in shown(FACILITATOR)


def test_an_open_game_shows_its_faults_to_the_room_but_not_to_the_on_call() -> None:
    """If nothing is secret, observers and scribe see the scenario; the on-call still has telemetry alone."""
    assert "bad-deploy" not in shown(ON_CALL, secret=False)
    replay = film()
    about = About("Title Zebra", secret=False)
    assert view(replay.at(23.0), OBSERVER, about, Room()).faults
    assert not view(replay.at(23.0), ON_CALL, about, Room()).faults


def test_every_role_sees_pages_changes_and_operations() -> None:
    """What telemetry and people show is on every page."""
    for role in ROLES:
        text = shown(role)
        assert "browse: 7 of the last 60 requests bad" in text
        assert "Roll pricing back" in text
        assert "rollback pricing" in text


def test_an_unknown_role_has_no_page() -> None:
    """A view is made for known roles alone."""
    with pytest.raises(ValueError, match="unknown role 'guest'; roles are facilitator"):
        view(film().at(1.0), "guest", ABOUT, Room())
