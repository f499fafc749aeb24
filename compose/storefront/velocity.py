"""The velocity check: a customer who orders far too often within the hour is a thief with a card to try out.

Looks at the customer's latest orders, whatever their state; the index on (user_id, placed_at) serves it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from .problems import Problem

LATEST = "SELECT placed_at FROM orders WHERE user_id = $1 ORDER BY placed_at DESC LIMIT $2"
WITHIN = timedelta(hours=1)
# Orders within the hour that are still believable.
BELIEVABLE = 100


async def check(connection: Any, user: int) -> None:
    """Raise Problem 429 if the customer placed more orders within the hour than is plausible."""
    latest = await connection.fetch(LATEST, user, BELIEVABLE + 1)
    since = datetime.now(UTC) - WITHIN
    if sum(row["placed_at"] > since for row in latest) > BELIEVABLE:
        raise Problem(429, "too many orders within the hour")
