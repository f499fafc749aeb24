"""Gate `shadow`: an instance of the new release answers as one of the running release does, field by field.

The requests are made of the service's contract. Nobody's request is delayed or answered by the new release, so that a silent
drift of logic is found without a user hurt.
"""

from __future__ import annotations

from collections.abc import Iterator

from gameday.changes.gates.contract_requests import Contract, Difference, compare
from gameday.changes.gates.gate import Finding, Gate, GateContext, Proposal
from gameday.ports import PortError

APPROVAL = "owner"
"""The role that can let other answers pass, since a change may be meant to change them."""


def check(proposal: Proposal, context: GateContext) -> Iterator[Finding]:
    """Yield a finding for each field of an operation that differs. Raise PortError if an instance can't be asked."""
    if context.instances is None:
        raise PortError("the gate shadow needs a system whose releases can be started beside it")
    path = context.instances.contract(proposal.service)
    with context.instances.running(proposal.previous, proposal.name) as (old, new):
        asked, differences = compare(Contract.read(path), old, new)
    grouped: dict[tuple[str, str], list[Difference]] = {}
    for difference in differences:
        grouped.setdefault((difference.operation, difference.field), []).append(difference)
    file, line = proposal.first_change()
    for (operation, _), group in grouped.items():
        requests = len({difference.path for difference in group})
        message = f"{operation}: {requests} of {asked} answers differ from {proposal.previous}: {group[0]}"
        hint = "if the answers are meant to change, the owner approves it"
        yield Finding(message, file, line, hint, APPROVAL)


GATE = Gate(
    "shadow", "a release started beside the running one gives the same answers", check, needs_system=True
)
