"""Bounded cost of expressions: what is refused before parsing, so that any file is answered within seconds.

Parsing takes time in proportion to the tokens, and much more for nested brackets; a macro multiplies what it goes over.
"""

from __future__ import annotations

from gameday.analysis.expressions.literals import TOKEN, ExpressionError

MOST_CHARACTERS = 500
MOST_TOKENS = 80
"""Tokens of one expression: names, numbers, texts, operators."""
MOST_TOKENS_OF_FILE = 1500
"""Tokens of all expressions of a scenario together."""
MOST_DEPTH = 8
"""Brackets inside one another."""
MOST_SIGNS = 4
"""Signs in a row: !!x, --5."""
MACROS = frozenset({"all", "exists", "exists_one", "filter", "map"})
MOST_MACROS = 2
OPENING, CLOSING, SIGNS = "([{", ")]}", "!-"


def count_tokens(expression: str) -> int:
    """Return the number of tokens, white space left out."""
    return sum(not token[0].isspace() for token in TOKEN.finditer(expression))


def refuse_costly(expression: str) -> None:
    """Raise ExpressionError if an expression is too long, too deeply nested, or has too many macros."""
    if len(expression) > MOST_CHARACTERS:
        raise ExpressionError(
            f"is {len(expression):,} characters long",
            0,
            f"at most {MOST_CHARACTERS} are read; write several expressions",
        )
    depth = signs = macros = tokens = 0
    after_dot = False
    for token in TOKEN.finditer(expression):
        text = token[0]
        if text.isspace():
            continue
        tokens += 1
        depth += (text in OPENING) - (text in CLOSING)
        signs = signs + 1 if text in SIGNS else 0
        macros += after_dot and text in MACROS
        after_dot = text == "."
        for count, most, what, hint in (
            (tokens, MOST_TOKENS, "names, numbers and signs", "write several expressions"),
            (depth, MOST_DEPTH, "brackets inside one another", "leave out the ones that aren't needed"),
            (signs, MOST_SIGNS, "signs in a row", "one is enough"),
            (macros, MOST_MACROS, "macros", "write several expressions"),
        ):
            if count > most:
                raise ExpressionError(f"has more than {most} {what}", token.start(), hint)


__all__ = ["MACROS", "MOST_TOKENS_OF_FILE", "count_tokens", "refuse_costly"]
