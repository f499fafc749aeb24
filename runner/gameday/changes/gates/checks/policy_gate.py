"""Gate `policy`: rules in CEL over the change, its diff, its impact, the system's state and the changes in flight."""

from __future__ import annotations

from collections.abc import Iterator

from gameday.changes.gates.gate import Finding, Gate, GateContext, Proposal
from gameday.changes.gates.policy_language import values_of


def check(proposal: Proposal, context: GateContext) -> Iterator[Finding]:
    """Yield a finding for each rule that denies the change, or that can't be judged.

    Without a running system, rules that look at its state are left out.
    """
    values = values_of(proposal, context)
    for rule in context.policies:
        if rule.needs_state and not context.state:
            continue
        denied = rule.denies(values)
        if denied is False:
            continue
        key = "kind" if "change.kind" in rule.spec.deny else "service"
        message = f"{rule.spec.message} (policy {rule.spec.name}, {rule.file}:{rule.line})"
        if denied is None:
            message = (
                f"policy {rule.spec.name} ({rule.file}:{rule.line}) can't be judged: a value isn't known"
            )
        line = proposal.line_of(key, "author")
        hint, approval = rule.spec.hint, rule.spec.approval
        yield Finding(message, proposal.statement, line, hint, approval, rule.spec.name)


GATE = Gate("policy", "rules in CEL hold: freezes, schema with auth, one-way doors", check)
