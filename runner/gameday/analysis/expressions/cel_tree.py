"""Steps through a CEL syntax tree: names, indices, comparisons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lark import Tree as Node

EQUALITIES = frozenset({"relation_eq", "relation_ne"})
COMPARISONS = EQUALITIES | {"relation_lt", "relation_le", "relation_gt", "relation_ge"}


def chain_steps(node: Node[Any]) -> Iterator[Any]:
    """Yield the steps of `a.b["c"][d]`: texts, or the node of a computed index; nothing for any other node."""
    node = strip_precedence(node)
    if node.data == "ident":
        yield str(node.children[0])
    elif node.data == "member_dot":
        inner = list(chain_steps(node.children[0]))
        yield from [*inner, str(node.children[1])] if inner else ()
    elif node.data == "member_index":
        inner = list(chain_steps(node.children[0]))
        yield from [*inner, index_key(node.children[1])] if inner else ()


def index_key(node: Node[Any]) -> Any:
    bare: Any = strip_precedence(node)
    if bare.data == "literal" and bare.children[0].type == "STRING_LIT":
        return str(bare.children[0])[1:-1]
    return node


def strip_precedence(node: Node[Any]) -> Node[Any]:
    """Return `node` without the grammar's precedence levels around it that hold nothing else."""
    while len(node.children) == 1 and hasattr(node.children[0], "children") and node.data != "list_lit":
        node = node.children[0]
    return node


def is_comparison(node: Node[Any]) -> bool:
    return bool(node.children) and getattr(node.children[0], "data", "") in COMPARISONS


def left_operand(node: Node[Any]) -> Node[Any]:
    """Return the left side of a comparison."""
    operand: Node[Any] = node.children[0].children[0]
    return operand
