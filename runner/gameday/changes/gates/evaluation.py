"""Evaluation of a change by gates: each is timed, and its findings decide if the change may ship."""

from __future__ import annotations

import itertools
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gameday import registries
from gameday.changes.gates.gate import Finding, GateContext, Proposal
from gameday.ports import PortError

Mode = Literal["block", "warn"]
Result = Literal["passed", "blocked", "needs-approval"]
MOST = 50
"""Findings of one gate that are kept."""


@dataclass(frozen=True)
class Evaluation:
    """The result of one gate for one change. `took_s`: seconds."""

    gate: str
    mode: Mode
    findings: tuple[Finding, ...]
    took_s: float

    @property
    def result(self) -> Result:
        """Return blocked if a finding can't be approved, needs-approval if each can be, passed if there is none."""
        if not self.findings:
            return "passed"
        return "needs-approval" if all(finding.approval for finding in self.findings) else "blocked"

    @property
    def roles(self) -> tuple[str, ...]:
        """Return the roles whose approval would let the change pass, each once."""
        return tuple(dict.fromkeys(finding.approval for finding in self.findings if finding.approval))

    def without(self, roles: Collection[str]) -> Evaluation:
        """Return the evaluation without the findings that these roles have approved."""
        return replace(
            self, findings=tuple(finding for finding in self.findings if finding.approval not in roles)
        )

    @property
    def stops(self) -> bool:
        """Return True if the change can't ship as it is."""
        return self.mode == "block" and self.result != "passed"


def _findings(name: str, proposal: Proposal, context: GateContext) -> tuple[Finding, ...]:
    """Return what a gate finds. A gate that can't judge, such as for want of a package, finds that: it never passes."""
    try:
        return _kept(registries.GATES[name].check(proposal, context))
    except PortError as error:
        return (Finding(str(error), proposal.statement),)
    except Exception as error:
        return (Finding(f"the gate {name} failed: {type(error).__name__}: {error}", proposal.statement),)


def _kept(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return at most MOST findings that decide as all of them do: those that nobody may approve, then one of each role."""
    every = list(findings)
    blocking = [finding for finding in every if not finding.approval]
    roles = list({finding.approval: finding for finding in reversed(every) if finding.approval}.values())
    first = dict.fromkeys((*blocking[:1], *roles[: MOST - 1], *every))
    kept = set(itertools.islice(first, MOST))
    return tuple(finding for finding in dict.fromkeys(every) if finding in kept)


def evaluate(
    proposal: Proposal, context: GateContext, gates: Sequence[str], modes: dict[str, Mode]
) -> tuple[Evaluation, ...]:
    """Return the evaluation by each of the gates. `modes`: gate → mode, block unless named."""
    evaluations = []
    for name in gates:
        begun = time.perf_counter()
        findings = _findings(name, proposal, context)
        took = round(time.perf_counter() - begun, 6)
        evaluations.append(Evaluation(name, modes.get(name, "block"), findings, took))
    return tuple(evaluations)
