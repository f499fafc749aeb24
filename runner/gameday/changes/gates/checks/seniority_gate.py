"""Gate `seniority`: an AI-assisted change by an author below senior has a senior's approval."""

from __future__ import annotations

from collections.abc import Iterator

from gameday.changes.gates.gate import Finding, Gate, GateContext, Proposal

SENIOR = "senior"
"""The role that lets a change pass as a senior."""


def check(proposal: Proposal, context: GateContext) -> Iterator[Finding]:
    """Yield a finding if an AI-assisted change by a junior, mid-level or automated author has no senior's approval."""
    if not proposal.is_ai or proposal.author.is_senior:
        return
    others = (person for person in proposal.approvals if person.id is None or person.id != proposal.author.id)
    if not any(person.is_senior for person in others):
        message = f"an AI-assisted change by a {proposal.author.level}-level author has no senior's approval"
        if proposal.author.level == "service account":
            message = "an AI-assisted change by an automation has no senior's approval"
        hint = "ask someone senior to review it"
        line = proposal.line_of("approvals", "author")
        yield Finding(message, proposal.statement, line, hint, approval=SENIOR)


GATE = Gate("seniority", "AI-assisted changes of juniors and mid-levels have a senior's approval", check)
