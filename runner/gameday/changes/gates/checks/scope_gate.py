"""Gate `scope`: a change touches what its task covers, and no more."""

from __future__ import annotations

from collections.abc import Iterator

from gameday.changes.change_identity import Ai
from gameday.changes.gates.gate import Finding, Gate, GateContext, Proposal
from gameday.changes.people import Owners

APPROVAL = "owner"
ASKED = "@asked"


def check(proposal: Proposal, context: GateContext) -> Iterator[Finding]:
    """Yield a finding if no task is stated, for each path outside its scope, and for a plan that no task asks for.

    The prompt is the task if no other is stated. Without `scope` a task covers the paths that an owner of the service owns.
    """
    line, where = proposal.line_of("scope", "task", "author"), proposal.statement
    task = proposal.task or (proposal.ai.prompt if isinstance(proposal.ai, Ai) else "")
    if not task and proposal.is_ai:
        hint = "write task: what was asked for"
        yield Finding("an AI-assisted change doesn't state the task as it was asked", where, line, hint)
        return
    owners = set(context.people.owners_of_service(proposal.service)) if proposal.service else set()
    pattern = Owners("\n".join(f"{path} {ASKED}" for path in proposal.scope))
    for file in proposal.files if proposal.scope or owners else ():
        inside = (
            bool(pattern.of(file.path))
            if proposal.scope
            else bool(owners & set(context.people.owners.of(file.path)))
        )
        if not inside:
            path = f"{proposal.root}/{file.path}" if proposal.root else file.path
            hint = "split the change, or ask for a wider task"
            yield Finding("is outside the scope of the task", path, file.first_line, hint, APPROVAL)
    for key, what in proposal.plan.items():
        if key == "delete" and "delete" not in task.lower():
            hint = "an automation does what it was asked for, and no more"
            yield Finding(f"nobody asked to delete the {what}", where, line, hint)


GATE = Gate("scope", "the change touches what its task covers, and no more", check)
