"""Tests of the gate `contract`: releases asked by schemathesis, and what it prints."""

from __future__ import annotations

from typing import Any

import pytest

from gameday.changes.gates.checks import contract_gate
from gameday.changes.gates.checks.contract_gate import violations
from gameday.ports import PortError
from tests.support.proposals import beside, findings, released


def test_a_dropped_field_is_found() -> None:
    """pricing-1.4.0 leaves the currency out of its quotes: each operation that returns one breaks the contract."""
    found = findings("contract", released("pricing-1.4.0"), beside())
    assert {finding.message for finding in found} == {
        f'breaks the contract: GET /prices{path}: "currency" is a required property' for path in ("", "/{id}")
    }
    assert {(finding.file, finding.line, finding.approval) for finding in found} == {
        ("compose/storefront/pricing.py", 28, "")
    }


def test_a_release_that_only_adds_fields_passes() -> None:
    """catalog-1.1.0 shows more than the contract asks for."""
    assert findings("contract", released("catalog-1.1.0"), beside()) == []


def test_a_contract_that_the_running_release_breaks_is_found_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the release before breaks too is a finding of the contract's file, not of the change."""
    monkeypatch.setattr(contract_gate, "_violations", lambda contract, url: ["GET /prices: x"])
    (finding,) = findings("contract", released("pricing-1.1.0"), beside())
    assert finding.message == "pricing-1.0.0 breaks it already: GET /prices: x"
    assert (finding.file, finding.approval) == ("compose/contracts/pricing.yaml", "")


def event(status: str) -> dict[str, Any]:
    """Return an event of schemathesis with one check."""
    failure = {"operation": "GET /x", "title": "Server error", "message": ""}
    info = {"failure_info": {"failure": failure}} if status == "failure" else {}
    return {"ScenarioFinished": {"recorder": {"checks": {"a": [{"name": "n", "status": status, **info}]}}}}


def test_failures_are_listed_once_and_silence_is_an_error() -> None:
    """A failure without a message has its title; a run without a single check, or that failed, never passes."""
    assert violations([event("success")], 0, "") == []
    assert violations([event("failure"), event("failure"), {"Initialize": {}}], 1, "") == [
        "GET /x: Server error"
    ]
    for events, status in (([], 0), ([event("success")], 2)):
        with pytest.raises(PortError, match=r"asked nothing \(exit status \d\): no such file"):
            violations(events, status, "no such file")


def test_without_the_package_or_a_system_the_gate_never_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to install, or what is missing."""
    with pytest.raises(PortError, match="needs a system"):
        findings("contract", released("pricing-1.1.0"))
    monkeypatch.setattr(contract_gate, "find_spec", lambda program: None)
    with pytest.raises(PortError, match="needs schemathesis: pip install"):
        findings("contract", released("pricing-1.1.0"))
