"""Tests of SARIF, annotations and Markdown, and of the command that writes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sarif_pydantic
from click.testing import CliRunner

from gameday.changes.gates.evaluation import Evaluation
from gameday.changes.gates.gate import Finding
from gameday.changes.repository.finding_formats import markdown, sarif, workflow_commands
from gameday.changes.repository.repository_gates import Result
from gameday.cli.guardrails.gate_command import gate
from gameday.ports import PortError
from gameday.scenario.yaml_document import Invalid
from tests.support.git_repositories import BY_HAND, commit, repository

ODD = Finding("50 % of\nx::y <b>|", "a b/c,d.py", 0, "do `that`", "owner")
RESULT = Result(1, 1, 2, (Evaluation("size", "block", (ODD,), 0.1), Evaluation("policy", "block", (), 0.1)))


def test_sarif_is_valid_and_located() -> None:
    """A log by the 2.1.0 model: a rule for each gate, lines from 1 on, addresses escaped."""
    log = sarif(RESULT)
    sarif_pydantic.Sarif.model_validate(json.loads(json.dumps(log)))
    (run,) = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["size", "policy"]
    (result,) = run["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "a%20b/c,d.py"}, "region": {"startLine": 1}}
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("size", 0, "warning")


def test_annotations_and_markdown_escape_what_a_change_says() -> None:
    """A finding can't end its command or its line, nor bring markup."""
    (line,) = workflow_commands(RESULT)
    assert line == "::error file=a b/c%2Cd.py,line=1,title=gate size::50 %25 of%0Ax::y <b>|%0Ado `that`"
    text = markdown(RESULT)
    assert "| size | **needs approval** | 1 |" in text
    assert "\\<b\\>\\|" in text
    assert "| policy | passed | 0 |" in text


@pytest.mark.parametrize(("message", "status"), [(f"Good\n\n{BY_HAND}", 0), ("Bad", 1)])
def test_the_exit_status_says_if_a_gate_stopped(
    message: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0 if every gate passes, 1 if one finds something; the files are written in both cases."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    folder = repository(tmp_path / "repository")
    commit(folder, {"web/app.py": "x = 2\n"}, message)
    files = [str(tmp_path / name) for name in ("gates.sarif", "gates.md")]
    words = ["--repository", str(folder), "--approved-by", "@web-owner", "--head", "change"]
    done = CliRunner().invoke(
        gate, [*words, "--sarif", files[0], "--markdown", files[1]], standalone_mode=False
    )
    assert done.return_value == status
    assert ("::error file=web/app.py,line=1,title=gate trailers::" in done.output) == bool(status)
    assert done.output.rstrip().endswith("stopped by trailers" if status else "every gate passes")
    sarif_pydantic.Sarif.model_validate_json(Path(files[0]).read_text())
    assert "## Gates" in Path(files[1]).read_text()


def test_a_wrong_revision_is_an_invalid_input(tmp_path: Path) -> None:
    """The command passes the error on, which main turns into exit status 2, or 4 without git."""
    words = ["--repository", str(repository(tmp_path / "r")), "--base", "gone"]
    done = CliRunner().invoke(gate, words, standalone_mode=False)
    assert isinstance(done.exception, Invalid)
    assert not isinstance(done.exception, PortError)
