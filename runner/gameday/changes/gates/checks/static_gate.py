"""Gate `static`: ruff finds no error and bandit no weakness in the lines that a change adds to Python files."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gameday.changes.gates.gate import Finding, Gate, GateContext, Proposal
from gameday.host.child_python import child_command, minimal_environment
from gameday.ports import PortError
from gameday.recording import atomic_file

TIMEOUT_S = 60.0
RULES = "E9,F63,F7,F82,F811,B006,B023,PLE"
"""What ruff selects: errors, never style."""
SEVERE = ("MEDIUM", "HIGH")


def check(proposal: Proposal, context: GateContext) -> Iterator[Finding]:
    """Yield a finding for each error in an added line. Raise PortError if ruff or bandit isn't installed or fails."""
    added = {
        file.path: {line.number for line in file.added}
        for file in proposal.files
        if file.path.endswith(".py") and file.path in proposal.contents
    }
    if not added:
        return
    with tempfile.TemporaryDirectory(prefix="gameday-gate-") as name:
        folder = Path(name)
        for path in added:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            atomic_file.write(target, proposal.contents[path])
        for path, line, message in (*_ruff(folder), *_bandit(folder, added)):
            line = _lines_of_git(proposal.contents.get(path, ""))[line]
            if line in added.get(path, ()):
                shown = f"{proposal.root}/{path}" if proposal.root else path
                yield Finding(message, shown, line)


def _lines_of_git(text: str) -> dict[int, int]:
    """Return git's number of each line as ruff and bandit count, for whom a lone carriage return ends one too."""
    numbers, number = [1], 1
    for match in re.finditer(r"\r\n|\r|\n", text):
        number += match[0] != "\r"
        numbers.append(number)
    return defaultdict(lambda: number, enumerate(numbers, 1))


def _ruff(folder: Path) -> Iterator[tuple[str, int, str]]:
    """Yield (path, line, message) of each error that ruff finds."""
    options = [
        "check",
        "--isolated",
        "--no-cache",
        "--exit-zero",
        "--output-format",
        "json",
        "--select",
        RULES,
    ]
    for item in _json("ruff", [*options, str(folder)], folder):
        path = str(Path(item["filename"]).relative_to(folder.resolve()))
        yield path, item["location"]["row"], f"{item['message']} (ruff {item['code']})"


def _bandit(folder: Path, paths: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    """Yield (path, line, message) of each weakness of medium or high severity that bandit finds."""
    options = ["--format", "json", "--quiet", "--exit-zero", *(str(folder / path) for path in paths)]
    for item in _json("bandit", options, folder)["results"]:
        if item["issue_severity"] in SEVERE:
            path = str(Path(item["filename"]).relative_to(folder))
            yield path, item["line_number"], f"{item['issue_text']} (bandit {item['test_id']})"


def _json(program: str, options: list[str], folder: Path) -> Any:
    """Return what a program prints as JSON. Raise PortError if it isn't installed, hangs or prints none."""
    if find_spec(program) is None:
        raise PortError(f"the gate static needs {program}: pip install 'gameday-runner[gates]'")
    command = child_command("-m", program, *options)
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            cwd=folder,
            check=False,
            env=minimal_environment(),
        )
        return json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError, OSError) as error:
        raise PortError(f"the gate static: {program} failed: {error}") from error


GATE = Gate("static", "ruff and bandit find no error in added lines of Python", check)
