"""What CI servers read: one JUnit suite a scenario, a test case for the verdict and one for each expectation.

The names of cases never change from run to run, so that a server can follow each over time. What failed stands in an
attribute and in the text as well, for GitLab and Jenkins show the one, GitHub's actions the other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as Xml

from gameday.analysis.model.event_models import Expectation
from gameday.analysis.model.outcome_model import Outcome

_UNWRITABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
STATES = {"fail": "failure", "inconclusive": "skipped", "error": "error", False: "failure", None: "skipped"}


def junit(outcome: Outcome) -> str:
    """Return the XML of a run. What couldn't be judged is skipped, with the reason; a tool error is an error."""
    run = outcome.run
    suite = Xml.Element("testsuite", name=run.scenario, time=_time(run.duration_s), id=run.id)
    if run.started:
        suite.set("timestamp", run.started)
    _case(suite, run.scenario, "verdict", outcome.verdict, outcome.reasons)
    for expectation in outcome.expectations:
        values = ", ".join(f"{name}={_shown(expectation, name)}" for name in expectation.values)
        _case(suite, run.scenario, expectation.expr, expectation.holds, [values])
    _count(suite, [suite])
    return _text(suite)


def junit_suite(suite: Mapping[str, Any]) -> str:
    """XML text of "gameday/suite/v1": a JUnit suite for each scenario, and one more for the gate of a baseline.

    A case stands for all trials: it fails where one of them failed, and the text names which and why.
    """
    root = Xml.Element(
        "testsuites", name="gameday", id=str(suite.get("id")), time=_time(suite.get("duration_s"))
    )
    for each in suite["scenarios"]:
        _scenario(root, each, suite)
    if suite["baseline"]:
        _gate(root, suite["baseline"])
    _count(root, root.findall("testsuite"))
    return _text(root)


def _scenario(root: Xml.Element, each: Mapping[str, Any], suite: Mapping[str, Any]) -> None:
    took = sum(run["duration_s"] or 0.0 for run in each["runs"])
    name, about = _clean(each["scenario"]), {"file": _clean(str(each["path"]))}
    found = Xml.SubElement(
        root, "testsuite", name=name, time=_time(took), hostname=_clean(str(suite.get("host")))
    )
    if each["runs"] and each["runs"][0]["started"]:
        found.set("timestamp", str(each["runs"][0]["started"]))
    home = f"gameday.{name}"
    _case(found, home, "verdict", each["verdict"], each["reasons"], time=_time(took), **about)
    for expected in each["expectations"]:
        state = False if expected["failed"] else None if expected["unknown"] or not expected["held"] else True
        said = [
            f"{one['run']}: {one['values']}"
            for one in expected["said"]
            if state is None or one["holds"] is False
        ]
        n = expected["held"] + expected["failed"] + expected["unknown"]
        shared = [f"{len(said)} of {n} trials"] if n > 1 and said else []
        _case(found, home, expected["expr"], state, [*shared, *said], time=_time(0), **about)
    _count(found, [found])


def _gate(root: Xml.Element, gate: Mapping[str, Any]) -> None:
    """A case for each scenario that was compared; where it was another machine, each is skipped."""
    found = Xml.SubElement(root, "testsuite", name="baseline", time=_time(0))
    compared = gate["comparison"]
    for each in compared["scenarios"]:
        state = (
            {"too-few": None, "no-regression": True}.get(each["verdict"], False) if gate["judged"] else None
        )
        own = [reason for reason in compared["reasons"] if reason.startswith(f"{each['scenario']}: ")]
        said = own if gate["judged"] else [*gate["reasons"], *gate["commands"]]
        _case(found, "gameday.baseline", each["scenario"], state, said, time=_time(0))
    for name in compared["missing"]["new"]:
        _case(found, "gameday.baseline", name, None, ["there is no run of it to compare"], time=_time(0))
    _count(found, [found])


def _count(element: Xml.Element, suites: Sequence[Xml.Element]) -> None:
    for state, plural in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        element.set(plural, str(sum(len(each.findall(f"testcase/{state}")) for each in suites)))
    element.set("tests", str(sum(len(each.findall("testcase")) for each in suites)))


def _case(
    suite: Xml.Element, home: str, name: str, state: Any, said: Sequence[str], **attributes: str
) -> None:
    about = {"classname": _clean(home), "name": _clean(name), **attributes}
    case = Xml.SubElement(suite, "testcase", about)
    if state in STATES:
        why = Xml.SubElement(case, STATES[state], message=_clean("; ".join(said)))
        why.text = _clean("\n".join(said))


def _text(element: Xml.Element) -> str:
    Xml.indent(element)
    return Xml.tostring(element, encoding="unicode", xml_declaration=False) + "\n"


def _time(seconds: Any) -> str:
    return f"{seconds or 0:.3f}"


def _shown(expectation: Expectation, name: str) -> str:
    return str(expectation.states.get(name) or expectation.values[name])


def _clean(text: str) -> str:
    """XML has no way to write most control characters."""
    return _UNWRITABLE.sub("\ufffd", text)
