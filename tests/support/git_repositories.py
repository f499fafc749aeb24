"""Small git repositories: `main` with owners and a policy, and a branch `change` to commit to."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

BY_HAND = "AI-Assisted: none"
BY_AI = f"AI-Assisted: code-assistant/large-2\nPrompt-Hash: sha256:{'a' * 64}"
POLICY = """\
rules:
  - name: together
    message: schema and auth together
    deny: change.kind == "schema" && in_flight.auth > 0
    examples:
      - {denied: true, change: {kind: schema}, in_flight: {auth: 1}}
      - {denied: false, change: {kind: schema}}
  - name: peak
    message: peak
    deny: state.load > 1.5
    examples:
      - {denied: true, state: {load: 2}}
      - {denied: false}
"""
START = {
    "CODEOWNERS": "* @web-owner\n/mine/ dev@example.com @web-owner2\n",
    "policies/own.yaml": POLICY,
    "web/app.py": "x = 1\n",
}
IDENTITY = (
    "-c",
    "user.name=Dev",
    "-c",
    "user.email=dev@example.com",
    "-c",
    "commit.gpgSign=false",
    "-c",
    "core.hooksPath=",
)


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-C", str(folder), *IDENTITY, *arguments], check=True, capture_output=True, timeout=60
    )


def commit(folder: Path, files: Mapping[str, str], message: str) -> None:
    """Write the files and commit them."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


def repository(folder: Path) -> Path:
    """Make the repository and return its folder; `change` is checked out."""
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    commit(folder, START, "Start")
    git(folder, "checkout", "-q", "-b", "change")
    return folder
