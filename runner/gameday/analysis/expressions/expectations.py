"""Expressions of a scenario, in CEL with units: expectations and abort conditions. A result is true, false or unknown.

The names are those of `vocabulary`. An unmeasured value is left out of the activation, so that CEL reports an error for
it: `||` and `&&` absorb the error if the other side decides, anything else becomes unknown. Names are checked before,
so such an error never means a typo.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gameday.analysis.expressions.cel_tree import (
    EQUALITIES,
    chain_steps,
    is_comparison,
    left_operand,
)
from gameday.analysis.expressions.literals import Rewritten, UnitError, rewrite
from gameday.analysis.expressions.vocabulary import (
    ANY,
    EXPECT,
    Language,
    Path,
    Tree,
    lookup,
    spell,
    state_of,
    type_of,
    values_of,
)
from gameday.scenario.yaml_document import nearest

if TYPE_CHECKING:
    from lark import Tree as Node

    from gameday.analysis.model.event_models import Expectation
    from gameday.analysis.model.outcome_model import Measurements

MACROS = frozenset({"all", "exists", "exists_one", "filter", "map"})
METHODS = frozenset({"contains", "startsWith", "endsWith", "matches"})


class ExpressionError(ValueError):
    """An invalid expression; `at` counts characters from 0. The text is 'message\\nhint'."""

    def __init__(self, message: str, at: int, hint: str = "") -> None:
        super().__init__(f"{message}\n{hint}" if hint else message)
        self.at = at


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

    text = rewrite(expression)
    try:
        tree = celpy.Environment().compile(text.text)
    except CELParseError as error:
        at = text.origin(text.offset(error.line or 1, error.column or 1))
        raise ExpressionError(
            "isn't a CEL expression", min(at, len(expression)), f"for instance: {language.example}"
        ) from error
    names = _Names(text, language, chosen)
    return Parsed(tree, tuple(dict.fromkeys(names.of(tree, frozenset()))), language)


@dataclass(frozen=True)
class _Names:
    """Finds the names of an expression and rejects unknown ones. `chosen`: names that the scenario gave, by group."""

    text: Rewritten
    language: Language
    chosen: Mapping[str, Sequence[str] | None]

    def of(self, node: Any, bound: frozenset[str]) -> Iterator[Path]:
        """Yield the paths used under `node`; `bound` are the variables of the macros around it."""
        if not hasattr(node, "children"):
            return
        self._refuse(node)
        steps = list(chain_steps(node))
        if steps:
            yield from self._path(node, steps, bound)
        elif node.data == "member_dot_arg" and str(node.children[1]) in MACROS:
            yield from self._macro(node, bound)
        else:
            for child in node.children:
                yield from self.of(child, bound)

    def _refuse(self, node: Node[Any]) -> None:
        if node.data == "relation" and is_comparison(node) and is_comparison(left_operand(node)):
            raise ExpressionError(
                "comparisons can't be chained", self._at(node), "write: 2s < ttd && ttd < 5s"
            )
        if node.data == "relation" and is_comparison(node):
            self._refuse_order(node)
        if node.data in ("ident_arg", "dot_ident_arg"):
            raise ExpressionError(f"there is no function {str(node.children[0])!r}", self._at(node))
        if node.data == "member_dot_arg" and str(node.children[1]) not in MACROS | METHODS:
            name = str(node.children[1])
            raise ExpressionError(
                f"there is no function {name!r}", self._at(node), nearest(name, MACROS | METHODS)
            )

    def _refuse_order(self, node: Node[Any]) -> None:
        """Reject an order of booleans: CEL's Python implementation takes them as numbers, so `detect < 5s` would hold."""
        for side in (left_operand(node), node.children[1]):
            steps = tuple(step for step in chain_steps(side) if isinstance(step, str))
            if node.children[0].data not in EQUALITIES and type_of(steps, self.language.names) is bool:
                message = f"{spell(steps)!r} is true or false: it can't be more or less"
                raise ExpressionError(message, self._at(side), self.language.times)

    def _macro(self, node: Node[Any], bound: frozenset[str]) -> Iterator[Path]:
        if bound:  # nested macros visit the product of their lists: minutes, from one line of text
            raise ExpressionError(f"{str(node.children[1])!r} can't be inside another one", self._at(node))
        receiver, _, *arguments = node.children
        yield from self.of(receiver, bound)
        variable, *body = arguments[0].children if arguments else (None,)
        names = (
            {str(token) for token in variable.scan_values(lambda _: True)} if variable is not None else set()
        )
        for inner in body:
            yield from self.of(inner, bound | names)

    def _path(self, node: Node[Any], steps: list[Any], bound: frozenset[str]) -> Iterator[Path]:
        """Yield the path of one name with its members; `steps` are texts, or nodes for a computed index."""
        for step in steps:
            if not isinstance(step, str):
                yield from self.of(step, bound)
        if steps[0] in bound:
            return
        known: Any = self.language.names
        path: list[str] = []
        for step in steps:
            known = self._member(node, known, path, step)
            path.append(step if isinstance(step, str) else ANY)
        if isinstance(known, Mapping) and ANY not in known:
            members = [spell((*path, name)) for name in known]
            raise ExpressionError(
                f"{spell(tuple(path))!r} is a group", self._at(node), f"one of: {', '.join(members)}"
            )
        if ANY not in path and not isinstance(known, Mapping):
            yield tuple(path)

    def _member(self, node: Node[Any], known: Any, path: list[str], step: Any) -> Any:
        """Return what the language knows of `step`, a member of `path`."""
        if not isinstance(known, Mapping):
            raise ExpressionError(f"{spell(tuple(path))!r} has no members", self._at(node))
        if ANY in known:
            names = self.chosen.get(path[-1]) if path else None
            if names is not None and isinstance(step, str) and step not in names:
                raise ExpressionError(
                    f"there is no {step!r} in {path[-1]}", self._at(node), nearest(step, names)
                )
            return known[ANY]
        if not isinstance(step, str) or step not in known:
            name = spell((*path, step)) if isinstance(step, str) else spell(tuple(path))
            if not path and step in self.language.elsewhere:
                raise ExpressionError(
                    f"{name!r} {self.language.misplaced}", self._at(node), self.language.hint
                )
            raise ExpressionError(f"unknown name {name!r}", self._at(node), nearest(str(step), known))
        return known[step]

    def _at(self, node: Node[Any]) -> int:
        return self.text.origin(node.meta.start_pos if not node.meta.empty else 0)


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
