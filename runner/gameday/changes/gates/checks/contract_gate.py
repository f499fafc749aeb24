"""Gate `contract`: an instance of the new release keeps to the service's OpenAPI contract, asked by schemathesis."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gameday.changes.gates.gate import Finding, Gate, GateContext, Proposal
from gameday.host.child_python import child_command, minimal_environment
from gameday.ports import PortError

TIMEOUT_S = 120.0
EXAMPLES = "5"
"""Random requests of each operation, beside those at the limits of its parameters."""
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance"
)
ENDED = (0, 1)
"""Exit statuses of a run that came to its end."""
SHOWN = 20
"""Findings of one release, at most."""


def check(proposal: Proposal, context: GateContext) -> Iterator[Finding]:
    """Yield a finding for each way in which an operation breaks the contract. Raise PortError if it can't be asked."""
    if find_spec("schemathesis") is None:
        raise PortError("the gate contract needs schemathesis: pip install 'gameday-runner[gates]'")
    if context.instances is None:
        raise PortError("the gate contract needs a system whose releases can be started beside it")
    path = context.instances.contract(proposal.service)
    with context.instances.running(proposal.name) as (url,):
        broken = _violations(path, url)
    if not broken:
        return
    with context.instances.running(proposal.previous) as (url,):
        known = _violations(path, url)
    shown = context.instances.shown(path)
    file, line = proposal.first_change()
    for message in broken[:SHOWN]:
        if message in known:
            hint = "mend the contract, or the running release, before anything else ships"
            yield Finding(f"{proposal.previous} breaks it already: {message}", shown, 1, hint)
        else:
            yield Finding(f"breaks the contract: {message}", file, line, f"the contract is {shown}")


def _violations(contract: Path, url: str) -> list[str]:
    """Return what schemathesis finds at that URL, each once. Raise PortError if it fails, or asks nothing."""
    with tempfile.TemporaryDirectory(prefix="gameday-gate-") as name:
        report = Path(name) / "report.ndjson"
        options = [
            *("--url", url, "--phases", "examples,coverage,fuzzing", "--checks", CHECKS),
            *("--max-examples", EXAMPLES, "--mode", "all", "--generation-deterministic", "--no-color"),
            *("--continue-on-failure", "--request-timeout", "60"),
            *("--report", "ndjson", "--report-ndjson-path", str(report)),
        ]
        try:
            done = subprocess.run(
                child_command("-m", "schemathesis.cli", "run", str(contract), *options),
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                cwd=name,
                check=False,
                env=minimal_environment(),
            )
            lines = report.read_text(encoding="utf-8").splitlines() if report.exists() else []
            return violations(
                [json.loads(line) for line in lines], done.returncode, done.stdout + done.stderr
            )
        except (subprocess.TimeoutExpired, ValueError, OSError) as error:
            raise PortError(f"the gate contract: schemathesis failed: {error}") from error


def violations(events: list[Any], status: int, output: str) -> list[str]:
    """Return the failures of schemathesis' events, each once. Raise PortError if it came to no end, or asked nothing."""
    checks = [check for event in events for check in _checks(event)]
    if status not in ENDED or not checks:
        raise PortError(
            f"the gate contract: schemathesis asked nothing (exit status {status}): {output[-300:].strip()}"
        )
    failures = (check["failure_info"]["failure"] for check in checks if check["status"] == "failure")
    return list(dict.fromkeys(_said(failure) for failure in failures))


def _checks(event: Any) -> Iterator[Any]:
    recorder = event.get("ScenarioFinished", {}).get("recorder", {})
    for checks in recorder.get("checks", {}).values():
        yield from checks


def _said(failure: Any) -> str:
    """Return `GET /prices: "currency" is a required property` of a failure."""
    first = str(failure.get("message") or "").split("\n", 1)[0].strip() or failure["title"]
    return f"{failure['operation']}: {first}"


GATE = Gate(
    "contract",
    "a release started beside the running one keeps to its OpenAPI contract",
    check,
    needs_system=True,
)
