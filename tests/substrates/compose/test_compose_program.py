"""Compose's own program reads a stranger's project; the override adds labels and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gameday.host.user_command import run_command
from gameday.ports import PortError
from gameday.scenario.own.own_system import ComposeFiles
from gameday.substrates.compose import compose_program as module
from gameday.substrates.compose.compose_program import labels_only, project_command, read_project
from tests.support.compose_projects import FILES, PROJECTS

LABELS = {"gameday.run": "r1"}


def has_program() -> bool:
    """Return True if Compose 2 or newer is installed."""
    try:
        module.compose_program()
    except PortError:
        return False
    return True


needs_compose = pytest.mark.skipif(not has_program(), reason="Compose 2 isn't installed")


def without_labels(project: Any) -> Any:
    """Return a project without the label of the run."""
    for kind in ("services", "networks", "volumes"):
        for content in (project.get(kind) or {}).values():
            if content and content.get("labels"):
                assert content["labels"].pop("gameday.run") == "r1"
                if not content["labels"]:
                    del content["labels"]
    return project


@needs_compose
@pytest.mark.parametrize("name", PROJECTS)
def test_the_override_adds_labels_and_nothing_else(name: str, tmp_path: Path) -> None:
    """Compose's normal form of the project with the override is the project's own, but for the labels."""
    spec, folder = PROJECTS[name], FILES / name
    project = read_project(spec, folder)
    override = tmp_path / "labels.json"
    override.write_text(json.dumps(labels_only(project, LABELS)), encoding="utf-8")
    command = [*project_command(spec, folder, override), "config", "--format", "json"]
    labelled = json.loads(run_command(command, 60, folder))
    assert [name for name, one in labelled["services"].items() if "gameday.run" not in one["labels"]] == []
    assert without_labels(labelled) == project


@needs_compose
def test_a_project_that_cannot_be_read_is_told_in_composes_words(tmp_path: Path) -> None:
    """The error holds what Compose says, with the file."""
    (tmp_path / "compose.yaml").write_text("services:\n  web: {imagge: x}\n", encoding="utf-8")
    with pytest.raises(PortError, match=r"the Compose project can't be read: .*imagge"):
        read_project(ComposeFiles(), tmp_path)
    with pytest.raises(PortError, match=r"the Compose project can't be read: .*nowhere\.yaml"):
        read_project(ComposeFiles(files=("nowhere.yaml",)), tmp_path)


def test_external_networks_and_volumes_get_no_label() -> None:
    """What isn't the project's own isn't touched."""
    project = {
        "services": {"web": {}},
        "networks": {"default": None, "shared": {"external": True}},
        "volumes": {"shared": {"external": True}},
    }
    assert labels_only(project, LABELS) == {
        "services": {"web": {"labels": LABELS}},
        "networks": {"default": {"labels": LABELS}},
    }


def test_without_compose_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose 1 doesn't count."""
    module.compose_program.cache_clear()
    monkeypatch.setattr(module, "run_command", lambda *arguments: "1.29.2\n")
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/docker-compose")
    with pytest.raises(PortError, match=r"pip install 'gameday-runner\[compose\]'"):
        module.compose_program()
    module.compose_program.cache_clear()
