"""Status of a run, with the verdict of each SLO."""

from __future__ import annotations

from gameday.operations import Operation
from gameday.operator_api.status_view import OperationStatus, run_status, slo_rows
from gameday.ports import View
from tests.support.operator_api_client import PAGE
from tests.support.slo_samples import CHECKOUT, samples


def test_each_slo_is_judged_on_its_last_window() -> None:
    """Ok, then in breach, unknown with too few requests: as the verdict is defined."""
    course = samples(bad_from=30.0, until=40.0)
    states = [slo_rows([CHECKOUT], course, end)[0]["state"] for end in (1.0, 29.0, 35.0)]
    assert states == ["unknown", "ok", "breach"]
    assert slo_rows([CHECKOUT], course, 35.05)[0]["bad"] == 51


def test_the_status_names_who_acknowledged_a_page() -> None:
    """The role comes from the operations."""
    seen = run_status(
        "r1", View(32.0, (PAGE,)), [OperationStatus("o1", Operation("ack", "a1", "lead"), "done")], ended=True
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
