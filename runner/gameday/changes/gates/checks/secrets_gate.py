"""Gate `secrets`: no secret in what a change adds, nor in the prompt that it states."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from gameday.changes.change_identity import Ai
from gameday.changes.gates.checks.needed_package import needed
from gameday.changes.gates.gate import Finding, Gate, GateContext, Proposal
from gameday.recording import atomic_file

HINT = "remove it, and revoke it: everyone who saw the change has it"


def check(proposal: Proposal, context: GateContext) -> Iterator[Finding]:
    """Yield a finding for each line with a secret. Raise PortError if detect-secrets isn't installed."""
    for file in proposal.files:
        lines = [line.text for line in file.added]
        for index, kind in _secrets(lines, Path(file.path).suffix):
            path = f"{proposal.root}/{file.path}" if proposal.root else file.path
            yield Finding(f"{kind} in an added line", path, file.added[index].number, HINT)
    texts = (("ai.prompt", "the prompt", proposal.ai.prompt if isinstance(proposal.ai, Ai) else ""),)
    for key, what, text in (*texts, ("task", "the task", proposal.task)):
        for _, kind in _secrets(text.split("\n"), ".txt"):
            line = proposal.line_of(key, key.split(".")[0])
            yield Finding(f"{kind} in {what}", proposal.statement, line, HINT)


def _secrets(lines: Sequence[str], suffix: str) -> Iterator[tuple[int, str]]:
    """Yield (index of the line, kind of secret), at most one a line, as detect-secrets finds them in a file."""
    if not any(line.strip() for line in lines):
        return
    scan = needed("detect_secrets.core.scan", "secrets", "detect-secrets")
    settings = needed("detect_secrets.settings", "secrets", "detect-secrets")
    types = needed("detect_secrets.util.filetype", "secrets", "detect-secrets")
    with tempfile.TemporaryDirectory(prefix="gameday-gate-") as folder:
        parsed = types.determine_file_type(f"added{suffix}") is not types.FileType.OTHER
        name = f"added{suffix if parsed else '.txt'}"  # detect-secrets would skip some others, such as .svg
        path = Path(folder, name)
        atomic_file.write(path, "\n".join(lines))
        with settings.default_settings():
            secrets = {secret.line_number - 1: secret.type for secret in scan.scan_file(str(path))}
    yield from sorted(secrets.items())


GATE = Gate("secrets", "no secret in added lines, prompt and task", check)
