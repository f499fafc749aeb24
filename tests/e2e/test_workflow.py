"""The example workflow for GitHub: its steps in order, in a fresh clone, with the real commands.

GitHub's own actions are simulated as far as the steps need them; an unknown action or expression
fails the test. REPEAT, which the workflow documents, is 1 unless GAMEDAY_WORKFLOW_REPEAT is set:
then nothing can be judged, and the gate has to say so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.github_workflow import EXPRESSION, ROOT, environment, read
from tests.support.nonempty_all import nonempty_all

pytestmark = [pytest.mark.full, pytest.mark.timeout(3600)]
STEP_S = 1500.0
REPEAT = os.environ.get("GAMEDAY_WORKFLOW_REPEAT", "1")
EXPRESSIONS = {
    "github.base_ref": "base",
    "github.ref": "refs/pull/1/merge",
    "github.event_name": "pull_request",
}


@dataclass
class Runner:
    """A runner of GitHub's, as far as a job's steps see it; `statuses` by a step's name."""

    room: Path
    workflow: Mapping[str, Any]
    job: Mapping[str, Any]
    statuses: dict[str, int] = field(default_factory=dict)
    printed: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.room / "clone"

    def run(self) -> None:
        for step in self.job["steps"]:
            broken = any(self.statuses.values())
            if not broken or step.get("if") == "always()":
                self.step(step)

    def step(self, step: Mapping[str, Any]) -> None:
        if "run" in step:
            self.script(step)
        else:
            action = step["uses"].partition("@")[0]
            actions = {
                "actions/checkout": self.checkout,
                "actions/setup-python": lambda given: None,  # the Python that runs this test
                "actions/upload-artifact": self.upload,
            }
            actions[action](step.get("with") or {})

    def checkout(self, given: Mapping[str, Any]) -> None:
        """Check out the base, which is this tree as well: both sides have the same code."""
        if "ref" in given:
            assert filled(given["ref"]) == EXPRESSIONS["github.base_ref"]
        into = self.home / given.get("path", "")
        subprocess.run(["git", "clone", "-q", str(ROOT), str(into)], check=True, timeout=120)

    def upload(self, given: Mapping[str, Any]) -> None:
        for line in given["path"].split():
            assert (self.home / line).exists(), line

    def script(self, step: Mapping[str, Any]) -> None:
        """Run the script as GitHub does: by a bash that stops at the first error, in the checkout."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        given = environment(self.workflow, self.job, step)
        assert "REPEAT" in given
        github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(self.room / "summary.md")}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", filled(step["run"])],
            cwd=self.home,
            env={**os.environ, **given, **github, "REPEAT": REPEAT, "PATH": path},
            capture_output=True,
            text=True,
            timeout=STEP_S,
            check=False,
        )
        self.statuses[step["name"]] = done.returncode
        self.printed[step["name"]] = done.stdout + done.stderr
        print(f"=== {step['name']}: {done.returncode}\n{self.printed[step['name']][-4000:]}")  # noqa: T201  (if it fails)


def filled(text: str) -> str:
    """Return the text with GitHub's expressions evaluated. Raise KeyError for an unknown one."""
    return EXPRESSION.sub(lambda suite: EXPRESSIONS[suite[1]], text)


def test_the_gate_runs_as_it_stands_in_the_example(room: Path) -> None:
    """Code before and after is installed, measured and compared; one trial each can't be judged:
    status 3, never 0."""
    workflow = read(ROOT / ".github/workflows/resilience.yml")
    runner = Runner(room, workflow, workflow["jobs"]["gate"])
    runner.run()
    before, after = "Measure the code before", "Measure the code after, and compare"
    assert set(runner.statuses) == {"Install", "Look at the machine", before, after}
    assert runner.statuses.pop(after) == (0 if int(REPEAT) >= 6 else 3)
    assert set(runner.statuses.values()) == {0}
    baseline = json.loads((runner.home / "baseline.json").read_text(encoding="utf-8"))
    (page,) = (runner.home / "runs/after").glob("*-suite/suite.json")
    suite = json.loads(page.read_text(encoding="utf-8"))
    families = {Path(scenario["path"]).parent.name for scenario in suite["scenarios"]}
    assert families == {"bad-deploy", "region", "dependency"}
    assert set(baseline["scenarios"]) == {entry["scenario"] for entry in suite["scenarios"]}
    assert [entry["verdict"] for entry in suite["scenarios"]] == ["pass"] * 3, suite["reasons"]
    assert nonempty_all(entry["n"] == int(REPEAT) for entry in suite["scenarios"])
    assert suite["baseline"]["judged"] or "machine" in suite["baseline"]["reasons"][0]
    if int(REPEAT) < 6:
        assert suite["baseline"]["verdict"] == "inconclusive"
    summary = (room / "summary.md").read_text(encoding="utf-8")
    assert summary.count("game day suite, 3 scenarios") == 2
    assert "Against the baseline" in summary
