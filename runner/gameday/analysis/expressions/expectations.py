"""Expressions of a scenario, in CEL with units: expectations and abort conditions. A result is true, false or unknown.

The names are those of `vocabulary`. An unmeasured value is left out of the activation, so that CEL reports an error for
it: `||` and `&&` absorb the error if the other side decides, anything else becomes unknown. Names are checked before,
so such an error never means a typo.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gameday.analysis.expressions.constant_check import refuse_constant_comparisons, refuse_constant_result
from gameday.analysis.expressions.cost_limits import refuse_costly
from gameday.analysis.expressions.literals import ExpressionError, UnitError, rewrite
from gameday.analysis.expressions.name_check import NameCheck
from gameday.analysis.expressions.vocabulary import (
    ANY,
    EXPECT,
    Language,
    Path,
    Tree,
    lookup,
    spell,
    state_of,
    values_of,
)

if TYPE_CHECKING:
    from lark import Tree as Node

    from gameday.analysis.model.event_models import Expectation
    from gameday.analysis.model.outcome_model import Measurements


@dataclass(frozen=True)
class Parsed:
    """A checked expression: the CEL tree, and the names that it uses, in order of their first use."""

    tree: Node[Any]
    used: tuple[Path, ...]
    language: Language = EXPECT

    @property
    def words(self) -> frozenset[str]:
        """Return every name and text in the expression; values under other names aren't needed to
        evaluate it."""
        return frozenset(str(token).strip("\"'") for token in self.tree.scan_values(lambda token: True))


def check(expression: str, language: Language = EXPECT, **chosen: Sequence[str] | None) -> str | None:
    """Return the problem of an expression, as 'message\\nhint'; None if it is valid. Needs no run.

    `chosen`: the names that the scenario gave to its `slos`, `detectors`, …; they are checked only if given.
    """
    try:
        parsed = parse(expression, language, **chosen)
        for sample in (True, False):
            _try(parsed, sample)
        refuse_constant_comparisons(parsed.tree, language, rewrite(expression).origin_of)
        refuse_constant_result(program(parsed), parsed.used, parsed.tree, language)
    except (ExpressionError, UnitError) as error:
        message, _, hint = str(error).partition("\n")
        return f"{message}, at character {error.at + 1} of {expression!r}" + (f"\n{hint}" if hint else "")
    return None


def evaluate(expression: str, measurements: Measurements) -> Expectation:
    """Evaluate an expectation and return the outcome's entry for it.

    A value that is unmeasured or infinite is None there, and its state says which.
    """
    from gameday.analysis.model.event_models import Expectation

    parsed = parse(expression)
    tree = values_of(measurements)
    holds = program(parsed)(tree)
    values = {spell(path): lookup(tree, path) for path in parsed.used}
    return Expectation(
        expr=expression,
        holds=holds if isinstance(holds, bool) else None,
        values={name: None if value == math.inf else value for name, value in values.items()},
        states={spell(path): state for path in parsed.used if (state := _state(measurements, path, tree))},
    )


def parse(expression: str, language: Language = EXPECT, **chosen: Sequence[str] | None) -> Parsed:
    """Parse and check an expression. Raise ExpressionError or UnitError."""
    import celpy
    from celpy.celparser import CELParseError

    refuse_costly(expression)
    text = rewrite(expression)
    try:
        tree = celpy.Environment().compile(text.text)
    except CELParseError as error:
        at = text.origin(text.offset(error.line or 1, error.column or 1))
        raise ExpressionError(
            "isn't a CEL expression",
            min(at, len(expression)),
            _cure(expression) or f"for instance: {language.example}",
        ) from error
    names = NameCheck(text, language, chosen)
    return Parsed(tree, tuple(dict.fromkeys(names.of(tree, frozenset()))), language)


_CURES = (
    (re.compile(r"(?<![=!<>])=(?!=)"), "write == to compare"),
    (re.compile(r"\band\b", re.IGNORECASE), 'write && for "and"'),
    (re.compile(r"\bor\b", re.IGNORECASE), 'write || for "or"'),
    (re.compile(r"\bnot\b", re.IGNORECASE), 'write ! for "not"'),
    (re.compile(r"<>"), "write != for unequal"),
)


def _cure(expression: str) -> str:
    """Return a hint for words and signs of other languages; empty if there is none. Quoted text isn't looked at."""
    bare = re.sub(r"\"[^\"]*\"|'[^']*'", '""', expression)
    return ", ".join(cure for pattern, cure in _CURES if pattern.search(bare))


def program(parsed: Parsed) -> Callable[[Tree], Any]:
    """Compile an expression once, to be evaluated on many trees.

    The result of an evaluation is a bool, another value, or the CELEvalError that means unknown.
    """
    import celpy
    from celpy.evaluation import CELEvalError

    compiled = celpy.Environment().program(parsed.tree)

    def run(tree: Tree) -> Any:
        try:
            result = compiled.evaluate(_activation(tree))
        except CELEvalError as error:
            return error
        return bool(result) if isinstance(result, celpy.celtypes.BoolType) else result

    return run


def _activation(tree: Tree) -> dict[str, Any]:
    """Return the CEL values of everything known; the unknown is left out."""
    return {name: _cel(value) for name, value in tree.items() if value is not None}


def _cel(value: Any) -> Any:
    from celpy import celtypes

    if isinstance(value, Mapping):
        known = {name: each for name, each in value.items() if each is not None}
        return celtypes.MapType({celtypes.StringType(name): _cel(each) for name, each in known.items()})
    if isinstance(value, bool):
        return celtypes.BoolType(value)
    return celtypes.StringType(value) if isinstance(value, str) else celtypes.DoubleType(value)


def _try(parsed: Parsed, sample: bool) -> None:
    """Evaluate the expression on made-up values of the right types, so that a wrong type shows before any run."""
    blank = {float: 1.0, bool: sample, str: "ok"}

    def fill(known: Any, names: Sequence[str]) -> Any:
        if not isinstance(known, Mapping):
            return blank[known]
        return {
            name: fill(each, []) for key, each in known.items() for name in (names if key == ANY else [key])
        }

    known = parsed.language.names
    groups = {name: [path[1] for path in parsed.used if path[0] == name and len(path) > 1] for name in known}
    result = program(parsed)({name: fill(types, groups[name]) for name, types in known.items()})
    if isinstance(result, Exception):
        if "no such key" not in str(result):
            raise ExpressionError(
                "mixes values that can't be compared", 0, "text in quotes, times as 5s, ratios as 2%"
            )
    elif not isinstance(result, bool):
        raise ExpressionError(
            "isn't true or false", 0, f"compare it with something: {parsed.language.example}"
        )


def _state(measurements: Measurements, path: Path, tree: Tree) -> str | None:
    value = lookup(tree, path)
    if value == math.inf:
        return "censored"
    return (state_of(measurements, path) or "not_measured") if value is None else None
