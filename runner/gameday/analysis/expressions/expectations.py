"""Expectations and abort conditions of a scenario: CEL, with units, over the names of `names`, and with three values:
true, false, unknown.

A value that nothing measured is left out of the activation, so that CEL's own errors carry it: `||` and `&&` absorb it
where the other side settles the matter, all else becomes unknown. Names are checked before: no error means a typo.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
EQUALITIES = frozenset({"relation_eq", "relation_ne"})
COMPARISONS = EQUALITIES | {"relation_lt", "relation_le", "relation_gt", "relation_ge"}


class ExpressionError(ValueError):
    """What is wrong with an expression; `at` counts characters from 0. The text is 'message\\nhint'."""

    def __init__(self, message: str, at: int, hint: str = "") -> None:
        super().__init__(f"{message}\n{hint}" if hint else message)
        self.at = at


@dataclass(frozen=True)
class Parsed:
    """A checked expression: what CEL is to run, and the names it uses, in order of their first use."""

    tree: Node[Any]
    used: tuple[Path, ...]
    language: Language = EXPECT

    @property
    def words(self) -> frozenset[str]:
        """Every name and text in it, for whoever wants to know what it can't speak of."""
        return frozenset(str(token).strip("\"'") for token in self.tree.scan_values(lambda token: True))


def check(expression: str, language: Language = EXPECT, **chosen: Sequence[str] | None) -> str | None:
    """What is wrong with `expression`, as 'message\\nhint', None where nothing is. Needs no run.

    `chosen`: the names that the scenario gave to its `slos`, `detectors`, …; looked at only where they are given.
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
    """Raises ExpressionError or UnitError."""
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
    """Finds the names of an expression, refuses what isn't known. `chosen`: names that the scenario gave, by group."""

    text: Rewritten
    language: Language
    chosen: Mapping[str, Sequence[str] | None]

    def of(self, node: Any, bound: frozenset[str]) -> Iterator[Path]:
        """Paths used under `node`; `bound` are the variables of the macros around it."""
        if not hasattr(node, "children"):
            return
        self._refuse(node)
        steps = list(_chain(node))
        if steps:
            yield from self._path(node, steps, bound)
        elif node.data == "member_dot_arg" and str(node.children[1]) in MACROS:
            yield from self._macro(node, bound)
        else:
            for child in node.children:
                yield from self.of(child, bound)

    def _refuse(self, node: Node[Any]) -> None:
        if node.data == "relation" and _compares(node) and _compares(_operand(node)):
            raise ExpressionError(
                "comparisons can't be chained", self._at(node), "write: 2s < ttd && ttd < 5s"
            )
        if node.data == "relation" and _compares(node):
            self._refuse_order(node)
        if node.data in ("ident_arg", "dot_ident_arg"):
            raise ExpressionError(f"there is no function {str(node.children[0])!r}", self._at(node))
        if node.data == "member_dot_arg" and str(node.children[1]) not in MACROS | METHODS:
            name = str(node.children[1])
            raise ExpressionError(
                f"there is no function {name!r}", self._at(node), nearest(name, MACROS | METHODS)
            )

    def _refuse_order(self, node: Node[Any]) -> None:
        """CEL's Python orders true and false among numbers, so that `detect < 5s` would always hold."""
        for side in (_operand(node), node.children[1]):
            steps = tuple(step for step in _chain(side) if isinstance(step, str))
            if node.children[0].data not in EQUALITIES and type_of(steps, self.language.names) is bool:
                message = f"{spell(steps)!r} is true or false: it can't be more or less"
                raise ExpressionError(message, self._at(side), self.language.times)

    def _macro(self, node: Node[Any], bound: frozenset[str]) -> Iterator[Path]:
        if bound:  # the product of their lists would be looked at: minutes, from a line of text
            raise ExpressionError(f"{str(node.children[1])!r} can't stand inside another one", self._at(node))
        receiver, _, *arguments = node.children
        yield from self.of(receiver, bound)
        variable, *body = arguments[0].children if arguments else (None,)
        names = (
            {str(token) for token in variable.scan_values(lambda _: True)} if variable is not None else set()
        )
        for each in body:
            yield from self.of(each, bound | names)

    def _path(self, node: Node[Any], steps: list[Any], bound: frozenset[str]) -> Iterator[Path]:
        """One name with its members; `steps` are texts, or nodes for an index that is computed."""
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
        """What KNOWN says of `step`, a member of `path`."""
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


def _chain(node: Node[Any]) -> Iterator[Any]:
    """The steps of `a.b["c"][d]`: texts, or the node of an index that is computed; none where it is no such chain."""
    node = _bare(node)
    if node.data == "ident":
        yield str(node.children[0])
    elif node.data == "member_dot":
        inner = list(_chain(node.children[0]))
        yield from [*inner, str(node.children[1])] if inner else ()
    elif node.data == "member_index":
        inner = list(_chain(node.children[0]))
        yield from [*inner, _key(node.children[1])] if inner else ()


def _key(node: Node[Any]) -> Any:
    bare: Any = _bare(node)
    if bare.data == "literal" and bare.children[0].type == "STRING_LIT":
        return str(bare.children[0])[1:-1]
    return node


def _bare(node: Node[Any]) -> Node[Any]:
    """`node` without the grammar's levels of precedence around it that hold nothing else."""
    while len(node.children) == 1 and hasattr(node.children[0], "children") and node.data != "list_lit":
        node = node.children[0]
    return node


def _compares(node: Node[Any]) -> bool:
    return bool(node.children) and getattr(node.children[0], "data", "") in COMPARISONS


def _operand(node: Node[Any]) -> Node[Any]:
    """The left side of a comparison."""
    operand: Node[Any] = node.children[0].children[0]
    return operand


def program(parsed: Parsed) -> Callable[[Tree], Any]:
    """Made once, to be run on many trees: what CEL makes of one is a bool, another value, or the CELEvalError that says
    it can't tell.
    """
    import celpy
    from celpy.evaluation import CELEvalError

    made = celpy.Environment().program(parsed.tree)

    def run(tree: Tree) -> Any:
        try:
            found = made.evaluate(_activation(tree))
        except CELEvalError as error:
            return error
        return bool(found) if isinstance(found, celpy.celtypes.BoolType) else found

    return run


def _activation(tree: Tree) -> dict[str, Any]:
    """CEL values of all that is known; what isn't is left out."""
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
    """Runs the expression on made-up values of the right types, so that a wrong type shows before any run."""
    blank = {float: 1.0, bool: sample, str: "ok"}

    def fill(known: Any, names: Sequence[str]) -> Any:
        if not isinstance(known, Mapping):
            return blank[known]
        return {
            name: fill(each, []) for key, each in known.items() for name in (names if key == ANY else [key])
        }

    known = parsed.language.names
    groups = {name: [path[1] for path in parsed.used if path[0] == name and len(path) > 1] for name in known}
    found = program(parsed)({name: fill(each, groups[name]) for name, each in known.items()})
    if isinstance(found, Exception):
        if "no such key" not in str(found):
            raise ExpressionError(
                "mixes values that can't be compared", 0, "text in quotes, times as 5s, ratios as 2%"
            )
    elif not isinstance(found, bool):
        raise ExpressionError(
            "isn't true or false", 0, f"compare it with something: {parsed.language.example}"
        )


def _state(measurements: Measurements, path: Path, tree: Tree) -> str | None:
    value = lookup(tree, path)
    if value == math.inf:
        return "censored"
    return (state_of(measurements, path) or "not_measured") if value is None else None
