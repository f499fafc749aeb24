"""JUnit XML for CI servers: a suite for each scenario, a test case for the verdict and one for each expectation.

The files are valid by the strictest schema in use, that of Jenkins' xUnit plugin (junit-10.xsd): only attributes that it
knows, and no longer message than 64 KB. The names of cases don't change from run to run, so that a server can follow each over time. The reason of a failure is
both an attribute and text, since GitLab and Jenkins show the one, GitHub's actions the other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml

from gameday.analysis.model.event_models import Expectation
from gameday.analysis.model.outcome_model import Outcome
from gameday.analysis.model.result_file import Verdict
from gameday.recording.printable_text import visible

if TYPE_CHECKING:  # the models of suites take 70 ms, which a single run needn't spend
    from gameday.analysis.model.baseline_model import Gate
    from gameday.analysis.model.comparison_model import ScenarioJudgement
    from gameday.analysis.model.suite_model import Suite, SuiteScenario

_UNWRITABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
LONGEST = 64 * 1024
"""Characters of a message; the rest is left out, and said so."""
STATES: Mapping[Verdict | bool | None, str] = {
    "fail": "failure",
    "inconclusive": "skipped",
    "error": "error",
    False: "failure",
    None: "skipped",
}
GATED: Mapping[ScenarioJudgement, bool | None] = {
    "too-few": None,
    "another-machine": None,
    "no-regression": True,
}


def junit(outcome: Outcome) -> str:
    """Return the XML of a run. What couldn't be judged is skipped, with the reason; a tool error is an error."""
    run = outcome.run
    name = _clean(run.scenario)
    suite = Xml.Element("testsuite", name=name, time=_time(run.duration_s), id=_clean(run.id))
    if run.started:
        suite.set("timestamp", _clean(run.started))
    _case(suite, f"gameday.{name}", "verdict", outcome.verdict, outcome.reasons)
    for expectation in outcome.expectations:
        values = ", ".join(f"{name}={_shown(expectation, name)}" for name in expectation.values)
        _case(suite, f"gameday.{name}", expectation.expr, expectation.holds, [values])
    _count(suite, [suite], skipped=True)
    return _text(suite)


def junit_suite(suite: Suite) -> str:
    """Return the XML of a suite: a JUnit suite for each scenario, and one more for the gate of a baseline.

    A case stands for all trials: it fails if one of them failed, and its text names which and why.
    """
    root = Xml.Element("testsuites", name="gameday", time=_time(suite.duration_s))
    for scenario in suite.scenarios:
        _scenario(root, scenario, suite)
    if suite.baseline:
        _gate(root, suite.baseline)
    _count(root, root.findall("testsuite"))
    return _text(root)


def _scenario(root: Xml.Element, scenario: SuiteScenario, suite: Suite) -> None:
    took = sum(run.duration_s or 0.0 for run in scenario.runs)
    name = _clean(scenario.scenario)
    element = Xml.SubElement(root, "testsuite", name=name, time=_time(took), hostname=_clean(str(suite.host)))
    element.set("file", _clean(_relative(scenario.path)))
    if scenario.runs and scenario.runs[0].started:
        element.set("timestamp", _clean(scenario.runs[0].started))
    classname = f"gameday.{name}"
    _case(element, classname, "verdict", scenario.verdict, scenario.reasons, time=_time(took))
    for expectation in scenario.expectations:
        unknown = expectation.unknown or not expectation.held
        state = False if expectation.failed else None if unknown else True
        trials = [
            f"{trial.run}: {trial.values}"
            for trial in expectation.unmet
            if state is None or trial.holds is False
        ]
        n = expectation.trials
        share = [f"{len(trials)} of {n} trials"] if n > 1 and trials else []
        _case(element, classname, expectation.expr, state, [*share, *trials], time=_time(0))
    _count(element, [element], skipped=True)


def _gate(root: Xml.Element, gate: Gate) -> None:
    """Add a case for each scenario that was compared; all are skipped if it was another machine."""
    element = Xml.SubElement(root, "testsuite", name="baseline", time=_time(0))
    comparison = gate.comparison
    for scenario in comparison.scenarios:
        state = GATED.get(scenario.verdict, False) if gate.judged else None
        own = [reason for reason in comparison.reasons if reason.startswith(f"{scenario.scenario}: ")]
        reasons = own if gate.judged else [*gate.reasons, *gate.commands]
        _case(element, "gameday.baseline", scenario.scenario, state, reasons, time=_time(0))
    for name in comparison.missing.new:
        _case(element, "gameday.baseline", name, None, ["there is no run of it to compare"], time=_time(0))
    _count(element, [element], skipped=True)


def _count(element: Xml.Element, suites: Sequence[Xml.Element], *, skipped: bool = False) -> None:
    """Set the counts of the element; the schema allows that of skipped cases on a suite alone."""
    counts = [("failure", "failures"), ("error", "errors"), *([("skipped", "skipped")] if skipped else [])]
    for state, plural in counts:
        element.set(plural, str(sum(len(suite.findall(f"testcase/{state}")) for suite in suites)))
    element.set("tests", str(sum(len(suite.findall("testcase")) for suite in suites)))


def _case(
    suite: Xml.Element,
    classname: str,
    name: str,
    state: Verdict | bool | None,
    reasons: Sequence[str],
    **attributes: str,
) -> None:
    case = Xml.SubElement(
        suite, "testcase", {"classname": _clean(classname), "name": _clean(name), **attributes}
    )
    if state in STATES:
        problem = Xml.SubElement(case, STATES[state], message=_clean("; ".join(reasons)))
        problem.text = _clean("\n".join(reasons))


def _relative(path: str) -> str:
    """Return a path that means something on another machine: an absolute one is cut to family and file."""
    parts = PurePosixPath(path)
    return "/".join(parts.parts[-3:]) if parts.is_absolute() else path


def _text(element: Xml.Element) -> str:
    Xml.indent(element)
    return Xml.tostring(element, encoding="unicode", xml_declaration=False) + "\n"


def _time(seconds: float | None) -> str:
    return f"{seconds or 0:.3f}"


def _shown(expectation: Expectation, name: str) -> str:
    return str(expectation.states.get(name) or expectation.values[name])


def _clean(text: str) -> str:
    """Return the text with control characters as escapes; replace what else XML has no way to write."""
    shown = _UNWRITABLE.sub("\ufffd", visible(text))
    if len(shown) > LONGEST:
        return f"{shown[:LONGEST]}… ({len(shown) - LONGEST} more characters)"
    return shown
