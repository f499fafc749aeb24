"""Recognition of files of other tools, so that `validate` says what to do with them in place of listing unknown keys.

The text is searched, not a document: such a file may be a script, hold several documents or use YAML that a scenario mustn't.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gameday.scenario.located_problems import Problem

GUIDE = 'docs/your-system.md, "Files of other tools"'
KUBERNETES = (
    "apply it as a `command` fault of a scenario with `system: {external: …}`: inject: [kubectl, apply, -f, FILE], "
    f"revert: [kubectl, delete, --ignore-not-found, -f, FILE]; see {GUIDE}"
)
LOAD = f"it describes load, not a scenario: write its requests as steps of `journeys:`; see {GUIDE}"


@dataclass(frozen=True)
class ForeignFormat:
    """A file of another tool: its name, the patterns that must all be found, and what to do with it.

    The first pattern gives the place of the problem.
    """

    name: str
    patterns: tuple[str, ...]
    advice: str


FORMATS = (
    ForeignFormat(
        "an Argo workflow, as Litmus uses them",
        (r"^[ \t{]*[\"']?apiVersion[\"']?\s*:\s*[\"']?argoproj\.io/",),
        KUBERNETES.replace("kubectl, apply", "kubectl, create"),
    ),
    ForeignFormat(
        "a Litmus file", (r"^[ \t{]*[\"']?apiVersion[\"']?\s*:\s*[\"']?litmuschaos\.io/",), KUBERNETES
    ),
    ForeignFormat(
        "a Chaos Mesh file", (r"^[ \t{]*[\"']?apiVersion[\"']?\s*:\s*[\"']?chaos-mesh\.org/",), KUBERNETES
    ),
    ForeignFormat(
        "a Chaos Toolkit experiment",
        (
            r"^[ \t{]*[\"']?method[\"']?\s*:\s*(?:\[|$)",
            r"[\"']?(?:steady-state-hypothesis|rollbacks|description)[\"']?\s*:",
        ),
        "its hypothesis becomes `slos`, each action of its method a fault of `timeline`, or a `command` fault that runs the "
        f"action's own program, with its rollback as `revert`; see {GUIDE}",
    ),
    ForeignFormat("a k6 script", (r"(?:\bfrom\s+|\brequire\(\s*)[\"']k6(?:/[\w/.-]+)?[\"']",), LOAD),
    ForeignFormat("a locustfile", (r"^(?:from\s+locust\b|import\s+locust\b)",), LOAD),
)
"""In order of precedence: an Argo workflow holds the text of Litmus files."""
OWN = re.compile(r"^[ \t{]*[\"']?apiVersion[\"']?\s*:\s*[\"']?gameday/", re.MULTILINE)


def recognise_foreign_file(text: str, file: str) -> Problem | None:
    """Return the problem that `file` belongs to another tool, with advice; None if it may be a scenario."""
    if OWN.search(text):
        return None
    for known in FORMATS:
        places = [re.search(pattern, text, re.MULTILINE) for pattern in known.patterns]
        first = places[0]
        if first is None or not all(places):
            continue
        start = first.start() + len(first[0]) - len(first[0].lstrip(" \t{"))
        line = text.count("\n", 0, start) + 1
        column = start - (text.rfind("\n", 0, start) + 1) + 1
        return Problem(file, line, column, f"is {known.name}, not a scenario of gameday", known.advice)
    return None
