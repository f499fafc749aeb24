"""CEL over one HTTP answer: expectations of its content, and values that a journey saves.

A plain path such as `body.order.id` or `headers["x-id"]` is looked up directly, which takes a microsecond; any other
expression is evaluated by celpy, which takes some hundred.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lark import Tree as Node

ANSWER = ("status", "headers", "body", "user", "n", "run", "data")
"""Names that every expression of a journey may use, beside those of saved values."""
MACROS = frozenset({"all", "exists", "exists_one", "map", "filter"})
LONGEST = 1000
_PATH = re.compile(r"""(?:body|headers|data)(?:\.[A-Za-z_]\w*|\[\d+\]|\["[^"\\]*"\]|\['[^'\\]*'\])+""")
_KEY = re.compile(r"""\.([A-Za-z_]\w*)|\[(\d+)\]|\["([^"]*)"\]|\['([^']*)'\]""")

Values = Mapping[str, Any]
Evaluate = Callable[[Values], Any]


class CannotEvaluate(Exception):
    """An expression has no value for an answer, such as one whose body lacks a key."""


def problem_of(expression: str, saved: Collection[str] = ()) -> str | None:
    """Return why an expression can't be used, as 'message\\nhint'; None if it can."""
    import celpy
    from celpy.celparser import CELParseError

    if len(expression) > LONGEST:
        return f"is over {LONGEST} characters long"
    try:
        tree = celpy.Environment().compile(expression)
    except (CELParseError, RecursionError) as error:
        column = getattr(error, "column", None)
        place = f" at column {column}" if column else ""
        return f"isn't a CEL expression{place}\nfor instance body.status == 'ok' && size(body.items) > 0"
    known = {*ANSWER, *saved, *_macro_variables(tree)}
    unknown = [name for name in _identifiers(tree) if name not in known]
    return f"unknown name {unknown[0]!r}\nknown: {', '.join(sorted(known))}" if unknown else None


def _identifiers(tree: Node[Any]) -> list[str]:
    return [str(node.children[0]) for node in tree.find_data("ident")]


def _macro_variables(tree: Node[Any]) -> set[str]:
    """Return the variables that macros such as `items.all(x, x > 0)` bind."""
    bound: set[str] = set()
    for call in tree.find_data("member_dot_arg"):
        if str(call.children[1]) in MACROS and len(call.children) > 2:
            first = next(call.children[2].find_data("ident"), None)
            for argument in call.children[2].children[:1]:
                first = next(argument.find_data("ident"), first)
            bound |= {str(first.children[0])} if first is not None else set()
    return bound


def compiled(expression: str) -> Evaluate:
    """Return a function from the values of an answer to the expression's value; it raises CannotEvaluate."""
    bare = expression.strip()
    if _PATH.fullmatch(bare):
        root = re.match(r"\w+", bare)
        assert root is not None
        steps = [int(index) if index else dot or one or two for dot, index, one, two in _KEY.findall(bare)]
        return lambda values: _look_up(values[root[0]], steps)
    import celpy

    environment = celpy.Environment()
    program = environment.program(environment.compile(expression))

    def evaluate(values: Values) -> Any:
        try:
            return _plain(program.evaluate({name: _cel(value) for name, value in values.items()}))
        except Exception as error:  # celpy raises many types for one that has no value
            raise CannotEvaluate(f"{expression}: {error}") from error

    return evaluate


def _look_up(value: Any, steps: list[Any]) -> Any:
    for step in steps:
        try:
            value = value[step]
        except (LookupError, TypeError) as error:
            raise CannotEvaluate(f"the answer has no {step!r}") from error
    return value


def _cel(value: Any) -> Any:
    from celpy.adapter import json_to_cel

    return json_to_cel(value)


def _plain(value: Any) -> Any:
    """Return a CEL value as Python's own type."""
    if type(value).__name__ == "BoolType":
        return bool(value)
    return next((kind(value) for kind in (bool, int, float, str) if isinstance(value, kind)), value)
