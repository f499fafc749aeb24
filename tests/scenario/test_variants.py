"""Tests of scenario variants: what each changes, what it leaves, and the problems of a wrong matrix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from gameday.execution import library
from gameday.execution.actions import ACTIONS
from gameday.scenario import Scenario, json_schema, load
from gameday.scenario.scenario_model import Guardrails
from gameday.scenario.variants import check, expectations, variants
from gameday.scenario.yaml_document import parse_yaml
from tests.support.scenarios import SMALL

BASE = f"""{SMALL}
system: {{regions: [us-east, eu-west, me-central], replication: {{mode: sync, delay: 40ms}}}}
guardrails: {{breaker: true, retryBudget: true}}
load: {{rate: 1500/s, maxRate: 2000/s, journeys: {{browse: 6, buy: 2}}}}
respond: {{by: auto, policy: failover-then-rollback}}
"""
PAIR = "matrix:\n  with: {guardrails: {bulkhead: true}}\n  without: {guardrails: {breaker: false}}\n"


def read(text: str, tmp_path: Path) -> Scenario:
    path = tmp_path / "s.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, ACTIONS, checks=(check,))


def of(matrix: str, tmp_path: Path) -> dict[str, Scenario]:
    return dict(variants(read(BASE + matrix, tmp_path)))


def problems(matrix: str) -> list[str]:
    """Return line within `matrix` (its first is 1), column, message and hint of each problem."""
    above = BASE.count("\n")
    ordered = sorted(check(parse_yaml(BASE + matrix, "s.yaml")))
    return [f"{p.line - above}:{p.column} {p.message}" + (f" ({p.hint})" if p.hint else "") for p in ordered]


def test_a_scenario_without_a_matrix_has_no_variants(tmp_path: Path) -> None:
    """A scenario without a matrix has no variants."""
    assert list(variants(read(BASE, tmp_path))) == []
    assert problems("") == []


def test_a_variant_changes_its_keys_and_no_other(tmp_path: Path) -> None:
    """Variants come in the file's order; each is a scenario of its own, with a name of its own."""
    scenarios = of(PAIR, tmp_path)
    assert list(scenarios) == ["with", "without"]
    assert scenarios["with"].guardrails == Guardrails(breaker=True, retryBudget=True, bulkhead=True)
    assert scenarios["without"].guardrails == Guardrails(breaker=False, retryBudget=True)
    base = read(BASE, tmp_path)
    own = {
        "name": "small-without",
        "title": "A small one (without)",
        "guardrails": scenarios["without"].guardrails,
    }
    assert scenarios["without"] == base.model_copy(update=own)


def test_every_section_can_be_changed(tmp_path: Path) -> None:
    """Mappings in a section are merged key by key; `respond` and `expect` are replaced as a whole."""
    more = """matrix:
  a: {system: {replication: {mode: async}}, load: {rate: 1800/s, journeys: {login: 1}}, respond: {by: none}}
  b: {guardrails: {retry_budget: false}, expect: [ttd < 9s, ttr < 60s]}
"""
    scenarios = of(more, tmp_path)
    a, b = scenarios["a"], scenarios["b"]
    assert (a.system.replication.mode, a.system.replication.delay) == ("async", 0.04)
    assert a.system.regions == ("us-east", "eu-west", "me-central")
    assert (a.load.rate, a.load.max_rate) == (1800, 2000)
    assert a.load.journeys == {"browse": 6, "buy": 2, "login": 1}
    assert (a.respond.by, a.respond.policy) == ("none", None)
    assert a.expect == ("ttd < 5s",)
    assert b.guardrails == Guardrails(breaker=True)
    assert b.expect == ("ttd < 9s", "ttr < 60s")


def test_a_variant_is_read_back_as_it_was_run(tmp_path: Path) -> None:
    """A variant's resolved file has no matrix and reads back as the same scenario."""
    variant = of(PAIR, tmp_path)["with"]
    path = tmp_path / "with.yaml"
    path.write_text(yaml.safe_dump(variant.document()), encoding="utf-8")
    assert load(path, ACTIONS, checks=(check,)) == variant


def test_the_scenario_itself_keeps_its_matrix(tmp_path: Path) -> None:
    """The document that `gameday show` prints keeps the matrix and can be read again."""
    scenario = read(BASE + PAIR, tmp_path)
    path = tmp_path / "shown.yaml"
    path.write_text(yaml.safe_dump(scenario.document()), encoding="utf-8")
    assert load(path, ACTIONS, checks=(check,)) == scenario


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (
            "matrix: {only: {}}",
            ["1:9 a matrix has 2 to 6 variants, not 1 (for instance with and without, or off"],
        ),
        (
            "matrix:\n  a: {}\n  With Breaker: {}",
            ["3:3 'With Breaker' isn't a variant's name (lower-case letters, digits and dashes: with-"],
        ),
        (
            "matrix:\n  a: {}\n  b: {guardrail: {}}",
            ["3:7 a variant can't change 'guardrail' (did you mean 'guardrails'?"],
        ),
        (
            "matrix:\n  a: {}\n  b: {slos: []}",
            ["3:7 a variant can't change 'slos' (one of: expect, gates, guardrails, load,"],
        ),
        (
            "matrix:\n  a: {guardrails: {braker: true}}\n  b: {}",
            ["2:20 unknown key 'braker' (did you mean 'breaker'?"],
        ),
        (
            "matrix:\n  a: {load: {rate: 60}}\n  b: {system: {replication: {mode: half}}}",
            ["2:20 60 isn't a rate (write a number per", "3:36 unknown value 'half' (one of: async, sync"],
        ),
        (
            "matrix:\n  a: {load: {rate: 2100/s}}\n  b: {load: {maxRate: 1000/s}}",
            ["2:13 rate is 2100/s; it must be over 0", "3:13 rate is 1500/s; it must be over 0"],
        ),
        (
            "matrix:\n  a: {guardrails: yes}\n  b: {load: [1]}",
            ["2:19 must be a mapping", "3:13 must be a mapping"],
        ),
        (
            "matrix:\n  a: {expect: []}\n  b: {expect: [1]}",
            ["2:15 must not be empty", "3:16 must be text, not 1"],
        ),
    ],
)
def test_each_problem_is_located(matrix: str, expected: list[str]) -> None:
    """Each problem has its place, also one that only scenario and variant together cause."""
    scenarios = problems(matrix)
    assert len(scenarios) == len(expected)
    for one, start in zip(scenarios, expected, strict=True):
        assert one.startswith(start)


@pytest.mark.parametrize("matrix", ["matrix: []", "matrix: {a: 1, b: x}", "matrix: text", "matrix: {}"])
def test_a_matrix_of_no_mappings_is_left_to_the_model(matrix: str) -> None:
    """A matrix that isn't a mapping is reported by the scenario's model alone; an empty one has no
    problem."""
    assert problems(matrix) == []


def test_a_problem_of_the_scenario_itself_is_reported_once() -> None:
    """A problem of the scenario's own section isn't repeated for a variant that changes it."""
    text = BASE.replace("1500/s", "fast") + "matrix:\n  a: {load: {timeout: 1s}}\n  b: {}\n"
    assert list(check(parse_yaml(text, "s.yaml"))) == []


def test_expectations_of_variants_have_places() -> None:
    """Expectations of variants have places, so that they are checked too; values that aren't lists
    are skipped."""
    text = BASE + "matrix:\n  a: {expect: [ttd < 9s]}\n  b: {expect: 3}\n  c: 7\n"
    assert list(expectations(parse_yaml(text, "s.yaml"))) == [
        (("expect", 0), "ttd < 5s"),
        (("matrix", "a", "expect", 0), "ttd < 9s"),
    ]


def test_the_library_checks_expectations_of_variants(tmp_path: Path) -> None:
    """An unknown name in a variant's expectation is an error."""
    path = tmp_path / "s.yaml"
    path.write_text(SMALL + "matrix:\n  a: {expect: [tdd < 9s]}\n  b: {load: {rat: 1/s}}\n", encoding="utf-8")
    with pytest.raises(Exception, match=r"tdd[\s\S]*unknown key 'rat'"):
        library.read(path)


def test_editors_know_the_keys_of_a_variant() -> None:
    """The schema of a variant has the sections and nothing else."""
    schema = json_schema(ACTIONS)
    validator = jsonschema.Draft202012Validator(schema)
    document = yaml.safe_load(SMALL) | {"matrix": yaml.safe_load(PAIR)["matrix"]}
    assert list(validator.iter_errors(document)) == []
    wrongs: list[dict[str, Any]] = [{"slos": []}, {"guardrails": {"breaker": 3}}, {"expect": []}]
    for wrong in wrongs:
        document["matrix"]["with"] = wrong
        assert len(list(validator.iter_errors(document))) == 1
