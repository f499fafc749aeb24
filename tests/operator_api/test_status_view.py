"""What is seen of a run: told by name, with each SLO as it stands."""

from __future__ import annotations

import numpy as np

from gameday.operations import Operation
from gameday.operator_api.status_view import Ordered, picture, seen_slos
from gameday.ports import View
from gameday.recording.samples import RECORD, ErrorKind, Samples
from gameday.scenario import Slo
from tests.support.operator_api_client import PAGE

CHECKOUT = Slo.model_validate(
    {"name": "checkout", "sli": "availability", "objective": "99%", "window": "10s"}
)


def samples(bad_from: float, until: float) -> Samples:
    """Ten requests a second, failing from `bad_from` on."""
    records = np.zeros(int(until * 10), RECORD)
    records["planned"] = np.arange(len(records)) / 10
    records["end"] = records["planned"] + 0.01
    records["correct"] = 1
    records["error"][records["planned"] >= bad_from] = ErrorKind.STATUS
    return Samples(records, ("browse",), ("home",), ("us-east",), ("catalog-1.0.0",))


def test_each_slo_is_judged_on_its_last_window() -> None:
    """Ok, then in breach, unknown with too few requests: as the verdict is defined."""
    course = samples(bad_from=30.0, until=40.0)
    states = [seen_slos([CHECKOUT], course, end)[0]["state"] for end in (1.0, 29.0, 35.0)]
    assert states == ["unknown", "ok", "breach"]
    assert seen_slos([CHECKOUT], course, 35.05)[0]["bad"] == 51


def test_who_took_a_page_is_seen() -> None:
    """From the operations, as everything that was done is."""
    seen = picture(
        "r1", View(32.0, (PAGE,)), [Ordered("o1", Operation("ack", "a1", "lead"), "done")], ended=True
    )
    assert seen["alerts"][0]["acknowledged_by"] == "lead"
    assert seen["operations"][0] == {
        "id": "o1",
        "name": "ack",
        "target": "a1",
        "change": None,
        "text": "",
        "by": "lead",
        "state": "done",
        "why": None,
    }
    assert seen["phase"] == "ended"
