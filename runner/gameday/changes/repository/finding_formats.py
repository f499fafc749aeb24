"""Formats of findings: SARIF 2.1.0 for code scanning, annotations of GitHub's actions, and Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

from gameday.changes.gates.gate import Finding
from gameday.changes.repository.repository_gates import Result
from gameday.recording.printable_text import visible

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
SHOWN = {"passed": "passed", "blocked": "**blocked**", "needs-approval": "**needs approval**"}


def sarif(result: Result) -> dict[str, Any]:
    """Return a SARIF log with one run: a rule for each gate, a result for each finding."""
    gates = [evaluation.gate for evaluation in result.evaluations]
    rules = [{"id": gate, "shortDescription": {"text": f"gate {gate}"}} for gate in gates]
    results = [_result(gate, gates.index(gate), finding) for gate, finding in result.findings]
    driver = {"name": "gameday gate", "version": version("gameday-runner"), "rules": rules}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _result(gate: str, index: int, finding: Finding) -> dict[str, Any]:
    place = {
        "artifactLocation": {"uri": finding.file.replace("\\", "/").replace(" ", "%20") or "."},
        "region": {"startLine": max(finding.line, 1)},
    }
    return {
        "ruleId": gate,
        "ruleIndex": index,
        "level": "warning" if finding.approval else "error",
        "message": {"text": finding.message + (f" ({finding.hint})" if finding.hint else "")},
        "locations": [{"physicalLocation": place}],
    }


def workflow_commands(result: Result) -> Iterator[str]:
    """Yield a workflow command of GitHub's actions for each finding."""
    for gate, finding in result.findings:
        file, title = _escaped(finding.file, ":,"), _escaped(f"gate {gate}", ":,")
        message = _escaped(finding.message + (f"\n{finding.hint}" if finding.hint else ""))
        yield f"::error file={file},line={max(finding.line, 1)},title={title}::{message}"


def _escaped(text: str, more: str = "") -> str:
    """Escape a text for a workflow command; in a property, colons and commas as well."""
    for character in ("%", "\r", "\n", *more):
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def markdown(result: Result) -> str:
    """Return a summary: a table of gates, and each finding with its place."""
    head = f"{result.commits} commits, {result.files} files, {result.lines:,} lines"
    rows = [
        f"| {evaluation.gate} | {SHOWN[evaluation.result]} | {len(evaluation.findings)} |"
        for evaluation in result.evaluations
    ]
    lines = ["## Gates", "", head, "", "| gate | result | findings |", "|---|---|---|", *rows]
    return "\n".join([*lines, *_listed(result.findings), ""])


def _listed(findings: Sequence[tuple[str, Finding]]) -> Iterator[str]:
    for number, (gate, finding) in enumerate(findings):
        if number == 0:
            yield ""
        place = visible(f"{finding.file}:{finding.line}").replace("`", "'")
        words = visible(finding.message + (f" ({finding.hint})" if finding.hint else ""))
        for character in "\\<>|*_[]`":
            words = words.replace(character, f"\\{character}")
        yield f"- **{gate}** `{place}`: {words}"
