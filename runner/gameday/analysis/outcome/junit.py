"""JUnit XML for CI servers: a suite for each scenario, a test case for the verdict and one for each expectation.

The names of cases don't change from run to run, so that a server can follow each over time. The reason of a failure is
both an attribute and text, since GitLab and Jenkins show the one, GitHub's actions the other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as Xml

from gameday.analysis.model.baseline_model import Gate
from gameday.analysis.model.comparison_model import ScenarioJudgement
from gameday.analysis.model.event_models import Expectation
from gameday.analysis.model.outcome_model import Outcome
from gameday.analysis.model.result_file import Verdict
from gameday.analysis.model.suite_model import Suite, SuiteScenario
from gameday.recording.printable_text import visible

_UNWRITABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
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
    suite = Xml.Element("testsuite", name=run.scenario, time=_time(run.duration_s), id=run.id)
    if run.started:
        suite.set("timestamp", run.started)
    _case(suite, run.scenario, "verdict", outcome.verdict, outcome.reasons)
    for expectation in outcome.expectations:
        values = ", ".join(f"{name}={_shown(expectation, name)}" for name in expectation.values)
        _case(suite, run.scenario, expectation.expr, expectation.holds, [values])
    _count(suite, [suite])
    return _text(suite)


def junit_suite(suite: Suite) -> str:
    """Return the XML of a suite: a JUnit suite for each scenario, and one more for the gate of a baseline.

    A case stands for all trials: it fails if one of them failed, and its text names which and why.
    """
    root = Xml.Element("testsuites", name="gameday", id=suite.id, time=_time(suite.duration_s))
    for scenario in suite.scenarios:
        _scenario(root, scenario, suite)
    if suite.baseline:
        _gate(root, suite.baseline)
    _count(root, root.findall("testsuite"))
    return _text(root)


def _scenario(root: Xml.Element, scenario: SuiteScenario, suite: Suite) -> None:
    took = sum(run.duration_s or 0.0 for run in scenario.runs)
    name, file = _clean(scenario.scenario), {"file": _clean(scenario.path)}
    element = Xml.SubElement(root, "testsuite", name=name, time=_time(took), hostname=_clean(str(suite.host)))
    if scenario.runs and scenario.runs[0].started:
        element.set("timestamp", scenario.runs[0].started)
    classname = f"gameday.{name}"
    _case(element, classname, "verdict", scenario.verdict, scenario.reasons, time=_time(took), **file)
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
        _case(element, classname, expectation.expr, state, [*share, *trials], time=_time(0), **file)
    _count(element, [element])


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
    _count(element, [element])


def _count(element: Xml.Element, suites: Sequence[Xml.Element]) -> None:
    for state, plural in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
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


def _text(element: Xml.Element) -> str:
    Xml.indent(element)
    return Xml.tostring(element, encoding="unicode", xml_declaration=False) + "\n"


def _time(seconds: float | None) -> str:
    return f"{seconds or 0:.3f}"


def _shown(expectation: Expectation, name: str) -> str:
    return str(expectation.states.get(name) or expectation.values[name])


def _clean(text: str) -> str:
    """Return the text with control characters as escapes; replace what else XML has no way to write."""
    return _UNWRITABLE.sub("\ufffd", visible(text))
