"""Was an order lost? What clients were told, against what the system of record holds after the run."""

from __future__ import annotations

from typing import Any

import numpy as np

from runner.measure.run import Run
from runner.samples import ErrorKind

NOT_MEASURED = ("duplicated", "charged_twice", "oversold", "indeterminate")
KEYS = ("acknowledged", "lost", *NOT_MEASURED[:3], "wrong_amount", "wrong_amount_cents", "indeterminate", "rpo_s")


def acknowledged(run: Run) -> dict[str, int]:
    """Order id → cents, of every order that a client was told is placed. -1 cents where the answer named no total."""
    records = run.samples.records
    told = np.isin(records["error"], (ErrorKind.NONE, ErrorKind.WRONG)) & (records["order"] > 0)
    told &= records["status"] // 100 == 2
    return {f"{run.id}-{record['order']}": int(record["total"]) for record in records[told]}


def audit(run: Run) -> dict[str, Any]:
    """The outcome's `audit`. All null where the system of record couldn't be asked."""
    found: dict[str, Any] = dict.fromkeys(KEYS)
    if run.orders is None:
        return found
    told = acknowledged(run)
    kept = {order: row for order in told if (row := run.orders.get(order)) is not None and row.status == "paid"}
    wrong = [
        abs(row.total_cents - told[order]) for order, row in kept.items() if told[order] not in (-1, row.total_cents)
    ]
    lost = len(told) - len(kept)
    found.update(acknowledged=len(told), lost=lost, wrong_amount=len(wrong), wrong_amount_cents=sum(wrong))
    found["rpo_s"] = None if lost else 0.0
    return found
