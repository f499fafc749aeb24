"""GitHub workflows, read as GitHub reads them: jobs, steps and their environment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
VARIABLE = re.compile(r"\$\{?([A-Z_]+)\}?")
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


def read(path: Path) -> dict[str, Any]:
    workflow: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return workflow


def environment(
    workflow: Mapping[str, Any], job: Mapping[str, Any], step: Mapping[str, Any]
) -> dict[str, str]:
    """Return a step's environment; the innermost value of a variable applies."""
    return {
        key: str(value) for level in (workflow, job, step) for key, value in (level.get("env") or {}).items()
    }


def scripts(workflow: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (job, script) of every step with a script, its variables filled in."""
    for name, job in workflow["jobs"].items():
        for step in job["steps"]:
            variables = environment(workflow, job, step)
            script = str(step.get("run", ""))
            if script:
                yield name, VARIABLE.sub(lambda match, known=variables: known.get(match[1], match[0]), script)  # type: ignore[misc]
