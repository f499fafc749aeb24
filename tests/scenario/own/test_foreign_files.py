"""Files of other tools are recognised at their place, with advice; scenarios never are."""

from __future__ import annotations

from pathlib import Path

import pytest

from gameday.execution import library
from gameday.scenario.own.foreign_files import recognise_foreign_file
from gameday.scenario.yaml_document import Invalid
from gameday.topology import bundled
from tests.support.paths import ROOT

EXPERIMENT = """\
{
  "version": "1.0.0",
  "title": "Does the shop survive?",
  "description": "One instance dies.",
  "steady-state-hypothesis": {"title": "It answers", "probes": []},
  "method": [
    {"type": "action", "name": "kill", "provider": {"type": "process", "path": "pkill"}}
  ],
  "rollbacks": []
}
"""
EXPERIMENT_YAML = """\
title: Does the shop survive?
description: One instance dies.
method:
  - {type: action, name: kill, provider: {type: process, path: pkill}}
"""
ENGINE = """\
# Two documents, which a scenario can't be.
apiVersion: litmuschaos.io/v1alpha1
kind: ChaosEngine
metadata: {name: pod-delete}
---
apiVersion: v1
kind: ServiceAccount
"""
WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
spec:
  templates:
    - inputs:
        artifacts:
          - raw:
              data: |
                apiVersion: litmuschaos.io/v1alpha1
"""
K6 = """\
import http from 'k6/http';
export default function () { http.get('http://127.0.0.1:8080/'); }
"""
FOREIGN = {
    "experiment.json": (EXPERIMENT, 6, "a Chaos Toolkit experiment", "slos"),
    "experiment.yaml": (EXPERIMENT_YAML, 3, "a Chaos Toolkit experiment", "revert"),
    "engine.yaml": (ENGINE, 2, "a Litmus file", "kubectl, apply"),
    "mesh.yaml": (
        "kind: PodChaos\napiVersion: chaos-mesh.org/v1alpha1\n",
        2,
        "a Chaos Mesh file",
        "kubectl, delete",
    ),
    "workflow.json": ('{"apiVersion": "argoproj.io/v1alpha1"}', 1, "an Argo workflow", "kubectl, create"),
    "load.js": (K6, 1, "a k6 script", "journeys"),
    "old.js": ('const k6 = require("k6");\n', 1, "a k6 script", "journeys"),
    "locustfile.py": ('"""Users."""\nfrom locust import HttpUser\n', 2, "a locustfile", "journeys"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_of_another_tool_is_named_with_what_to_do(name: str, tmp_path: Path) -> None:
    """There is one problem, at the line that gives the tool away."""
    text, line, tool, advice = FOREIGN[name]
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Invalid) as caught:
        library.read(path)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (str(path), line)
    assert problem.message.startswith(f"is {tool}")
    assert advice in problem.hint


def test_a_workflow_is_not_taken_for_what_it_holds() -> None:
    """Text deeper in a file of another tool doesn't decide, unless nothing else does."""
    problem = recognise_foreign_file(WORKFLOW, "workflow.yaml")
    assert problem is not None
    assert "Argo" in problem.message
    assert problem.line == 1


def test_no_scenario_is_taken_for_a_file_of_another_tool() -> None:
    """Neither one of the library or the examples, nor one that lacks its apiVersion or quotes another tool."""
    files = [*bundled.scenarios().rglob("*.yaml"), *(ROOT / "examples").rglob("*.yaml")]
    texts = [path.read_text(encoding="utf-8") for path in files]
    assert len(texts) > 20
    for text in texts:
        assert recognise_foreign_file(text, "x") is None
        assert recognise_foreign_file(text.replace("apiVersion: gameday/v1\n", ""), "x") is None
    quoting = "apiVersion: gameday/v1\nstory: |\n  We import http from 'k6/http'.\n"
    assert recognise_foreign_file(quoting, "x") is None
