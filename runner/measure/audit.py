"""Was an order lost? What clients were told, against what the system of record holds after the run."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from runner.measure.run import Run
from runner.samples import ErrorKind, among

NOT_MEASURED = ("duplicated", "charged_twice", "oversold", "indeterminate")
KEYS = ("acknowledged", "lost", *NOT_MEASURED[:3], "wrong_amount", "wrong_amount_cents", "indeterminate", "rpo_s")

Numbers = npt.NDArray[np.int64]


def acknowledged(run: Run) -> tuple[Numbers, Numbers]:
    """(n of the order id, cents) of every order that a client was told is placed; -1 cents where no total was named."""
    records = run.samples.records
    order = records["order"]
    told = np.flatnonzero(among(records["error"], (ErrorKind.NONE, ErrorKind.WRONG)) & (order > 0))
    told = told[records["status"][told] // 100 == 2][::-1]
    number, last = np.unique(order[told].astype(np.int64), return_index=True)
    return number, records["total"][told[last]].astype(np.int64)


def audit(run: Run) -> dict[str, Any]:
    """The outcome's `audit`. All null where the system of record couldn't be asked."""
    found: dict[str, Any] = dict.fromkeys(KEYS)
    if run.orders is None:
        return found
    told, cents = acknowledged(run)
    places, there = run.orders.places(told)
    kept = np.flatnonzero(there)
    kept = kept[run.orders.paid[places[kept]]]
    off = np.abs(run.orders.cents[places[kept]] - cents[kept])[cents[kept] != -1]
    lost = len(told) - len(kept)
    found.update(
        acknowledged=len(told), lost=lost, wrong_amount=int((off > 0).sum()), wrong_amount_cents=int(off.sum())
    )
    found["rpo_s"] = None if lost else 0.0
    return found
