"""Tests of the gate `policy` with the bundled rules: each denies its case, and lets a clean change pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gameday.changes.change_identity import Ai, Person
from gameday.changes.gates.checks.policy_gate import check
from gameday.changes.gates.gate import GateContext, Proposal
from gameday.changes.gates.policy_rules import Rule, read_rules
from gameday.topology import bundled

CALM = {"incident": False, "load": 1.0, "budget_left": 1.0, "hour": 12.0, "weekday": "tue"}
SENIOR = Person(id="a", role="r", level="senior")
CLEAN = Proposal(
    "c1", "web-1.1.0", "web", "code", author=SENIOR, ai="none", statement="r.yaml", places={"kind": 3}
)
AUTH = replace(CLEAN, change="c0", kind="auth")


@pytest.fixture(scope="module")
def rules() -> tuple[Rule, ...]:
    return read_rules([bundled.compose() / "policies"])


def denied(rules: tuple[Rule, ...], proposal: Proposal, *flight: Proposal, **state: Any) -> Mapping[str, str]:
    """Return rule → the approval that would let the change pass."""
    context = GateContext(in_flight=flight, state={**CALM, **state}, policies=rules)
    return {finding.rule: finding.approval for finding in check(proposal, context)}


def test_a_clean_change_passes(rules: tuple[Rule, ...]) -> None:
    """A change that nothing speaks against is denied by no rule, beside others in flight."""
    assert denied(rules, CLEAN, AUTH) == {}


def test_schema_and_auth_are_kept_apart_across_changes(rules: tuple[Rule, ...]) -> None:
    """Either is refused while the other one is in flight; the change itself doesn't count."""
    assert denied(rules, replace(CLEAN, kind="schema"), AUTH) == {"schema-with-auth": ""}
    assert denied(rules, replace(CLEAN, kind="auth"), replace(AUTH, kind="schema")) == {
        "schema-with-auth": ""
    }
    assert denied(rules, replace(AUTH, kind="schema"), AUTH) == {}


def test_risky_changes_need_more_reviews(rules: tuple[Rule, ...]) -> None:
    """AI-written infrastructure and one-way doors pass with two approvals."""
    ai = Ai(tool="t", model="m", prompt="p")
    infra, door = replace(CLEAN, kind="infra", ai=ai), replace(CLEAN, reversible=False)
    assert denied(rules, infra) == {"ai-infrastructure-or-auth": "security"}
    assert denied(rules, door) == {"one-way-door": "owner"}
    for proposal in (infra, door):
        assert denied(rules, replace(proposal, approvals=(SENIOR, SENIOR))) == {}


@pytest.mark.parametrize(
    ("state", "rule"),
    [({"incident": True}, "incident-open"), ({"load": 2.0}, "peak"), ({"budget_left": -1.0}, "budget-spent")],
)
def test_freezes_depend_on_the_state(state: dict[str, Any], rule: str, rules: tuple[Rule, ...]) -> None:
    """An open incident, a peak and a spent budget each freeze every change."""
    assert list(denied(rules, CLEAN, **state)) == [rule]


def test_a_value_that_is_not_known_never_passes(rules: tuple[Rule, ...]) -> None:
    """A rule that can't be judged is a finding; without any running system such rules are left out."""
    context = GateContext(state={**CALM, "load": None}, policies=rules)
    (finding,) = check(CLEAN, context)
    assert "can't be judged" in finding.message
    assert (finding.file, finding.line) == ("r.yaml", 1)
    assert list(check(CLEAN, GateContext(policies=rules))) == []
    assert str(Path(rules[0].file).name) == "freezes.yaml"
