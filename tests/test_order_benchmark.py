"""The benchmark of orders: its plans, its checks on hand-made runs, and how it minimises."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks import orders
from benchmarks.order_checks import Answer, Checked, Violation, check, two_primaries
from benchmarks.order_plans import REGIONS, SPAN_S, Plan, draw
from gameday import validate_scenario
from gameday.analysis import write_outcome
from gameday.operator_api.operation_requests import parse_operation
from tests.support.nonempty_all import nonempty_all
from tests.support.run_folders import RUN, Story, row, steadily, write

GOOD = [row(1, items={1: 2}), row(2, items={1: 1})]
SENT = (1, 2)
STOCK = {1: (97, 3)}


def run(
    folder: Path,
    rows: Sequence[Any] = GOOD,
    ledger: Sequence[tuple[int, int]] = ((1, 5), (2, 5)),
    stock: Any = STOCK,
    sent: Sequence[int] = SENT,
    mode: str = "sync",
) -> Checked:
    """Check a run of two orders for 5 cents each, all acknowledged."""
    requests = steadily()
    for number, request in zip(sent, requests, strict=False):
        request.order, request.total, request.user, request.answer = number, 5, 7, 201
    story = Story().begin().finish(reason="no_effect")
    path = write(folder / RUN, story, requests, rows, ledger, stock, expect=["!effect"])
    write_outcome(path)
    return check(path, mode)


def kinds(checked: Checked) -> dict[str, int]:
    return {violation.kind: violation.times for violation in checked.violations}


def test_a_run_that_keeps_every_promise(tmp_path: Path) -> None:
    """Its orders are counted, and nothing is found."""
    checked = run(tmp_path)
    assert (checked.orders, checked.acknowledged, checked.kept, checked.charged) == (2, 2, 2, 2)
    assert checked.audited
    assert (checked.violations, checked.forgiven) == ([], [])


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"rows": GOOD[:1], "stock": {1: (98, 2)}}, {"lost": 1, "charged, not kept": 1}),
        ({"rows": [GOOD[0], row(2, "pending", items={1: 1})]}, {"lost": 1}),
        ({"ledger": ((1, 5), (2, 5), (2, 5))}, {"charged twice": 1}),
        ({"ledger": ((1, 5),)}, {"kept, not charged": 1}),
        ({"ledger": ((1, 5), (2, 6))}, {"wrong amount": 1}),
        ({"sent": (1,)}, {"never sent": 2}),
        ({"stock": {1: (98, 3)}}, {"sold, not taken from stock": 1}),
        ({"stock": {1: (96, 3)}}, {"taken from stock for no order": 1}),
    ],
)
def test_each_broken_promise_is_found(tmp_path: Path, changed: dict[str, Any], found: dict[str, int]) -> None:
    """By its name, and by nothing else."""
    assert kinds(run(tmp_path, **changed)) == found


def test_asynchronous_replication_promises_less(tmp_path: Path) -> None:
    """A lost order is counted but breaks no promise."""
    checked = run(tmp_path, rows=GOOD[:1], stock={1: (98, 2)}, mode="async")
    assert checked.violations == []
    assert [violation.kind for violation in checked.forgiven] == ["lost", "charged, not kept"]


def test_an_audit_that_counts_otherwise_is_found(tmp_path: Path) -> None:
    """The figures of outcome.json are compared with the ones counted here."""
    run(tmp_path)
    path = tmp_path / RUN / "outcome.json"
    outcome = json.loads(path.read_text())
    outcome["audit"]["lost"] = 4
    path.write_text(json.dumps(outcome))
    (violation,) = check(tmp_path / RUN, "sync").violations
    assert violation.words() == "the audit differs ×1 (lost: 4, counted 0)"


def test_a_run_without_a_dump_is_not_audited(tmp_path: Path) -> None:
    """It counts as neither good nor bad."""
    run(tmp_path)
    (tmp_path / RUN / "audit.jsonl").unlink()
    assert not check(tmp_path / RUN, "sync").audited


def acknowledged(*spans: tuple[str, float, float]) -> list[Answer]:
    return [Answer(n, start, end, 201, 5, True, name) for n, (name, start, end) in enumerate(spans, 1)]


@pytest.mark.parametrize(
    ("answers", "times"),
    [
        ((("a/1", 0, 1), ("a/1", 2, 3), ("b/2", 4, 5)), 0),
        ((("a/1", 0, 1), ("a/1", 2, 4.5), ("b/2", 4, 5)), 0),
        ((("a/1", 0, 1), ("b/2", 2, 3), ("a/1", 4, 5)), 1),
        ((("a/1", 0, 1), ("b/2", 2, 3), ("a/3", 4, 5)), 0),
    ],
)
def test_two_primaries_are_found_by_their_acknowledgements(
    answers: Sequence[tuple[str, float, float]], times: int
) -> None:
    """A primary that acknowledges certainly before and after another one; overlapping requests prove nothing."""
    assert two_primaries(acknowledged(*answers)).times == times


def test_plans_follow_from_their_seed_and_are_valid(tmp_path: Path) -> None:
    """Two to four faults and one to four operations, never all data destroyed."""
    for seed in range(12):
        plan = draw(seed, "sync")
        assert plan == draw(seed, "sync")
        path = tmp_path / f"orders-{seed}.yaml"
        path.write_text(yaml.safe_dump(plan.scenario()))
        assert validate_scenario(path) == ()
        faults = [step for step in plan.steps if step.kind == "fault"]
        assert 1 <= len(plan.operations()) <= 4
        assert 1 <= len(faults) <= 4
        assert nonempty_all(0 < step.at <= SPAN_S for step in plan.steps)
        destroyed = [step for step in faults if step.spec.get("volumes") == "destroy"]
        assert len(destroyed) < len(REGIONS) - 1


def test_a_request_that_the_run_does_not_understand_is_a_defect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs without their operations would prove nothing."""
    plan = draw(3, "sync")

    class Api:
        def __init__(self, credentials: object) -> None: ...

        def request_operation(self, fields: dict[str, Any]) -> str:
            parse_operation(json.dumps({name: value for name, value in fields.items() if value}).encode())
            return "o1"

    monkeypatch.setattr(orders, "read_credentials", lambda path: None)
    monkeypatch.setattr(orders, "ApiClient", Api)
    operators = orders.Operators(plan.operations(), tmp_path)
    assert [operators._request("r", step) for step in plan.operations()] == ["o1"] * len(plan.operations())
    assert operators.rejected == []


def test_a_violation_is_minimised() -> None:
    """Steps are dropped while it persists, also if it shows only now and then."""
    plan = draw(3, "sync")
    wanted, runs = (plan.steps[0], plan.steps[3]), 0

    def rerun(smaller: Plan) -> orders.Trial:
        nonlocal runs
        runs += 1
        broken = nonempty_all(step in smaller.steps for step in wanted) and runs % 2 == 0
        return trial(smaller, broken)

    def trial(made: Plan, broken: bool) -> orders.Trial:
        violations = [Violation("lost", 1)] if broken else []
        return orders.Trial(made, Path(), replace(Checked(), violations=violations), ())

    smallest = orders.minimise(trial(plan, True), rerun)
    assert smallest.plan.steps == wanted
