"""Gates in words: what each found in each change, and what would have stopped a change that shipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gameday.analysis.model.event_models import GateFinding, GateResult
from gameday_reports.run_page.run_data import Run

RESULTS = {"passed": "passed", "blocked": "blocked", "needs-approval": "needs approval"}


@dataclass(frozen=True)
class GateRow:
    """One gate for one change. `marked`: it found something; `findings` are one line each."""

    release: str
    gate: str
    result: str
    took: str
    findings: tuple[str, ...]
    marked: bool


def gates(run: Run) -> list[GateRow]:
    """Return a row for each gate and change, in the order in which they were judged."""
    return [
        GateRow(
            release=gate.release or gate.change,
            gate=gate.gate,
            result=_result(gate),
            took="" if gate.took_s is None else f"{1000 * gate.took_s:.1f} ms",
            findings=tuple(sentence(finding) for finding in gate.findings),
            marked=gate.result != "passed",
        )
        for gate in run.outcome.gates
    ]


def conclusion(run: Run) -> str:
    """Return what the gates did: which changes they refused, and what would have stopped those that they let pass."""
    stopped, warned = stopping(run.outcome.gates, "block"), stopping(run.outcome.gates, "warn")
    shipped = {name: gates for name, gates in warned.items() if name not in stopped}
    sentences = [f"{name} was refused by {_join(gates)}." for name, gates in stopped.items()]
    sentences += [
        f"{name} shipped, since the gates only warn: in mode block, {_join(gates)} would have stopped it."
        for name, gates in shipped.items()
    ]
    return " ".join(sentences) or "Every gate let every change pass."


def stopping(results: tuple[GateResult, ...], mode: str) -> Mapping[str, list[str]]:
    """Return release → the gates of that mode that found something in it."""
    by_release: dict[str, list[str]] = {}
    for gate in results:
        if gate.mode == mode and gate.result != "passed":
            by_release.setdefault(gate.release or gate.change, []).append(gate.gate)
    return by_release


def sentence(finding: GateFinding) -> str:
    """Return a finding with its place: `release.yaml:5: no owner of pricing has approved (ask pricing-owner)`."""
    place = f"{finding.file}:{finding.line}: " if finding.file else ""
    return f"{place}{finding.message}" + (f" ({finding.hint})" if finding.hint else "")


def _result(gate: GateResult) -> str:
    result = RESULTS[gate.result]
    return f"{result}; only warns" if gate.mode == "warn" and gate.result != "passed" else result


def _join(names: list[str]) -> str:
    """Return `the gates a, b and c`."""
    if len(names) == 1:
        return f"the gate {names[0]}"
    return f"the gates {', '.join(names[:-1])} and {names[-1]}"
