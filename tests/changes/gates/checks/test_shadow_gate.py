"""Tests of the gate `shadow`: bundled releases, started beside the running one and asked the same."""

from __future__ import annotations

import pytest

from gameday.changes.gates.gate import Finding
from gameday.ports import PortError
from tests.support.proposals import beside, findings, released


def found(release: str) -> list[Finding]:
    """Return what the gate finds in a release that replaces the first of its service."""
    return findings("shadow", released(release), beside())


def test_wrong_prices_are_found_without_a_user() -> None:
    """pricing-1.2.0 fails nothing: about a third of its prices differ, at the changed line, and the owner may say that they may."""
    one, several = found("pricing-1.2.0")
    assert one.message.startswith("GET /prices/{id}: ")
    assert " of 300 answers differ from pricing-1.0.0: price_cents is " in one.message
    assert 50 <= int(one.message.split()[2]) <= 100
    assert several.message.startswith("GET /prices: ")
    assert (one.file, one.line, one.approval) == ("compose/storefront/pricing.py", 16, "owner")


def test_a_release_that_only_adds_fields_passes() -> None:
    """catalog-1.1.0 shows the saving as well: all that was answered before is answered alike."""
    assert found("catalog-1.1.0") == []


def test_what_can_not_be_asked_is_an_error() -> None:
    """Without a system, a contract or an instance that starts the gate never passes."""
    with pytest.raises(PortError, match="needs a system"):
        findings("shadow", released("pricing-1.2.0"))
    with pytest.raises(PortError, match=r"identity has no contract: write compose/contracts/identity\.yaml"):
        found("identity-1.1.0")
