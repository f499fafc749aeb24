"""Gate `infrastructure`: a plan or diff that deletes an environment or its data, or that widens a credential."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gameday.changes.gates.gate import Finding, Gate, GateContext, Proposal

APPROVAL = "platform"
"""The role that can let such a change pass."""
SCOPE = re.compile(r"\b[a-z]+:(?:delete|admin|write|\*)(?![\w-])")
DELETES = (
    (re.compile(r"^\s*(force_destroy|skip_final_snapshot)\s*=\s*true"), "lets its data be destroyed"),
    (
        re.compile(r"^\s*(prevent_destroy|deletion_protection)\s*=\s*false"),
        "takes away the protection from deletion",
    ),
    (re.compile(r"\b(drop\s+(table|database|schema)|truncate\s+table)\b", re.IGNORECASE), "deletes data"),
    (re.compile(r"\b(terraform|pulumi)\s+destroy\b|\bkubectl\s+delete\b"), "deletes infrastructure"),
)
WIDENS = (
    (
        re.compile(r"""["']?(Action|Resource|actions|resources|verbs)["']?\s*[:=]\s*\[?\s*["']\*["']"""),
        "grants everything",
    ),
    (SCOPE, "adds a scope that deletes, writes or administers"),
    (re.compile(r"0\.0\.0\.0/0|::/0"), "opens it to every address"),
    (re.compile(r"^\s*privileged\s*:\s*true"), "runs a container with all privileges"),
    (re.compile(r"\bgrant\s+all\b", re.IGNORECASE), "grants every privilege"),
)


def check(proposal: Proposal, context: GateContext) -> Iterator[Finding]:
    """Yield a finding for a plan that deletes, and for each line that deletes or widens."""
    if deleted := proposal.plan.get("delete"):
        line, hint = proposal.line_of("kind", "author"), "fix what was asked for without deleting anything"
        yield Finding(f"its plan deletes the {deleted}", proposal.statement, line, hint, APPROVAL)
    for file in proposal.files:
        path = f"{proposal.root}/{file.path}" if proposal.root else file.path
        before = "\n".join(line.text for line in file.removed)
        for line_ in file.added:
            what = _danger(line_.text, before)
            if what:
                yield Finding(what, path, line_.number, "least privilege: name what it needs", APPROVAL)
    for number, text in enumerate(proposal.migration.split("\n"), 1):
        what = _first(DELETES, text)
        if what:
            yield Finding(
                f"the migration {what}",
                proposal.statement,
                proposal.line_of("migration"),
                f"line {number} of it",
            )


def _danger(text: str, before: str) -> str:
    """Return what an added line deletes or widens; empty if nothing, or if the removed lines had it already."""
    if what := _first(DELETES, text):
        return what
    what = _first(WIDENS, text)
    scopes = set(SCOPE.findall(text))
    known = set(SCOPE.findall(before))
    if what.startswith("adds a scope"):
        return f"adds the scope {sorted(scopes - known)[0]}" if scopes - known else ""
    return what


def _first(patterns: tuple[tuple[re.Pattern[str], str], ...], text: str) -> str:
    code = text.split("#")[0]
    return next((what for pattern, what in patterns if pattern.search(code)), "")


GATE = Gate("infrastructure", "nothing deletes an environment or data, or widens a credential", check)
