"""Output for GitHub's runners: annotations of failures, and the summary of a step.

Outside GitHub's actions neither variable is set and nothing is written.
`gameday.analysis.trials.suite_result` computes the result.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gameday.recording.printable_text import visible
from gameday.scenario import variants
from gameday.scenario.yaml_document import Invalid, read_yaml

if TYPE_CHECKING:
    from gameday.analysis.model.suite_model import Suite, SuiteExpectation

MAX_TRIALS = 3


def commands(suite: Suite) -> Iterator[str]:
    """Yield a workflow command for each failed expectation, at its line of the scenario, and for each other failure.

    Yield nothing outside of GitHub's actions.
    """
    if not os.environ.get("GITHUB_ACTIONS"):
        return
    for scenario in suite.scenarios:
        path, lines = scenario.path, _expectation_lines(Path(scenario.path))
        failed = [expectation for expectation in scenario.expectations if expectation.failed]
        for expectation in failed:
            expr, title = expectation.expr, f"{scenario.scenario}: {expectation.expr}"
            yield _command("error", title, _failures(expectation), path, lines.get(expr, 1))
        if scenario.exit_status and not failed:
            level = "warning" if scenario.verdict == "inconclusive" else "error"
            title = f"{scenario.scenario}: {scenario.verdict}"
            yield _command(level, title, "\n".join(scenario.reasons), path, 1)
    if suite.baseline and suite.baseline.exit_status:
        level = "error" if suite.baseline.verdict == "fail" else "warning"
        message = "\n".join([*suite.baseline.reasons, *suite.baseline.commands])
        yield _command(level, "against the baseline", message)


def _failures(expectation: SuiteExpectation) -> str:
    failed = [trial for trial in expectation.unmet if trial.holds is False]
    more = [f"and {len(failed) - MAX_TRIALS} more"] if len(failed) > MAX_TRIALS else []
    lines = [f"{trial.run}: {trial.values}" for trial in failed[:MAX_TRIALS]]
    return "\n".join([f"didn't hold in {expectation.failed} of {expectation.trials} trials", *lines, *more])


def _command(level: str, title: str, message: str, file: str = "", line: int = 1) -> str:
    where = f"file={_escaped(file)},line={line}," if file and not Path(file).is_absolute() else ""
    return f"::{level} {where}title={_escaped(title)}::{_escaped(message, ':,')}"


def _escaped(text: str, kept: str = "") -> str:
    """Escape a text for a workflow command: in a property, colons and commas as well."""
    text = visible(text)
    for character in "%\n:,":
        if character not in kept:
            text = text.replace(character, f"%{ord(character):02X}")
    return text


def _expectation_lines(path: Path) -> dict[str, int]:
    """Return expectation → its line in the file; empty if the file can't be read."""
    try:
        document = read_yaml(path)
    except Invalid:
        return {}
    lines: dict[str, int] = {}
    for place, expr in variants.expectations(document):
        if place in document.places:
            lines.setdefault(str(expr), document.places[place][0])
    return lines


def append_step_summary(markdown: str) -> str:
    """Append to the summary of the step, if there is one; return what is wrong if that failed, else ""."""
    file = os.environ.get("GITHUB_STEP_SUMMARY")
    if not file:
        return ""
    try:
        with Path(file).open("a", encoding="utf-8") as summary:
            summary.write(markdown)
    except OSError as error:
        return f"the summary {file} can't be written: {error.strerror}"
    return ""
