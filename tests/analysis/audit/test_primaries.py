"""Two primaries: found by what answers say of the database that took part, and by nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gameday.analysis.audit.primaries import leads, two_primaries
from gameday.recording.samples import RECORD, ErrorKind, Samples

NAMES = ("", "us-east/1", "eu-west/2", "us-east/2")
US, EU, STRAY = 1, 2, 3
Order = tuple[float, float, int]
"""Start, end and primary."""


def samples(*orders: Order, error: ErrorKind = ErrorKind.NONE, status: int = 201) -> Samples:
    records = np.zeros(len(orders), RECORD)
    for number, (start, end, primary) in enumerate(orders):
        records[number]["order"] = number + 1
        records[number]["start"], records[number]["end"] = start, end
        records[number]["primary"], records[number]["error"], records[number]["status"] = (
            primary,
            error,
            status,
        )
    return Samples(records, primaries=NAMES)


def shared(*orders: Order, **more: Any) -> list[tuple[str, str, float, float]]:
    """Return (database, database, since, until) of each pair that acknowledged orders in the same time."""
    found = leads(samples(*orders, **more))
    assert found is not None
    return [(*pair.primaries, pair.since, pair.until) for pair in two_primaries(found)]


def test_one_after_the_other_is_no_finding() -> None:
    """A promotion, and the way back: the same region leads again, on a timeline of its own."""
    assert shared((1, 2, US), (5, 6, US), (8, 9, EU), (20, 21, EU), (30, 31, STRAY), (40, 41, STRAY)) == []


def test_an_order_in_flight_during_a_promotion_is_no_finding() -> None:
    """Its answer came after the first one of the new primary; its commit may have come before."""
    assert shared((1, 2, US), (5, 9, US), (6, 7, EU), (10, 11, EU)) == []


def test_orders_in_turns_are_two_primaries() -> None:
    """From the first request to the last answer of an order that one took while the other surely led."""
    assert shared((1, 2, EU), (5, 6, STRAY), (8, 9, EU), (12, 13, STRAY)) == [
        ("eu-west/2", "us-east/2", 5, 9)
    ]


def test_a_single_order_while_another_database_leads_is_found() -> None:
    """The one that took it led at some moment between its request and its answer."""
    assert shared((1, 2, EU), (5, 6, STRAY), (8, 9, EU)) == [("eu-west/2", "us-east/2", 5, 6)]


@pytest.mark.parametrize(
    "more", [{"error": ErrorKind.STATUS, "status": 503}, {"error": ErrorKind.TIMEOUT, "status": 0}]
)
def test_an_order_that_was_not_acknowledged_proves_nothing(more: dict[str, Any]) -> None:
    """An error may name the database that refused it."""
    assert shared((1, 2, EU), (5, 6, STRAY), (8, 9, EU), **more) == []


def test_answers_that_name_no_database_are_not_measured() -> None:
    """Null, and not zero: a stranger's system, or a run of an older version."""
    assert leads(Samples(np.zeros(3, RECORD))) is None
    assert leads(Samples(np.zeros(3, RECORD), primaries=("",))) is None


def test_each_span_counts_its_orders() -> None:
    """From the first request to the last answer."""
    found = leads(samples((1, 2, US), (5, 6, US), (8, 9, EU)))
    assert found is not None
    assert [lead.span().model_dump() for lead in found] == [
        {"primary": "us-east/1", "since": 1, "until": 6, "acknowledged": 2},
        {"primary": "eu-west/2", "since": 8, "until": 9, "acknowledged": 1},
    ]
