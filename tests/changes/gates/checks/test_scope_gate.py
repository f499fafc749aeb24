"""Tests of the gate `scope`: what was asked against what is touched."""

from __future__ import annotations

from gameday.changes.gates.gate import GateContext
from gameday.changes.people import Owners, People
from tests.support.proposals import AI, findings, proposal

PEOPLE = People({}, Owners("/shop/app.py @web-owner\n/shop/other.py @other\n/releases/web-*/ @web-owner\n"))
CONTEXT = GateContext(people=PEOPLE)


def test_a_path_outside_the_stated_scope_is_found() -> None:
    """With a scope only its paths are covered; the finding is at the first changed line."""
    assert findings("scope", proposal("shop/app.py", "x", scope=("/shop/app.py",)), CONTEXT) == []
    (finding,) = findings("scope", proposal("shop/app.py", "x", scope=("/docs/",)), CONTEXT)
    assert (finding.file, finding.line, finding.approval) == ("shop/app.py", 1, "owner")


def test_without_a_scope_the_service_is_the_scope() -> None:
    """Files of the service's owners are covered, files of others aren't."""
    assert findings("scope", proposal("shop/app.py", "x"), CONTEXT) == []
    (finding,) = findings("scope", proposal("shop/other.py", "x"), CONTEXT)
    assert finding.file == "shop/other.py"


def test_a_deletion_that_nobody_asked_for_is_found() -> None:
    """An automation that deletes an environment to fix a small bug does more than it was asked."""
    plan = {"delete": "environment of us-east", "create": "environment of us-east"}
    (finding,) = findings("scope", proposal(plan=plan, files=()), CONTEXT)
    assert finding.message == "nobody asked to delete the environment of us-east"
    assert (
        findings("scope", proposal(plan=plan, files=(), task="Delete and recreate us-east."), CONTEXT) == []
    )


def test_an_ai_assisted_change_states_its_task() -> None:
    """The prompt is the task unless another is stated; with neither there is a finding."""
    assert findings("scope", proposal("shop/app.py", "x", ai=AI, task=""), CONTEXT) == []
    empty = AI.model_copy(update={"prompt": ""})
    (finding,) = findings("scope", proposal("shop/app.py", "x", ai=empty, task=""), CONTEXT)
    assert "doesn't state the task" in finding.message
