"""Scenarios of one's own system: errors are located, and what is valid is read with absolute paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from gameday.execution import library
from gameday.scenario.yaml_document import Invalid
from tests.support.own_application import SCENARIO
from tests.support.scenarios import read

TEXT = SCENARIO.replace("PORT", "8080")


def problems(text: str, tmp_path: Path) -> list[str]:
    """Return the problems of a scenario as `line:column message`."""
    with pytest.raises(Invalid) as error:
        read(text, tmp_path)
    return [f"{problem.line}:{problem.column} {problem.message}" for problem in error.value.problems]


def test_a_scenario_of_an_own_system_is_read(tmp_path: Path) -> None:
    """It has one region, its journeys are the load, and its commands run in its folder."""
    scenario = read(TEXT, tmp_path)
    assert scenario.system.regions == ("local",)
    assert scenario.load.journeys == {"look": 1.0}
    assert scenario.system.folder == str(tmp_path)
    assert library.topology(scenario).places("web")[0].release == "v1"


def test_validate_says_ok_and_show_prints_it(tmp_path: Path) -> None:
    """The commands that read a scenario take one of an own system, with its warnings."""
    from click.testing import CliRunner

    from gameday.cli import gameday

    path = tmp_path / "own.yaml"
    path.write_text(TEXT, encoding="utf-8")
    for command in ("validate", "show"):
        result = CliRunner().invoke(gameday, [command, str(path)])
        assert (result.exit_code, result.exception) == (0, None), result.output
    assert CliRunner().invoke(gameday, ["validate", str(path)]).output == f"{path}: ok\n"


def test_the_resolved_scenario_reads_back_to_itself(tmp_path: Path) -> None:
    """What a run writes into its folder is the same scenario."""
    import yaml

    scenario = read(TEXT, tmp_path)
    (tmp_path / "again.yaml").write_text(
        yaml.safe_dump(scenario.document(), sort_keys=False), encoding="utf-8"
    )
    assert library.read(tmp_path / "again.yaml") == scenario


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1:8080", "7:22 '127.0.0.1:8080' isn't a URL"),
        ("http://127.0.0.1:8080", "http://x/api", "7:22 must be scheme, host and port only"),
        (
            '${release} > release"]\n  roll',
            '${tag} > release"]\n  roll',
            "9:11 uses ${tag}, which isn't a variable of",
        ),
        ("that: body.ok", "that: body.ok ==", "14:80 isn't a CEL expression"),
        ("that: body.ok", "that: bodi.ok", "14:80 unknown name 'bodi'"),
        ("/item/${id}", "/item/${ip}", "13:5 step item uses ${ip}, which no earlier step saves"),
        ("sli: availability,", "sli: availability, journey: buy,", "unknown journey 'buy'"),
        (
            "deploy: {release: v2,",
            "region.lose: {region: local,",
            "region.lose can't act on an external system",
        ),
        (
            '  rollback: [sh, -c, "sleep 2; echo ${release} > release"]\n',
            "",
            "nothing says how this is rolled back",
        ),
        ("  external: {", "  topology: storefront\n  external: {", "has topology and external"),
        ("  external: {", "  port: 8080\n  external: {", "port and replication belong to the storefront"),
        ("  look:\n", "  look:\n    data: voters.csv\n", "can't be read: No such file"),
        ("journey: look}", "journey: lok}", "there is no journey 'lok'"),
        ("journey: look}", "journey: look, id: key}", "no step of look saves 'key'"),
    ],
)
def test_bad_input_is_located(tmp_path: Path, before: str, after: str, problem: str) -> None:
    """Each mistake is one problem at its line, in words."""
    assert before in TEXT
    found = problems(TEXT.replace(before, after), tmp_path)
    assert any(problem in text for text in found), found


def test_keys_of_own_systems_are_refused_for_the_storefront(tmp_path: Path) -> None:
    """A deploy by command, or an entry, belongs to a system of one's own."""
    from tests.support.scenarios import SMALL

    text = SMALL.replace("{release: gateway-1.1.0}", "{release: gateway-1.1.0, command: [x]}")
    assert "command is for a system of one's own" in problems(text, tmp_path)[0]
    text = SMALL.replace("slos:", "system: {entry: http://x}\nslos:")
    assert "entry belongs to a system of one's own" in problems(text, tmp_path)[0]


def test_correctness_needs_an_expectation(tmp_path: Path) -> None:
    """Without an expectation of answers there is no correctness, so that such an SLO is a problem of the file."""
    text = TEXT.replace(", expect: {status: 200, that: body.ok}", "").replace(
        "sli: availability", "sli: correctness"
    )
    assert "no step of its journeys says what a right answer is" in problems(text, tmp_path)[0]


def test_data_lacks_a_column(tmp_path: Path) -> None:
    """A placeholder of a column that the data doesn't have is a problem at the data."""
    (tmp_path / "voters.csv").write_text("town\nOslo\n", encoding="utf-8")
    text = TEXT.replace("  look:\n", "  look:\n    data: voters.csv\n").replace(
        "path: /,", 'path: "/${data.name}",'
    )
    assert "has no column 'name'" in problems(text, tmp_path)[0]
