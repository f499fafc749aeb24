"""gameday_reports.review.factors: each rule finds what it is for and says it with the run's figures, and finds nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from gameday.recording.journal import Event
from gameday_reports.review.factors import RULES, factors
from gameday_reports.run_page.run_data import Run, read
from tests.support import sample_run
from tests.support.sample_review import Variant, variant

AUTO = {"name": "rollback", "by": "auto", "done": 19.52}
WRONG = {**AUTO, "t": 15.44, "target": "gateway", "right": False}
RIGHT = {**AUTO, "t": 18.0, "target": "pricing", "right": True}
KILLED = Event(15.0, "instance.killed", "us-east.pricing.1", {"service": "pricing", "region": "us-east"})
DELETED = Event(20.0, "environment.deleted", "us-east")
PLAIN_FAULT = Event(14.2, "fault.intended", "f1", {"kind": "link.down", "target": "checkout--payments"})
OFF = {"guardrails": {"timeouts": True, "breaker": False, "degraded": False}}
BY_SYSTEM = {"ended_by": "system", "faults": [{"inject": 14.2, "reverted": 19.9, "reverted_by": "schedule"}]}
SERVICE_SAW = {"detectors": {"scrape": {"ttd_s": 2.0}}}

FOUND: list[tuple[str, Variant, str]] = [
    ("shipped to every region at once", Variant(), "pricing-1.1.0 was shipped to both regions at once"),
    ("shipped to every region at once", Variant(), "Users of us-east and eu-west were hurt."),
    (
        "an AI change without the approval it needs",
        Variant(edit={"c1": {"approvals": []}}),
        "AI-assisted and shipped without an approval on record",
    ),
    (
        "an AI change without the approval it needs",
        Variant(),
        "with the approval of Pricing lead, not of an owner",
    ),
    (
        "an AI change without the approval it needs",
        Variant(
            edit={
                "c1": {
                    "author": {"role": "engineer", "level": "mid"},
                    "approvals": [{"role": "peer", "level": "mid"}],
                }
            }
        ),
        "with the approval of peer (mid), not of an owner",
    ),
    ("a change that can't be taken back", Variant(edit={"c1": {"reversible": False}}), "is not reversible"),
    ("a change that can't be taken back", Variant(edit={"c1": {"migration": "rename.sql"}}), "(rename.sql)"),
    (
        "several changes at once",
        Variant(),
        "2 changes had begun within 60 s before the first hurt user (catalog-1.1.0",
    ),
    ("an automation with too many rights", Variant(add=[DELETED]), "delete the environment of us-east."),
    (
        "an automation with too many rights",
        Variant(add=[DELETED], scenario={"guardrails": {"leastPrivilege": False}}),
        "least privilege was switched off",
    ),
    ("nobody paged", Variant(outcome={"ttd_s": None, "ttd_state": "censored"}), "nobody was called"),
    (
        "a watching detector was sooner",
        Variant(
            outcome={"detectors": {"cusum": {"pages": True}, "threshold": {"pages": False, "ttd_s": 0.3}}}
        ),
        "threshold, which only watches, saw it 0.30 s after the first failure, 0.78 s before cusum",
    ),
    (
        "a watching detector was sooner",
        Variant(
            outcome={"detectors": {"cusum": {"pages": True, "ttd_s": None}, "threshold": {"pages": False}}}
        ),
        "and no detector that pages did",
    ),
    ("service-side sight blind or late", Variant(), "not read once while it lasted"),
    (
        "service-side sight blind or late",
        Variant(add=[Event(t, "scrape", name, {}) for t in (15.0, 18.0) for name in ("edge", "pricing")]),
        "were read 2 times while it lasted",
    ),
    (
        "service-side sight blind or late",
        Variant(outcome={**SERVICE_SAW, "customer_reports": {"ahead_service_s": -3.5}}),
        "(scrape) was 3.50 s behind the customers' reports (modelled)",
    ),
    (
        "customers were sooner",
        Variant(outcome={"customer_reports": {"ahead_client_s": -2.5}}),
        "2.50 s ahead",
    ),
    (
        "far from the limit of detection",
        Variant(outcome={"detection": {"ratio": 7.8}}),
        "1.08 s after the first failure: 7.8×",
    ),
    (
        "false pages",
        Variant(outcome={"alerts": [{"t": 1.0, "pages": True, "false_alarm": True}]}),
        "1 page was for no",
    ),
    ("a page nobody took", Variant(outcome={"tta_s": None, "tta_state": "censored"}), "nobody took it"),
    ("slow to take the page", Variant(outcome={"tta_s": 2.66}), "2.66 s, 50.0 % of the time to recover"),
    (
        "slow to decide",
        Variant(outcome={"operations": [{**RIGHT, "t": 18.1}]}),
        "2.66 s, 50.0 % of the time to recover",
    ),
    (
        "the first operation was wrong",
        Variant(outcome={"operations": [WRONG, RIGHT]}),
        "rollback of gateway, did not touch the cause; the rollback of pricing, which did, was ordered 2.56 s later",
    ),
    (
        "the first operation was wrong",
        Variant(outcome={"operations": [WRONG]}),
        "none that touched it followed, and users were well 4.19 s later",
    ),
    (
        "a rollback that was not enough",
        Variant(
            outcome={"clocks": {"recovered": 40.0}},
            add=[Event(39.0, "change.started", "c9", {"release": "pricing-1.1.1"})],
        ),
        "was done at 19.52 s, and users were well 20.48 s later. In between pricing-1.1.1 began to ship.",
    ),
    (
        "a rollback that was not enough",
        Variant(outcome={"clocks": {"recovered": None}}),
        "users were well never in this run",
    ),
    (
        "ended by the schedule",
        Variant(outcome={"ended_by": "schedule"}),
        "only because the timeline took the fault back",
    ),
    (
        "ended by the schedule",
        Variant(outcome={"ended_by": "cleanup"}),
        "only because the clean-up took the fault back",
    ),
    (
        "ended by the schedule",
        Variant(outcome=BY_SYSTEM, scenario={"load": {"timeout": "2s"}}),
        "within 0.27 s of its end the fault was taken back anyway",
    ),
    (
        "never ended",
        Variant(
            outcome={
                "clocks": {"recovered": None},
                "ended_by": None,
                "ttr_state": "censored",
                "ttr_censored_at": 48.0,
            }
        ),
        "users were still hurt 33.69 s after the first failure",
    ),
    (
        "relapses",
        Variant(outcome={"relapses": [{"recovered": 16.0, "breached": 17.0}] * 2}),
        "hurt again 2 times",
    ),
    (
        "guardrails off",
        Variant(scenario=OFF, drop=["f1"], add=[PLAIN_FAULT]),
        "Switched off in this run: breaker, degraded. Whether",
    ),
    (
        "orders lost",
        Variant(outcome={"audit": {"lost": 3, "rpo_s": 0.05}}),
        "3 of 531 acknowledged orders were lost; replication was asynchronous, 0.04 s between regions; the recovery",
    ),
    (
        "orders lost",
        Variant(outcome={"audit": {"lost": 3, "rpo_s": None}, "system": {"regions": ["us-east"]}}),
        "3 of 531 acknowledged orders were lost; there was one region.",
    ),
    ("records that disagree", Variant(), "1 with different amounts; the amounts differ by 1.50 in sum"),
    (
        "capacity came back late",
        Variant(add=[KILLED], outcome={"ttfr_s": 25.32}),
        "back only 20.00 s after users were well",
    ),
    (
        "capacity came back late",
        Variant(add=[KILLED], outcome={"ttfr_s": None, "ttfr_state": "censored"}),
        "not back when the run ended",
    ),
]
"""(rule, what holds in the run, what it says)"""

AGREED = {"audit": {"wrong_amount": 0}}
NOT_FOUND: list[tuple[str, Variant]] = [
    ("shipped to every region at once", Variant(edit={"c1": {"strategy": "rolling"}})),
    ("shipped to every region at once", Variant(outcome={"system": {"regions": ["us-east"]}})),
    ("shipped to every region at once", Variant(outcome={"clocks": {"effect": None}})),
    ("an AI change without the approval it needs", Variant(edit={"c1": {"approvals": ["code owner"]}})),
    ("an AI change without the approval it needs", Variant(outcome={"clocks": {"effect": None}})),
    ("a change that can't be taken back", Variant()),
    (
        "a change that can't be taken back",
        Variant(edit={"c1": {"reversible": False, "plan": {"delete": "us-east"}}}),
    ),
    (
        "a change that can't be taken back",
        Variant(edit={"c1": {"reversible": False}}, outcome={"clocks": {"effect": None}}),
    ),
    ("several changes at once", Variant(drop=["c0"])),
    ("several changes at once", Variant(outcome={"clocks": {"effect": 70.0}})),
    ("several changes at once", Variant(outcome={"clocks": {"effect": None}})),
    ("an automation with too many rights", Variant()),
    ("nobody paged", Variant()),
    ("nobody paged", Variant(outcome={"ttd_state": "no_effect", "clocks": {"effect": None}})),
    (
        "a watching detector was sooner",
        Variant(outcome={"detectors": {"cusum": {"pages": True}, "threshold": {"pages": False}}}),
    ),
    (
        "a watching detector was sooner",
        Variant(
            outcome={"detectors": {"cusum": {"pages": True}, "threshold": {"pages": False, "ttd_s": 0.9}}}
        ),
    ),
    (
        "service-side sight blind or late",
        Variant(outcome={**SERVICE_SAW, "customer_reports": {"ahead_service_s": 1.0}}),
    ),
    ("service-side sight blind or late", Variant(outcome={"detectors": {"scrape": {"side": "client"}}})),
    ("customers were sooner", Variant()),
    ("far from the limit of detection", Variant()),
    ("far from the limit of detection", Variant(outcome={"detection": {"ratio": 7.8}, "ttd_s": 0.4})),
    ("false pages", Variant(outcome={"alerts": [{"t": 1.0, "pages": False, "false_alarm": True}]})),
    ("a page nobody took", Variant()),
    (
        "a page nobody took",
        Variant(outcome={"tta_s": None, "tta_state": "censored", "responder": {"kind": "none"}}),
    ),
    ("slow to take the page", Variant()),
    ("slow to take the page", Variant(outcome={"tta_s": 1.9, "ttr_s": 2.0})),
    ("slow to take the page", Variant(outcome={"tta_s": 10.0, "ttr_s": 60.0})),
    ("slow to decide", Variant()),
    ("slow to decide", Variant(outcome={"operations": [WRONG]})),
    ("slow to decide", Variant(outcome={"operations": [{**RIGHT, "t": 17.3}]})),
    ("slow to decide", Variant(outcome={"operations": [{**RIGHT, "t": 18.1}], "ttr_s": 60.0})),
    ("the first operation was wrong", Variant()),
    ("the first operation was wrong", Variant(outcome={"operations": [{**WRONG, "right": None}]})),
    ("a rollback that was not enough", Variant()),
    (
        "a rollback that was not enough",
        Variant(outcome={"clocks": {"recovered": 40.0}, "operations": [WRONG]}),
    ),
    ("ended by the schedule", Variant()),
    ("ended by the schedule", Variant(outcome={"ended_by": "system"})),
    ("ended by the schedule", Variant(outcome={**BY_SYSTEM, "clocks": {"recovered": None}})),
    (
        "ended by the schedule",
        Variant(
            scenario={"load": {"timeout": "2s"}},
            outcome={**BY_SYSTEM, "faults": [{"inject": 14.2, "reverted": 29.0, "reverted_by": "schedule"}]},
        ),
    ),
    ("never ended", Variant()),
    (
        "never ended",
        Variant(outcome={"clocks": {"recovered": None}, "ttr_state": "censored", "ended_by": "cleanup"}),
    ),
    ("relapses", Variant()),
    (
        "relapses",
        Variant(
            outcome={"relapses": [{"recovered": 16.0, "breached": 17.0}]},
            add=[Event(16.5, "fault.intended", "f2", {"kind": "region.lose", "target": "eu-west"})],
        ),
    ),
    ("guardrails off", Variant(scenario=OFF)),
    ("guardrails off", Variant(drop=["f1"], add=[PLAIN_FAULT], scenario={"guardrails": {"breaker": True}})),
    ("orders lost", Variant()),
    ("orders lost", Variant(outcome={"audit": {"lost": None}})),
    ("records that disagree", Variant(outcome=AGREED)),
    ("capacity came back late", Variant(add=[KILLED])),
    ("capacity came back late", Variant(outcome={"ttfr_s": 25.32})),
    (
        "capacity came back late",
        Variant(add=[KILLED], outcome={"ttfr_s": None, "ttfr_state": "not_measured"}),
    ),
    ("capacity came back late", Variant(add=[KILLED], outcome={"ttr_s": None, "ttr_state": "censored"})),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return read(sample_run.bad_deploy(tmp_path_factory.mktemp("factors") / "run"))


@pytest.mark.parametrize(
    ("rule", "of", "words"), FOUND, ids=[f"{name}-{i}" for i, (name, *_) in enumerate(FOUND)]
)
def test_a_rule_says_what_it_found(run: Run, rule: str, of: Variant, words: str) -> None:
    """With the figures of the run; and there is something to do about it."""
    found = RULES[rule](variant(run, of))
    assert found is not None
    assert words in found.words
    assert found.then


@pytest.mark.parametrize(
    ("rule", "of"), NOT_FOUND, ids=[f"{name}-{i}" for i, (name, _) in enumerate(NOT_FOUND)]
)
def test_a_rule_finds_nothing_where_its_facts_are_missing(run: Run, rule: str, of: Variant) -> None:
    """Nor just short of its threshold."""
    assert RULES[rule](variant(run, of)) is None


def test_every_rule_is_tried_both_ways() -> None:
    """A rule that is added to the table must be shown to find something, and to find nothing."""
    assert {name for name, *_ in FOUND} == set(RULES)
    assert {name for name, _ in NOT_FOUND} == set(RULES)


def test_no_rule_finds_anything_in_an_outcome_of_nulls(tmp_path: Path) -> None:
    """What was not measured contributes nothing."""
    assert factors(read(sample_run.inconclusive(tmp_path / "run"))) == []
