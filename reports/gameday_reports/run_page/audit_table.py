"""Audit of orders in words: the comparison of three records."""

from __future__ import annotations

from collections.abc import Mapping

from gameday.recording.journal_events import OrdersCollected
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.formatting import count, money, seconds
from gameday_reports.text.summary import two_primaries

Row = Mapping[str, str]
CHECKS = (
    ("acknowledged", "Orders acknowledged to a client", count),
    ("lost", "of them not paid in the database", count),
    ("rpo_s", "Recovery point: age of the oldest lost order", seconds),
    ("duplicated", "Orders placed twice", count),
    ("charged_twice", "Orders charged twice", count),
    ("charged_not_kept", "Orders charged that are not paid in the database", count),
    ("kept_not_charged", "Orders paid in the database that were never charged", count),
    ("wrong_customer", "Orders held for another customer", count),
    ("wrong_basket", "Orders held with other items than ordered", count),
    ("stock_without_order", "Units taken from the stock for no order", count),
    ("oversold", "Units sold beyond the stock taken", count),
    ("sold_out", "Orders refused since a product was sold out", count),
    ("wrong_amount", "Orders whose records name different amounts", count),
    ("wrong_amount_cents", "Sum of those differences", money),
    ("two_primaries", "Pairs of databases that acknowledged orders in the same time", count),
    ("indeterminate", "Orders paid though the client got no answer", count),
    ("asynchronous_s", "Time in which orders were acknowledged without a standby", seconds),
)
MUST_BE_ZERO = {
    "lost",
    "duplicated",
    "charged_twice",
    "charged_not_kept",
    "kept_not_charged",
    "wrong_customer",
    "wrong_basket",
    "stock_without_order",
    "oversold",
    "wrong_amount",
    "two_primaries",
}


def audit(run: Run) -> list[Row]:
    """Return each check of orders; `bad` is 'yes' if it found something that must be zero."""
    values = dict(run.outcome.audit)
    return [
        {
            "what": label,
            "value": show(values[key]),
            "bad": "yes" if key in MUST_BE_ZERO and values[key] else "",
        }
        for key, label, show in CHECKS
    ]


def why(run: Run) -> str:
    """Return why a part of the audit is missing; empty if none is, or if the reason is unknown."""
    collected = run.journal.first(OrdersCollected)
    return collected.why if collected else ""


def note(run: Run) -> str:
    """Return what to know of the figures above; empty if there is nothing to add."""
    orders, missing = run.outcome.audit, why(run)
    if orders.two_primaries_spans:
        return " ".join(two_primaries(run.outcome))
    if missing:
        return f"A record could not be had, and what rests on it is not measured ({missing})."
    if orders.acknowledged == 0 and orders.lost is None:
        return "No order was acknowledged, so there was none that could have been lost."
    return ""
