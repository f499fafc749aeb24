"""Check of the names, functions and operators of an expression, before anything is evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gameday.analysis.expressions.cel_tree import EQUALITIES, chain_steps, is_comparison, left_operand
from gameday.analysis.expressions.cost_limits import MACROS
from gameday.analysis.expressions.literals import ExpressionError, Rewritten
from gameday.analysis.expressions.vocabulary import ANY, Language, Path, spell, type_of
from gameday.scenario.yaml_document import nearest

if TYPE_CHECKING:
    from lark import Tree as Node

METHODS = frozenset({"contains", "startsWith", "endsWith", "matches"})


@dataclass(frozen=True)
class NameCheck:
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
        if node.data == "member_dot_arg" and str(node.children[1]) == "matches":
            self._refuse_pattern(node)
        if node.data == "member_dot_arg" and str(node.children[1]) not in MACROS | METHODS:
            name = str(node.children[1])
            raise ExpressionError(
                f"there is no function {name!r}", self._at(node), nearest(name, MACROS | METHODS)
            )

    def _refuse_pattern(self, node: Node[Any]) -> None:
        """Reject patterns with groups: a repeated group can take Python's engine for ever."""
        if any(
            "(" in str(token)
            for argument in node.children[2:]
            for token in argument.scan_values(lambda _: True)
        ):
            raise ExpressionError(
                "a pattern can't have groups", self._at(node), "compare with ==, or use startsWith"
            )

    def _refuse_order(self, node: Node[Any]) -> None:
        """Reject an order of booleans: CEL's Python implementation takes them as numbers, so `detect < 5s` would hold."""
        for side in (left_operand(node), node.children[1]):
            steps = tuple(step for step in chain_steps(side) if isinstance(step, str))
            if node.children[0].data not in EQUALITIES and type_of(steps, self.language.names) is bool:
                message = f"{spell(steps)!r} is true or false: it can't be more or less"
                raise ExpressionError(message, self._at(side), self.language.times)

    def _macro(self, node: Node[Any], bound: frozenset[str]) -> Iterator[Path]:
        name = str(node.children[1])
        if bound:  # nested macros visit the product of their lists: minutes, from one line of text
            raise ExpressionError(f"{name!r} can't be inside another one", self._at(node))
        receiver, _, *arguments = node.children
        if any(
            inner.data == "member_dot_arg" for inner in receiver.iter_subtrees()
        ):  # map(…).map(…) can double each time
            raise ExpressionError(
                f"{name!r} can't follow another one", self._at(node), "go over a group, such as slos"
            )
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
        return self.text.origin_of(node)
