"""Tests of JUnit documents, as CI servers read them."""

from __future__ import annotations

import re
from math import inf
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from gameday.analysis import measure
from gameday.analysis.model.suite_model import Suite
from gameday.analysis.outcome.junit import junit, junit_suite
from tests.support.documents import baseline, gate
from tests.support.run_folders import Story, failing, steadily, write
from tests.support.suites import SIX, entry, made

ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {
        *("name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp", "hostname", "id"),
        *("package", "file", "log", "url"),
    },
    "testcase": {"name", "time", "classname", "group"},
    **{state: {"type", "message"} for state in ("failure", "error", "skipped")},
}
"""What the schema of Jenkins' xUnit plugin (junit-10.xsd), the strictest in use, allows."""
NEEDED = {"testsuite": {"name", "tests", "failures", "errors"}, "testcase": {"name"}}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testsuite", "testcase", "properties", "system-out", "system-err"},
    "testcase": {"failure", "error", "skipped", "system-out", "system-err"},
}


def violations(text: str) -> list[str]:
    """Return what of the file the strictest schema doesn't allow."""
    wrong = []
    for element in Xml.fromstring(text).iter():
        wrong += [f"{element.tag}@{name}" for name in set(element.keys()) - ATTRIBUTES[element.tag]]
        wrong += [
            f"{element.tag} without {name}" for name in NEEDED.get(element.tag, set()) - set(element.keys())
        ]
        wrong += [f"{element.tag}/{child.tag}" for child in element if child.tag not in CHILDREN[element.tag]]
        time = element.get("time")
        if time is not None and not re.fullmatch(r"[0-9]+\.[0-9]{3}", time):
            wrong.append(f"time {time}")
    return wrong


def suite(folder: Path, story: Story, **scenario: Any) -> Xml.Element:
    text = junit(measure(write(folder / "run", story, failing(steadily(), 20.0, 30.0), **scenario)))
    assert violations(text) == []
    return Xml.fromstring(text)


def test_every_expectation_is_a_case(tmp_path: Path) -> None:
    """The verdict and each expectation are a case; false fails, unknown is skipped, each with its
    values."""
    story = Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0).finish()
    suites = suite(tmp_path, story, expect=["ttd < 5s", "ttr < 9s && 1 < 2", "audit.lost == 0"])
    cases = {case.get("name"): case for case in suites}
    assert list(cases) == ["verdict", "ttd < 5s", "ttr < 9s && 1 < 2", "audit.lost == 0"]
    assert len(cases["ttd < 5s"]) == 0
    assert [(child.tag, child.get("message")) for child in cases["ttr < 9s && 1 < 2"]] == [
        ("failure", "ttr=10.0")
    ]
    assert [(child.tag, child.get("message")) for child in cases["audit.lost == 0"]] == [
        ("skipped", "audit.lost=not_measured")
    ]
    assert cases["verdict"][0].tag == "failure"
    assert [suites.get(key) for key in ("tests", "failures", "errors", "skipped")] == ["4", "2", "0", "1"]


def test_an_error_of_the_tool_is_an_error(tmp_path: Path) -> None:
    """An error of the tool is a JUnit error with its reason; characters that XML can't hold are
    replaced."""
    story = Story().begin().add(16.0, "run.error", where="up", why="log\x1b[31m ended").finish(16.0, "error")
    suites = suite(tmp_path, story)
    assert (suites[0][0].tag, suites[0][0].get("message")) == ("error", "up: log\\x1b[31m ended")


def test_a_stop_fails_the_verdicts_case(tmp_path: Path) -> None:
    """A stop fails the verdict's case, with the abort condition and its values."""
    story = (
        Story().begin().deploy(18.0, 19.0).add(26.0, "run.stopped", expr="alerts > 3", values={"alerts": 4.0})
    )
    suites = suite(tmp_path, story.finish(26.0, "stopped"), expect=["1 < 2"])
    message = 'stopped by its abort condition "alerts > 3" at 26.0 s (alerts = 4)'
    assert [(child.tag, child.get("message")) for child in suites[0]] == [("failure", message)]


def of_suite(**given: Any) -> dict[str, Xml.Element]:
    """Return the JUnit suites of three scenarios: one passed, one failed in a trial, one never ran."""
    late = entry("late", [], trials=1, missing="time was up")
    text = junit_suite(Suite.model_validate(made(entry(), entry("lost", [5.0, inf]), late, **given)))
    assert violations(text) == []
    root = Xml.fromstring(text)
    assert [root.get(key) for key in ("tests", "failures", "errors")] == [
        str(sum(int(child.get(key, "0")) for child in root)) for key in ("tests", "failures", "errors")
    ]
    return {str(child.get("name")): child for child in root}


def test_a_suite_has_a_junit_suite_for_each_scenario() -> None:
    """A case covers all trials under a constant name; a scenario that never ran is skipped and is
    no pass."""
    suites = of_suite()
    assert [len(suites["bad-deploy"].findall(f"testcase/{state}")) for state in ("failure", "skipped")] == [
        0,
        0,
    ]
    verdict, expected = suites["lost"]
    assert (verdict.get("classname"), verdict.get("name")) == ("gameday.lost", "verdict")
    assert suites["lost"].get("file") == "scenarios/lost.yaml"
    assert expected[0].tag == "failure"
    assert expected[0].get("message") == expected[0].text.replace("\n", "; ")  # type: ignore[union-attr]
    assert expected[0].get("message") == "1 of 2 trials; lost-1: ttr = censored"
    assert [case[0].tag for case in suites["late"]] == ["skipped"]


def test_a_baseline_has_a_case_for_each_scenario() -> None:
    """A regression fails with its shift and p; on another machine all cases are skipped, with
    commands to run."""
    base = baseline(made(entry()))
    slower = made(entry(ttrs=[1.5 * child for child in SIX]))
    cases = of_suite(gate=gate(slower, base))["baseline"]
    assert [(case.get("name"), case[0].tag) for case in cases] == [("bad-deploy", "failure")]
    assert (
        "recovery 2.5 s slower (+50 %); detection unchanged; p = 0.0014 over 2 tests; open bad-deploy-0"
        in str(cases[0][0].get("message"))
    )
    elsewhere = of_suite(gate=gate(slower, base | {"substrate": "docker"}))["baseline"]
    assert elsewhere[0][0].tag == "skipped"
    assert "--interleave" in str(elsewhere[0][0].text)


def test_a_long_message_is_cut_and_says_so(tmp_path: Path) -> None:
    """A message has at most 64 KB, so that a CI server shows the file."""
    story = Story().begin().add(16.0, "run.error", where="up", why="x" * 1_000_000).finish(16.0, "error")
    suites = suite(tmp_path, story)
    message = str(suites[0][0].get("message"))
    assert len(message) < 66_000
    assert message.endswith("more characters)")


def test_class_names_are_alike_in_a_run_and_in_a_suite(tmp_path: Path) -> None:
    """A server follows a scenario under one name, whether it ran alone or in a suite."""
    story = Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0).finish()
    alone = suite(tmp_path, story)
    assert {case.get("classname") for case in alone} == {f"gameday.{alone.get('name')}"}
    assert {case.get("classname") for case in of_suite()["lost"]} == {"gameday.lost"}


def test_an_absolute_path_is_not_in_the_file() -> None:
    """The path of a scenario means something on another machine."""
    path = "/home/ada/venv/site-packages/gameday/_bundled/scenarios/control/far.yaml"
    document = made(entry("far"))
    document["scenarios"][0]["path"] = path
    root = Xml.fromstring(junit_suite(Suite.model_validate(document)))
    assert root[0].get("file") == "scenarios/control/far.yaml"
