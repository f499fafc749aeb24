"""The outcome for a CI server: one JUnit suite a run, a test case for the verdict and one for each expectation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as Xml

_UNWRITABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
STATES = {"fail": "failure", "inconclusive": "skipped", "error": "error", False: "failure", None: "skipped"}


def junit(outcome: Mapping[str, Any]) -> str:
    """XML text. What couldn't be judged is skipped, with the reason; an error of the tool is an error."""
    run = outcome["run"]
    suite = Xml.Element("testsuite", name=run["scenario"], time=f"{run['duration_s']:.3f}", id=run["id"])
    if run["started"]:
        suite.set("timestamp", str(run["started"]))
    _case(suite, run["scenario"], "verdict", outcome["verdict"], "; ".join(outcome["reasons"]))
    for each in outcome["expectations"]:
        values = ", ".join(f"{name}={_shown(each, name)}" for name in each["values"])
        _case(suite, run["scenario"], each["expr"], each["holds"], values)
    for state in ("failure", "error", "skipped"):
        plural = {"failure": "failures", "error": "errors", "skipped": "skipped"}[state]
        suite.set(plural, str(len(suite.findall(f"testcase/{state}"))))
    suite.set("tests", str(len(suite.findall("testcase"))))
    Xml.indent(suite)
    return Xml.tostring(suite, encoding="unicode", xml_declaration=False) + "\n"


def _case(suite: Xml.Element, scenario: str, name: str, state: Any, message: str) -> None:
    case = Xml.SubElement(suite, "testcase", classname=_clean(scenario), name=_clean(name))
    if state in STATES:
        Xml.SubElement(case, STATES[state], message=_clean(message))


def _shown(expectation: Mapping[str, Any], name: str) -> str:
    return str(expectation["states"].get(name) or expectation["values"][name])


def _clean(text: str) -> str:
    """XML has no way to write most control characters."""
    return _UNWRITABLE.sub("\ufffd", text)
