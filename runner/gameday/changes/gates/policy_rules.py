"""Policy rules: CEL expressions in YAML that deny a change, each with examples that are its own tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gameday.analysis.expressions.expectations import Parsed, check, parse, program
from gameday.changes.gates.policy_language import NAMES, PLAIN, POLICY
from gameday.scenario.yaml_document import Document, Invalid, Problem, nearest, read_yaml, validate


class Section(BaseModel):
    """Base of the sections of a policy file: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Example(Section):
    """A test of a rule: values that replace those of a harmless change, and if the rule then denies it."""

    denied: bool
    change: Mapping[str, Any] = Field(default={})
    diff: Mapping[str, Any] = Field(default={})
    impact: Mapping[str, Any] = Field(default={})
    state: Mapping[str, Any] = Field(default={})
    in_flight: Mapping[str, Any] = Field(default={})

    def values(self) -> dict[str, Any]:
        """Return the value of every name."""
        return {group: {**plain, **_numbers(getattr(self, group))} for group, plain in PLAIN.items()}


class RuleSpec(Section):
    """One rule. `approval`: the role whose approval lets a denied change pass; without it the rule blocks."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")
    message: str
    hint: str = ""
    deny: str
    approval: str = ""
    examples: tuple[Example, ...] = Field(min_length=2, max_length=50)


class PolicyFile(Section):
    """The content of a policy file."""

    rules: tuple[RuleSpec, ...] = Field(min_length=1, max_length=50)


@dataclass(frozen=True)
class Rule:
    """A rule with the place at which it is written."""

    spec: RuleSpec
    file: str
    line: int

    @cached_property
    def parsed(self) -> Parsed:
        return parse(self.spec.deny, POLICY)

    def denies(self, values: Mapping[str, Any]) -> bool | None:
        """Return True if the rule denies a change; None if a value that it needs isn't known."""
        result = program(self.parsed)(values)
        return result if isinstance(result, bool) else None

    @property
    def needs_state(self) -> bool:
        """Return True if the rule looks at the running system."""
        return any(path[0] in ("state", "impact") for path in self.parsed.used)


def policy_files(paths: Sequence[Path]) -> list[Path]:
    """Return the policy files among paths and in folders. Raise Invalid if there is none."""
    files: list[Path] = []
    for path in paths:
        inside = sorted([*path.glob("*.yaml"), *path.glob("*.yml")]) if path.is_dir() else [path]
        if not inside:
            raise Invalid([Problem(str(path), 0, 0, "has no policy file", "policies are *.yaml")])
        files += inside
    return files


def read_rules(paths: Sequence[Path]) -> tuple[Rule, ...]:
    """Return the rules of files and folders. Raise Invalid with every problem, failed examples included."""
    rules: list[Rule] = []
    problems: list[Problem] = []
    for path in policy_files(paths):
        try:
            rules += _read(path)
        except Invalid as error:
            problems += error.problems
    if problems:
        raise Invalid(problems)
    return tuple(rules)


def _read(path: Path) -> Iterator[Rule]:
    document = read_yaml(path)
    spec = validate(PolicyFile, document)
    problems = [
        problem for index, rule in enumerate(spec.rules) for problem in _problems(document, index, rule)
    ]
    if problems:
        raise Invalid(problems)
    for index, rule in enumerate(spec.rules):
        yield Rule(rule, document.file, document.places.get(("rules", index), (1, 1))[0])


def _problems(document: Document, index: int, rule: RuleSpec) -> Iterator[Problem]:
    """Yield a problem if the rule doesn't compile or is constant, and for each example that isn't right."""
    where = ("rules", index)
    if why := check(rule.deny, POLICY):
        message, _, hint = why.partition("\n")
        yield document.problem((*where, "deny"), message, hint)
        return
    known = Rule(rule, document.file, 1)
    for number, example in enumerate(rule.examples):
        place = (*where, "examples", number)
        unknown = [
            (group, key)
            for group, names in NAMES.items()
            for key in getattr(example, group)
            if key not in names
        ]
        for group, key in unknown:
            yield document.problem((*place, group), f"unknown name {key!r}", nearest(key, NAMES[group]))
        if not unknown and known.denies(example.values()) is not example.denied:
            result = "doesn't deny" if example.denied else "denies"
            hint = "change the rule, or the example's values or its 'denied'"
            yield document.problem(place, f"rule {rule.name} {result} this example", hint)
    if len({example.denied for example in rule.examples}) < 2:
        hint = "add an example with denied: true, and one with denied: false"
        yield document.problem((*where, "examples"), f"the examples of {rule.name} all have one result", hint)


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with numbers as CEL's doubles, which expressions compare."""
    return {
        key: float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
        for key, value in values.items()
    }
