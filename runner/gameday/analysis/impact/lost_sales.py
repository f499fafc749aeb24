"""Lost sales: what the carts of buyers were worth who met a failure and placed no order afterwards.

A buyer is a user with a request of a journey that places orders. One met a failure if a request of such a journey, planned
from the effect on, got no answer, an error or wrong content, or couldn't be sent; the sale is lost unless an order planned
later by the same user was acknowledged before the run's end. What was in a cart that never got as far as a receipt isn't
known, so each counts as the mean of the orders acknowledged in the run.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from gameday.recording.samples import ErrorKind, Samples, among


def sales_lost_cents(samples: Samples, since: float, journeys: Collection[str]) -> int | None:
    """Return the lost sales in cents, from `since` to the end of the run.

    None if sales were lost and no order was acknowledged, since then the worth of a cart isn't known.
    """
    records = samples.records
    error = records["error"]
    known = [number for number, name in enumerate(samples.journeys) if name in journeys]
    failed = among(records["journey"], known) & (error != ErrorKind.NONE) & (records["planned"] >= since)
    placed = (records["order"] != 0) & (records["total"] >= 0)
    last_failed, last_placed = (
        _last(records["user"][chosen], records["planned"][chosen]) for chosen in (failed, placed)
    )
    users = sum(1 for user, planned in last_failed.items() if last_placed.get(user, -np.inf) < planned)
    if not users:
        return 0
    cents = records["total"][placed]
    return round(users * float(cents.mean())) if len(cents) else None


def _last(
    users: np.ndarray[tuple[int], np.dtype[np.uint32]], planned: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> dict[int, float]:
    """Return each user's last planned time; records ascend by it."""
    return dict(zip(users.tolist(), planned.tolist(), strict=True))
