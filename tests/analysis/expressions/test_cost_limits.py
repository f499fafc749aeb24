"""Tests of the bounded cost of expressions: what would take minutes or gigabytes is rejected before it is parsed."""

from __future__ import annotations

import resource
import time
from contextlib import suppress
from pathlib import Path

import pytest

from gameday.analysis.expressions.cost_limits import count_tokens
from gameday.analysis.expressions.expectations import check, parse
from gameday.analysis.expressions.literals import ExpressionError
from gameday.execution import library
from gameday.scenario.yaml_document import Invalid

CHAINED = "slos" + ".map(x, x+x)" * 30 + " == slos"
SCENARIO = """
apiVersion: gameday/v1
kind: Scenario
name: costly
title: Costly
story: Expressions that take long.
slos:
  - {name: shop, sli: availability, objective: 99.5%}
expect:
"""


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        (CHAINED, "more than 2 macros"),
        ("slos.map(x, x).all(x, x == 'a')", "'all' can't follow another one"),
        ("(" * 200 + "ttd < 5s" + ")" * 200, "more than 8 brackets inside one another"),
        ("slos" + "[slos" * 20 + "]" * 20, "more than 8 brackets"),
        ("!" * 400 + "effect", "more than 4 signs in a row"),
        ("ttd < " + "+".join(["1"] * 200), "more than 80 names, numbers and signs"),
        ("ttd < 5s || " * 60 + "effect", "is 726 characters long"),
        ("ended_by.matches('(a+)+$')", "a pattern can't have groups"),
    ],
)
def test_what_costs_too_much_is_refused(expression: str, words: str) -> None:
    """Each is rejected with its reason, by every way in: before a run, and when a run is measured."""
    assert words in str(check(expression))
    with pytest.raises(ExpressionError, match=words.split()[-1]):
        parse(expression)


@pytest.mark.parametrize(
    "expressions",
    [
        [CHAINED],
        ["(" * 8 + "ttd < 5s && " * 9 + f"ttr < {i}s" + ")" * 8 for i in range(1, 101)],
        ["ttd < " + "+".join(["1"] * 38) + f"+{i}" for i in range(1, 101)],
        ["effect || " * 30 + f"ttd < {i}s" for i in range(1, 101)],
        ["'" + "x" * 400 + f"{i}' == ended_by" for i in range(100)],
        ["("] * 100,
    ],
)
def test_any_file_is_answered_soon(expressions: list[str], tmp_path: Path) -> None:
    """A file of 100 costly expressions takes under two seconds of processor time, and little memory."""
    file = tmp_path / "costly.yaml"
    file.write_text(SCENARIO + "".join(f"  - {each!r}\n" for each in expressions), encoding="utf-8")
    check("ttd < 5s")  # the parser's own start isn't counted
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with suppress(Invalid):
        library.read(file)
    assert time.process_time() - began < 2.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_tokens_are_counted_without_white_space() -> None:
    """Names, numbers with their unit, texts and operators count one each."""
    assert count_tokens("ttd  <  5s && slos['a b'].verdict == 'ok'") == 14
