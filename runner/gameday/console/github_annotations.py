"""What GitHub's runners read beside the exit status: annotations on what failed, and the summary of a step.

Elsewhere neither variable is set and nothing is written. What a suite came to is left to `gameday.analysis.trials.suite_result`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gameday.scenario import variants
from gameday.scenario.yaml_document import Invalid, read_yaml

MOST_SAID = 3


def commands(suite: Mapping[str, Any]) -> Iterator[str]:
    """A workflow command for each failed expectation, at its line of the scenario, and for whatever else went wrong;
    none outside of GitHub."""
    if not os.environ.get("GITHUB_ACTIONS"):
        return
    for each in suite["scenarios"]:
        path, lines = str(each["path"]), _lines(Path(each["path"]))
        failed = [expected for expected in each["expectations"] if expected["failed"]]
        for expected in failed:
            expr = expected["expr"]
            yield _command("error", f"{each['scenario']}: {expr}", _said(expected), path, lines.get(expr, 1))
        if each["exit_status"] and not failed:
            level = "warning" if each["verdict"] == "inconclusive" else "error"
            yield _command(
                level, f"{each['scenario']}: {each['verdict']}", "\n".join(each["reasons"]), path, 1
            )
    yield from _of_the_gate(suite["baseline"])


def _of_the_gate(gate: Mapping[str, Any] | None) -> Iterator[str]:
    if gate and gate["exit_status"]:
        level = "error" if gate["verdict"] == "fail" else "warning"
        yield _command(level, "against the baseline", "\n".join([*gate["reasons"], *gate["commands"]]))


def _said(expected: Mapping[str, Any]) -> str:
    failed = [each for each in expected["said"] if each["holds"] is False]
    n = expected["held"] + expected["failed"] + expected["unknown"]
    more = [f"and {len(failed) - MOST_SAID} more"] if len(failed) > MOST_SAID else []
    lines = [f"{each['run']}: {each['values']}" for each in failed[:MOST_SAID]]
    return "\n".join([f"didn't hold in {expected['failed']} of {n} trials", *lines, *more])


def _command(level: str, title: str, message: str, file: str = "", line: int = 1) -> str:
    where = f"file={_escaped(file)},line={line}," if file and not Path(file).is_absolute() else ""
    return f"::{level} {where}title={_escaped(title)}::{_escaped(message, ':,')}"


def _escaped(text: str, kept: str = "") -> str:
    """As GitHub wants it: in a property colons and commas as well."""
    for character in "%\r\n:,":
        if character not in kept:
            text = text.replace(character, f"%{ord(character):02X}")
    return text


def _lines(path: Path) -> dict[str, int]:
    """Expectation → its line in the file; empty where that can't be read."""
    try:
        document = read_yaml(path)
    except Invalid:
        return {}
    found: dict[str, int] = {}
    for place, expr in variants.expectations(document):
        if place in document.places:
            found.setdefault(str(expr), document.places[place][0])
    return found


def summarise(markdown: str) -> str:
    """Appends to the summary of the step, where there is one; what was wrong with that, else ""."""
    file = os.environ.get("GITHUB_STEP_SUMMARY")
    if not file:
        return ""
    try:
        with Path(file).open("a", encoding="utf-8") as summary:
            summary.write(markdown)
    except OSError as error:
        return f"the summary {file} can't be written: {error.strerror}"
    return ""
