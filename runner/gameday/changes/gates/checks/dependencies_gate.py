"""Gate `dependencies`: a change of dependencies changes the lock file too, and pins every requirement."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from gameday.changes.gates.gate import Finding, Gate, GateContext, Proposal

LOCKS = {
    "pyproject.toml": ("uv.lock", "poetry.lock", "pdm.lock", "requirements.txt"),
    "package.json": ("package-lock.json", "yarn.lock", "pnpm-lock.yaml"),
    "go.mod": ("go.sum",),
    "Cargo.toml": ("Cargo.lock",),
    "Gemfile": ("Gemfile.lock",),
}
"""Manifest → lock files of which one has to change with it."""
REQUIREMENTS = re.compile(r"^requirements[\w.-]*\.txt$")
DEPENDENCY = {
    "pyproject.toml": re.compile(
        r"""^\s*["'][A-Za-z0-9][\w.-]*(\[[^\]]*\])?\s*([<>=!~@;].*)?["'],?\s*(#.*)?$"""
    ),
    "package.json": re.compile(r'^\s*"[^"]+"\s*:\s*"[\^~<>=v*\d].*"'),
    "go.mod": re.compile(r"^\s*(require\s+)?\S+\.\S+\s+v\d"),
    "Cargo.toml": re.compile(r'^\s*[\w-]+\s*=\s*("[\^~=<>\d]|\{.*version)'),
    "Gemfile": re.compile(r"^\s*gem\s"),
}
PIN = re.compile(r"==|@\s*\S+|^-|^\s*(#|$)")


def check(proposal: Proposal, context: GateContext) -> Iterator[Finding]:
    """Yield a finding for each dependency without its lock, and for each requirement without an exact version."""
    changed = {file.path for file in proposal.files}
    for file in proposal.files:
        path = PurePosixPath(file.path)
        shown = f"{proposal.root}/{file.path}" if proposal.root else file.path
        if path.name in LOCKS:
            lines = [line for line in (*file.added, *file.removed) if DEPENDENCY[path.name].match(line.text)]
            if lines and not any(str(path.with_name(lock)) in changed for lock in LOCKS[path.name]):
                locks = ", ".join(LOCKS[path.name])
                message = "dependencies changed and no lock file beside it did"
                yield Finding(message, shown, lines[0].number, f"change one of {locks} in the same change")
        elif REQUIREMENTS.match(path.name):
            for line in file.added:
                if not PIN.search(line.text):
                    message = f"requirement {line.text.strip()[:80]!r} isn't pinned"
                    yield Finding(message, shown, line.number, "write name==version")


GATE = Gate("dependencies", "lock files follow manifests, and requirements are pinned", check)
