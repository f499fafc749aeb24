"""Mapping from labels to SLO, service and region, and the mistakes that a scenario can make in it."""

from __future__ import annotations

import pytest

from gameday.detect import problems
from gameday.detect.outside.label_match import Rule, meaning
from gameday.scenario.yaml_document import parse_yaml


@pytest.mark.parametrize(
    ("rules", "labels", "expected"),
    [
        ([Rule()], {"slo": "checkout", "region": "us-east"}, ("checkout", "us-east", None)),
        ([Rule()], {"alertname": "X"}, None),
        ([Rule(match={"severity": "page"}, slo="checkout")], {"severity": "pages"}, None),
        ([Rule(match={"severity": "page|critical"}, slo="a")], {"severity": "critical"}, ("a", None, None)),
        ([Rule(match={"team": ""}, slo="a")], {}, ("a", None, None)),
        (
            [Rule(match={"job": "x"}, slo="a"), Rule(slo="b", service="pricing")],
            {"region": ""},
            ("b", None, "pricing"),
        ),
    ],
)
def test_the_first_rule_that_matches_gives_the_meaning(
    rules: list[Rule], labels: dict[str, str], expected: tuple[str, str | None, str | None] | None
) -> None:
    """A pattern must match the whole value; a missing label is empty."""
    assert meaning(rules, labels) == expected


@pytest.mark.parametrize(
    ("params", "at", "message"),
    [
        ("{alerts: [{slo: chekout}]}", "chekout", "no SLO is named 'chekout'"),
        ("{alerts: [{match: {severity: '('}}]}", "'('", "isn't a regular expression"),
        ("{alerts: [{match: {severity: '(a+)+'}}]}", "'(a", "repeats a repetition"),
        ("{alerts: []}", "[]", "must not be empty"),
        ("{poll: localhost:9093}", "localhost", "isn't the address of a server"),
        ("{poll: 'http://u:p@host'}", "'http", "isn't the address of a server"),
        ("{poll: 'http://h', every: 10ms}", "10ms", "0.1"),
        ("{listen: '0.0.0.0:9099'}", "'0", "listen needs a token"),
        ("{listen: '9099', tokenEnv: T}", "'9099", "isn't an address to listen on"),
        ("{tokenEnv: 'my token'}", "'my", ""),
        ("{mach: {}}", "mach", "unknown key 'mach'"),
    ],
)
def test_mistakes_are_located(params: str, at: str, message: str) -> None:
    """Each mistake of a scenario's parameters is one problem at its place."""
    line = f"detectors: [{{detector: alertmanager, params: {params}}}]"
    (problem,) = problems(parse_yaml(f"slos: [{{name: checkout}}]\n{line}\n", "x.yaml"))
    assert message in problem.message
    assert (problem.line, problem.column) == (2, line.index(at) + 1)
