"""Conditions that are constant: a comparison that no value can change, an expectation that can't fail.

Only `check` uses this, before a run: what an older scenario expected can still be evaluated.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gameday.analysis.expressions.cel_tree import chain_steps, is_comparison, left_operand, strip_precedence
from gameday.analysis.expressions.domains import Domain, candidates, domain_of, holds
from gameday.analysis.expressions.literals import ExpressionError
from gameday.analysis.expressions.vocabulary import ABORT, ANY, Language, Path, Tree, spell, type_of
from gameday.scenario.yaml_document import nearest

if TYPE_CHECKING:
    from lark import Tree as Node

MIRRORED = {
    "relation_lt": "relation_gt",
    "relation_le": "relation_ge",
    "relation_gt": "relation_lt",
    "relation_ge": "relation_le",
}
MEMBER = "relation_in"
MOST_TRIED = 256
SAMPLE = "sample"
"""A member of each group that a macro goes over."""
Place = Callable[[Any], int]


def refuse_constant_comparisons(tree: Node[Any], language: Language, place: Place) -> None:
    """Raise ExpressionError for a comparison with a text outside a closed set, or that holds for all values or none."""
    for node in _comparisons(tree):
        operator, left, right = node.children[0].data, left_operand(node), node.children[1]
        for name, literal, relation in (
            (left, right, operator),
            (right, left, MIRRORED.get(operator, operator)),
        ):
            path = _path(name)
            domain = domain_of(path, language) if path else None
            if domain is None:
                continue
            if domain.texts:
                _refuse_unknown_texts(path, domain, _texts(literal), place(node))
            elif operator != MEMBER:
                _refuse_constant_number(path, domain, relation, _number(literal), place(node))


def refuse_constant_result(
    run: Callable[[Tree], Any], used: Sequence[Path], tree: Node[Any], language: Language
) -> None:
    """Raise ExpressionError if an expression has the same result whatever the values: it can't fail, or can't hold.

    Values on both sides of every literal are tried; if there are too many combinations, nothing is said.
    """
    literals = [float(str(token)) for token in tree.scan_values(_is_number)]
    numbers = [value for literal in literals for value in (literal, -literal)]
    texts = [str(token)[1:-1] for token in tree.scan_values(_is_text)]
    values = {path: _values(path, language, numbers, texts) for path in (*used, *_sampled(tree, language))}
    combinations = math.prod(len(each) for each in values.values())
    results = set()
    for combination in _combinations(list(values.values()), combinations):
        result = run(_tree(dict(zip(values, combination, strict=True))))
        results.add(result if isinstance(result, bool) else None)
        if {True, False} <= results:
            return
    if combinations > MOST_TRIED or None in results or not results:
        return
    always = results == {True}
    if language is ABORT:
        message = "always holds: it ends every run" if always else "can never hold: it ends no run"
    else:
        message = "can't fail: it holds whatever happens" if always else "can't hold, whatever happens"
    raise ExpressionError(message, 0, f"for instance: {language.example}")


def _comparisons(tree: Node[Any]) -> Iterator[Node[Any]]:
    subtrees: Iterator[Node[Any]] = tree.iter_subtrees_topdown()  # type: ignore[no-untyped-call]
    for node in subtrees:
        operator = getattr(node.children[0], "data", "") if node.children else ""
        if node.data == "relation" and (is_comparison(node) or operator == MEMBER):
            yield node


def _path(node: Any) -> Path:
    return tuple(step if isinstance(step, str) else ANY for step in chain_steps(node))


def _texts(node: Any) -> list[str]:
    """Return the text literals that a name is compared with: one, or those of a list."""
    bare = strip_precedence(node)
    if bare.data == "literal" or bare.data in ("list_lit", "exprlist"):
        return [
            str(token)[1:-1]
            for token in bare.scan_values(lambda token: getattr(token, "type", "") == "STRING_LIT")
        ]
    return []


def _number(node: Any) -> float | None:
    """Return a number literal, perhaps with a minus before it; None for anything else."""
    sign, bare = 1.0, strip_precedence(node)
    if bare.data == "unary" and getattr(bare.children[0], "data", "") == "unary_neg":
        sign, bare = -1.0, strip_precedence(bare.children[1])
    token = bare.children[0] if bare.data == "literal" else None
    return sign * float(str(token)) if token is not None and _is_number(token) else None


def _is_number(token: Any) -> bool:
    return getattr(token, "type", "") in ("FLOAT_LIT", "INT_LIT", "UINT_LIT")


def _is_text(token: Any) -> bool:
    return getattr(token, "type", "") == "STRING_LIT"


def _named(path: Path) -> str:
    """Return a name as it is written; a computed member is an ellipsis."""
    return spell(path).replace(f'["{ANY}"]', "[…]")


def _refuse_unknown_texts(path: Path, domain: Domain, texts: Sequence[str], at: int) -> None:
    for text in texts:
        if text not in domain.texts:
            known = ", ".join(f'"{value}"' for value in domain.texts)
            close = nearest(text, [value for value in domain.texts if value])
            hint = (
                f"{close} It is one of {known}"
                if close.startswith("did you mean")
                else f"it is one of {known}"
            )
            raise ExpressionError(f"{_named(path)} is never {text!r}", at, hint)


def _refuse_constant_number(
    path: Path, domain: Domain, operator: str, literal: float | None, at: int
) -> None:
    if literal is None:
        return
    if domain.is_ratio and literal > 1:
        raise ExpressionError(
            f"{_named(path)} is a ratio: it is never above 1, that is 100%, and {literal:g} is",
            at,
            "ratios are written with their unit: 50%",
        )
    results = {holds(operator, value, literal) for value in candidates(domain, [literal])}
    if len(results) == 1:
        kind = "a whole number " if domain.whole else ""
        limits = f"{kind}from {domain.low:g}" + (f" to {domain.high:g}" if domain.high < math.inf else " up")
        word = "always true" if results == {True} else "never true"
        raise ExpressionError(
            f"this comparison is {word}: {_named(path)} is {limits}", at, "compare it with another value"
        )


def _sampled(tree: Node[Any], language: Language) -> list[Path]:
    """Return the values of a made-up member of each group that a macro or a computed index goes into."""
    computed = any(
        node.data == "member_dot_arg" or any(not isinstance(step, str) for step in chain_steps(node))
        for node in tree.iter_subtrees()
    )
    words = {str(token) for token in tree.scan_values(lambda _: True)}
    return (
        [path for path in _leaves(language.names, ()) if ANY in path and path[0] in words] if computed else []
    )


def _leaves(names: Any, path: Path) -> Iterator[Path]:
    if isinstance(names, Mapping):
        for key, inner in names.items():
            yield from _leaves(inner, (*path, key))
    else:
        yield path


def _values(path: Path, language: Language, numbers: Sequence[float], texts: Sequence[str]) -> list[Any]:
    if type_of(path, language.names) is str and domain_of(path, language) is None:
        return ["", *texts]
    if type_of(path, language.names) is bool:
        return [True, False]
    domain = domain_of(path, language) or Domain()
    return list(domain.texts) if domain.texts else list(candidates(domain, numbers))


def _combinations(values: list[list[Any]], count: int) -> Iterator[tuple[Any, ...]]:
    """Yield every combination, or as many random ones as are tried at most; both ends first, since they differ most."""
    yield tuple(value[0] for value in values)
    yield tuple(each[-1] for each in values)
    if count <= MOST_TRIED:
        yield from itertools.product(*values)
        return
    draw = random.Random(1)  # noqa: S311 - no secret, and the same each time
    for _ in range(MOST_TRIED):
        yield tuple(draw.choice(each) for each in values)


def _tree(values: Mapping[Path, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in values.items():
        node = tree
        for key in path[:-1]:
            node = node.setdefault(SAMPLE if key == ANY else key, {})
        node[path[-1]] = value
    return tree
