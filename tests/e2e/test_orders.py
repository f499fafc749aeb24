"""The short form of the benchmark of orders: random faults and operations on the real system."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import orders

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(480)]
SEED = 100


@pytest.mark.full
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_random_faults_and_operations_break_no_promise(room: Path, mode: str) -> None:
    """Two runs: every acknowledged order is kept and charged once, whatever fails and whoever acts."""
    assert (
        orders.main(["--runs", "2", "--seed", str(SEED), "--mode", mode, "--keep", str(room / "orders")]) == 0
    )
    lines = (room / "orders" / "results.jsonl").read_text(encoding="utf-8").splitlines()
    results = [json.loads(line) for line in lines]
    assert [result["seed"] for result in results] == [SEED, SEED + 1]
    assert any(operation.endswith("done") for result in results for operation in result["operations"])
    assert any(result["audited"] and result["acknowledged"] > 50 for result in results)
