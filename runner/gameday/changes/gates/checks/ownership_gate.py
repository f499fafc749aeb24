"""Gate `ownership`: an owner of the service, other than the author, has approved; no author approves their own AI-assisted change."""

from __future__ import annotations

from collections.abc import Iterator

from gameday.changes.gates.gate import Finding, Gate, GateContext, Proposal

OWNER = "owner"
"""The role that lets a change pass as an owner of the service."""


def check(proposal: Proposal, context: GateContext) -> Iterator[Finding]:
    """Yield a finding for each service or path without the approval of an owner, and for a self-approval."""
    where, line = proposal.statement, proposal.line_of("approvals", "author")
    approvers = {person.id for person in proposal.approvals if person.id}
    author = proposal.author.id
    if author is not None and author in approvers and proposal.is_ai:
        hint = "another person has to look at what an assistant wrote"
        yield Finding(f"{author} approved their own AI-assisted change", where, line, hint)
    for what, owners in _owned(proposal, context):
        others = [owner for owner in owners if owner != author]
        if not owners:
            hint = f"add a line to {context.people.owners.file}"
            yield Finding(f"{what} has no owner", where, line, hint)
        elif not approvers.intersection(others):
            who = " or ".join(others) or "an owner besides the author"
            hint = f"ask {who}"
            yield Finding(f"no owner of {what} has approved", where, line, hint, approval=OWNER)


def _owned(proposal: Proposal, context: GateContext) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield (what, its owners) of the service or, for a change without one, of each different set of owners."""
    if proposal.service:
        yield proposal.service, context.people.owners_of_service(proposal.service)
        return
    seen = set()
    for file in proposal.files:
        owners = context.people.owners.of(file.path)
        if owners not in seen:
            seen.add(owners)
            yield file.path, owners


GATE = Gate("ownership", "an owner of the service other than the author approves", check)
