"""`gameday init` and `discover`: what they write is valid, and what they say of a project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gameday.cli import gameday
from gameday.execution import library
from gameday.ports import PortError
from gameday.scenario import Scenario
from gameday.substrates.compose.compose_program import compose_program
from tests.support.paths import ROOT

SMALL = ROOT / "tests/compose-files/small/compose.yaml"


def written(folder: Path) -> dict[str, Scenario]:
    """Return the scenarios in a folder by name of file; each is valid."""
    return {path.name: library.read(path) for path in sorted(folder.glob("*.yaml"))}


@pytest.fixture
def _compose() -> None:
    try:
        compose_program()
    except PortError as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("_compose")
def test_a_compose_file_gives_three_scenarios(tmp_path: Path) -> None:
    """The busiest service is killed, what the entry needs hangs, and the entry gets a bad setting."""
    out = tmp_path / "gameday"
    result = CliRunner().invoke(gameday, ["init", "--compose", str(SMALL), "--out", str(out)])
    assert result.exit_code == 0, result.output
    scenarios = written(out)
    assert set(scenarios) == {"bad-deploy-web.yaml", "freeze-api.yaml", "kill-api.yaml"}
    entry = scenarios["kill-api.yaml"].system.entry
    assert not isinstance(entry, str | None)
    assert (entry.service, entry.port) == ("web", 8000)
    again = CliRunner().invoke(gameday, ["init", "--compose", str(SMALL), "--out", str(out)])
    assert (again.exit_code, "--force replaces it" in again.output) == (1, True)


def test_a_url_gives_scenarios_with_journeys_of_its_openapi_document(tmp_path: Path) -> None:
    """Paths that need no parameter become journeys."""
    document = tmp_path / "openapi.json"
    required = [{"name": "q", "in": "query", "required": True}]
    paths = {"/items": {"get": {}}, "/items/{id}": {"get": {}}, "/search": {"get": {"parameters": required}}}
    document.write_text(
        json.dumps({"openapi": "3.1.0", "paths": {**paths, "/": {"get": {}}}}), encoding="utf-8"
    )
    out = tmp_path / "gameday"
    command = ["init", "--url", "http://127.0.0.1:8080/", "--openapi", str(document), "--out", str(out)]
    assert CliRunner().invoke(gameday, command).exit_code == 0
    scenarios = written(out)
    assert set(scenarios) == {"baseline.yaml", "surge.yaml"}
    assert set(scenarios["surge.yaml"].journeys) == {"items", "home"}


def test_without_flags_it_asks_for_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder without a Compose file the URL is asked for."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(gameday, ["init"], input="http://127.0.0.1:8080\n")
    assert (result.exit_code, set(written(tmp_path / "gameday"))) == (0, {"baseline.yaml", "surge.yaml"})


@pytest.mark.parametrize("text", ["[1]", "{", "paths: {/x/{id}: {get: {}}}"])
def test_a_document_that_offers_nothing_is_refused(tmp_path: Path, text: str) -> None:
    """The file is named."""
    document = tmp_path / "openapi.yaml"
    document.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(gameday, ["init", "--url", "http://x", "--openapi", str(document)])
    assert (result.exit_code, str(document) in result.output) == (1, True)


@pytest.mark.usefixtures("_compose")
def test_discover_lists_services_ports_and_links() -> None:
    """A link shows in depends_on or in the environment."""
    result = CliRunner().invoke(gameday, ["discover", "--compose", str(SMALL)])
    assert "web  gameday-python:bookworm  ports 8000  -> api" in result.output


def test_a_url_that_is_none_leaves_no_file(tmp_path: Path) -> None:
    """What can't be read again isn't left for the next try to stumble over."""
    out = tmp_path / "gameday"
    result = CliRunner().invoke(gameday, ["init", "--url", "foo", "--out", str(out)])
    assert result.exit_code != 0
    assert list(out.iterdir()) == []


def test_each_path_of_a_document_has_a_journey(tmp_path: Path) -> None:
    """Paths that differ in punctuation alone are all kept; parameters that are no list are ignored."""
    document = tmp_path / "openapi.json"
    paths = {"/a-b": {"get": {}}, "/a/b": {"get": {"parameters": 5}}, "/a_b": {"parameters": "x", "get": {}}}
    document.write_text(json.dumps({"paths": paths}), encoding="utf-8")
    words = [
        "init",
        "--url",
        "http://127.0.0.1:8080",
        "--openapi",
        str(document),
        "--out",
        str(tmp_path / "new"),
    ]
    assert CliRunner().invoke(gameday, words).exit_code == 0
    journeys = written(tmp_path / "new")["baseline.yaml"].journeys
    assert sorted(journey.steps[0].path for journey in journeys.values()) == ["/a-b", "/a/b", "/a_b"]
