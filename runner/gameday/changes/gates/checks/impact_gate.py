"""Gate `impact`: a change that can hurt many users at once ships in stages, or with an approval."""

from __future__ import annotations

from collections.abc import Iterator

from gameday.changes.gates.gate import Finding, Gate, GateContext, Proposal

APPROVAL = "release-manager"


def check(proposal: Proposal, context: GateContext) -> Iterator[Finding]:
    """Yield a finding if the predicted impact is high."""
    impact = context.impact
    if impact.get("class") == "high":
        message = (
            f"predicted impact is high: {impact['users_ratio']:.0%} of requests, {impact['journeys']:.0f} journeys, "
            f"{impact['services']:.0f} services, {impact['regions']:.0f} regions at once"
        )
        hint = "roll it out region by region or by a canary"
        yield Finding(message, proposal.statement, proposal.line_of("service", "kind"), hint, APPROVAL)


GATE = Gate("impact", "the predicted impact isn't high", check, needs_system=True)
