"""Gate `provenance`: every change states what part AI had, and the statement is bound to prompt and diff."""

from __future__ import annotations

from collections.abc import Iterator

from gameday.changes.change_identity import NO_AI, Ai, diff_hash, text_hash
from gameday.changes.gates.gate import Finding, Gate, GateContext, Proposal


def check(proposal: Proposal, context: GateContext) -> Iterator[Finding]:
    """Yield a finding if AI provenance isn't stated, or isn't bound to the prompt and the diff."""
    where = proposal.statement
    if proposal.ai is None:
        hint = f"write ai: {NO_AI}, or tool, model and prompt"
        yield Finding(
            "doesn't state whether AI had part in the change", where, proposal.line_of("ai", "author"), hint
        )
        return
    if not isinstance(proposal.ai, Ai):
        return
    for key, hash_, right in (
        ("promptHash", proposal.ai.prompt_hash, text_hash(proposal.ai.prompt)),
        ("diffHash", proposal.ai.diff_hash, diff_hash(proposal.patch)),
    ):
        what = "the prompt" if key == "promptHash" else "the diff"
        line = proposal.line_of(f"ai.{key}", "ai")
        if hash_ is None:
            yield Finding(
                f"AI provenance isn't bound to {what}: {key} is missing", where, line, f"{key}: {right}"
            )
        elif hash_ != right:
            hint = "state the provenance of what ships: make the hash again once someone has looked at the difference"
            yield Finding(f"{key} isn't that of {what} that ships", where, line, hint)


GATE = Gate("provenance", "AI provenance is stated, and bound to prompt and diff", check)
