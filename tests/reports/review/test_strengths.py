"""gameday_reports.review.strengths: each rule finds what went well, with the run's figures, and finds nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from gameday.recording.journal import Event
from gameday_reports.review.strengths import RULES, strengths
from gameday_reports.run_page.run_data import Run, read
from tests.support import sample_run
from tests.support.sample_review import Variant, variant

UNHURT = {"clocks": {"effect": None}, "ttr_state": "no_effect"}
HELD = {"run": {"judged_s": 50.3}}
WRONG = {"t": 15.44, "name": "rollback", "target": "gateway", "by": "auto", "right": False}
REFUSED = Event(
    14.5,
    "change.failed",
    "c1",
    {"why": "refused (403): the credential of automation lacks the scope", "refused": True, "status": 403},
)
FAILED = Event(14.5, "change.failed", "c1", {"why": "an instance ended before it was ready"})
ONE_HURT = {
    "impact": {
        "regions": {"eu-west": {"requests": 9, "bad": 0, "failed": 0}},
        "journeys": {"login": {"requests": 9, "bad": 0, "failed": 0}},
    }
}

NOBODY = {name: {"requests": 9, "bad": 0, "failed": 0} for name in ("us-east", "eu-west")}

FOUND: list[tuple[str, Variant, str]] = [
    ("nobody was hurt", Variant(outcome=UNHURT), "No objective was breached"),
    ("a guardrail held", Variant(add=[REFUSED]), "pricing-1.1.0 was refused (403): the credential of"),
    ("a rollout that stopped", Variant(outcome=UNHURT, add=[FAILED]), "pricing-1.1.0 stopped by itself"),
    ("detected as expected", Variant(), "ttd < 5s, measured 1.08 s"),
    ("near the limit of detection", Variant(), "1.8× the theoretical limit"),
    (
        "near the limit of detection",
        Variant(outcome={"detection": {"ratio": 0.4}}),
        "as soon as the best possible",
    ),
    ("ahead of the customers", Variant(), "3.17 s ahead of the customers' reports (modelled)"),
    ("the first operation was right", Variant(), "the rollback of pricing, was a right one."),
    ("ended by the system itself", Variant(outcome={"ended_by": "system"}), "nobody had to act"),
    ("recovered as expected", Variant(), "ttr < 30s, measured 5.32 s"),
    ("held to the end", Variant(outcome=HELD), "held for the 30.67 s to the end of the run"),
    ("others unhurt", Variant(outcome=ONE_HURT), "for users of eu-west and none on login."),
    ("no order lost", Variant(), "No order was lost, of 531 acknowledged."),
    ("records agree", Variant(outcome={"audit": {"wrong_amount": 0, "oversold": 0}}), "agree on every order"),
]
NOT_FOUND: list[tuple[str, Variant]] = [
    ("nobody was hurt", Variant()),
    ("nobody was hurt", Variant(outcome={"clocks": {"inject": None}, "ttr_state": "no_effect"})),
    ("a guardrail held", Variant(add=[FAILED])),
    ("a rollout that stopped", Variant(add=[FAILED])),
    ("a rollout that stopped", Variant(outcome=UNHURT)),
    ("detected as expected", Variant(outcome={"expectations": [{"expr": "ttd < 1s", "holds": False}]})),
    ("detected as expected", Variant(outcome={"expectations": [{"expr": "ttd > 1s", "holds": True}]})),
    ("near the limit of detection", Variant(outcome={"detection": {"ratio": 2.1}})),
    ("ahead of the customers", Variant(outcome={"customer_reports": {"ahead_client_s": -1.0}})),
    ("the first operation was right", Variant(outcome={"operations": [WRONG]})),
    ("the first operation was right", Variant(outcome={"operations": []})),
    ("ended by the system itself", Variant()),
    ("ended by the system itself", Variant(outcome={"ended_by": "system", "clocks": {"recovered": 17.0}})),
    (
        "ended by the system itself",
        Variant(
            outcome={
                "ended_by": "system",
                "faults": [{"inject": 14.2, "reverted": 19.7, "reverted_by": "schedule"}],
            }
        ),
    ),
    ("recovered as expected", Variant(outcome={"ended_by": "schedule"})),
    ("recovered as expected", Variant(outcome={"ttr_s": None, "ttr_state": "censored"})),
    ("held to the end", Variant(outcome={**HELD, "relapses": [{"recovered": 16.0, "breached": 17.0}]})),
    ("held to the end", Variant(outcome={**HELD, "clocks": {"recovered": None}})),
    ("others unhurt", Variant()),
    ("others unhurt", Variant(outcome={"impact": {"regions": NOBODY, "journeys": {}}})),
    ("no order lost", Variant(outcome={"audit": {"lost": 1}})),
    ("no order lost", Variant(outcome={"audit": {"acknowledged": 0}})),
    ("records agree", Variant(outcome={"audit": {"wrong_amount": 0}})),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return read(sample_run.bad_deploy(tmp_path_factory.mktemp("strengths") / "run"))


@pytest.mark.parametrize(
    ("rule", "of", "words"), FOUND, ids=[f"{name}-{i}" for i, (name, *_) in enumerate(FOUND)]
)
def test_a_rule_says_what_went_well(run: Run, rule: str, of: Variant, words: str) -> None:
    """With the figures of the run; there is nothing to do about it."""
    found = RULES[rule](variant(run, of))
    assert found is not None
    assert words in found.words
    assert not found.then


@pytest.mark.parametrize(
    ("rule", "of"), NOT_FOUND, ids=[f"{name}-{i}" for i, (name, _) in enumerate(NOT_FOUND)]
)
def test_a_rule_finds_nothing_where_its_facts_are_missing(run: Run, rule: str, of: Variant) -> None:
    """Nor where what was measured says the opposite, or nothing."""
    assert RULES[rule](variant(run, of)) is None


def test_every_rule_is_tried_both_ways() -> None:
    """A rule that is added to the table must be shown to find something, and to find nothing."""
    assert {name for name, *_ in FOUND} == set(RULES)
    assert {name for name, _ in NOT_FOUND} == set(RULES)


def test_no_rule_finds_anything_in_an_outcome_of_nulls(tmp_path: Path) -> None:
    """What was not measured is no merit."""
    assert strengths(read(sample_run.inconclusive(tmp_path / "run"))) == []
