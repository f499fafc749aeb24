"""JUnit as CI servers read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from runner.measure import measure
from runner.measure.junit import junit
from tests.measure.folders import Story, failing, steadily, write


def suite(folder: Path, story: Story, **scenario: Any) -> Xml.Element:
    return Xml.fromstring(junit(measure(write(folder / "run", story, failing(steadily(), 20.0, 30.0), **scenario))))


def test_every_expectation_is_a_case(tmp_path: Path) -> None:
    """One case for the verdict, one an expectation; false fails, unknown is skipped, each with its values."""
    story = Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0).finish()
    found = suite(tmp_path, story, expect=["ttd < 5s", "ttr < 9s && 1 < 2", "audit.lost == 0"])
    cases = {case.get("name"): case for case in found}
    assert list(cases) == ["verdict", "ttd < 5s", "ttr < 9s && 1 < 2", "audit.lost == 0"]
    assert len(cases["ttd < 5s"]) == 0
    assert [(each.tag, each.get("message")) for each in cases["ttr < 9s && 1 < 2"]] == [("failure", "ttr=10.0")]
    assert [(each.tag, each.get("message")) for each in cases["audit.lost == 0"]] == [
        ("skipped", "audit.lost=not_measured")
    ]
    assert cases["verdict"][0].tag == "failure"
    assert [found.get(key) for key in ("tests", "failures", "errors", "skipped")] == ["4", "2", "0", "1"]


def test_an_error_of_the_tool_is_an_error(tmp_path: Path) -> None:
    """With its reason; characters that XML can't hold are replaced."""
    story = Story().begin().add(16.0, "run.error", where="up", why="log\x1b[31m ended").finish(16.0, "error")
    found = suite(tmp_path, story)
    assert (found[0][0].tag, found[0][0].get("message")) == ("error", "up: log\ufffd[31m ended")
