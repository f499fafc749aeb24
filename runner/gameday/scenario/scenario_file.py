"""Reading of scenario files: a `Scenario`, or every problem of the file at once, each at its place.

The caller passes the registry of a timeline's actions, {name: model}.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from gameday.registries import ExtensionError
from gameday.scenario.own.foreign_files import recognise_foreign_file
from gameday.scenario.scenario_model import MOST, Entry, Guardrails, Scenario
from gameday.scenario.units import seconds, within_a_day
from gameday.scenario.yaml_document import (
    Document,
    Invalid,
    Problem,
    nearest,
    parse_yaml,
    read_text,
    read_yaml,
    validate,
)

Registry = Mapping[str, type[BaseModel]]
Check = Callable[[Document], Iterable[Problem]]
"""Yields problems of a document that the models can't see, in releases or expectations; it may be malformed."""
LARGEST = 100_000
"""Bytes of a scenario's file."""
OVERRIDABLE = (
    "load.rate",
    "load.timeout",
    "hold",
    "giveUp",
    "abort",
    "steadyState.for",
    "system.regions",
    "system.port",
    *(f"guardrails.{guardrail.alias or name}" for name, guardrail in Guardrails.model_fields.items()),
)


def load(
    path: Path,
    registry: Registry,
    *,
    overrides: Mapping[str, str] | None = None,
    checks: Iterable[Check] = (),
) -> Scenario:
    """Return the scenario in `path`. Raise Invalid with every problem found.

    `overrides` are `--set key=value` texts; `checks` add problems that the models can't see.
    """
    text = read_text(path, limit=LARGEST)
    foreign = recognise_foreign_file(text, str(path))
    if foreign is not None:
        raise Invalid([foreign])
    document = parse_yaml(text, str(path))
    if not isinstance(document.data, dict):
        raise Invalid([document.problem((), "isn't a scenario: must be a mapping of keys")])
    problems = list(_apply_overrides(document, overrides or {}))
    entries = _read_timeline(document, registry, problems)
    scenario = _read_model(document, problems)
    problems += [problem for check in checks for problem in check(document)]
    if scenario is None or problems:
        raise Invalid(problems)
    return scenario.model_copy(update={"timeline": tuple(entries)})


def read_resolved(path: Path) -> Scenario:
    """Return a scenario as a run wrote it; the actions of its timeline stay plain data. Raise Invalid."""
    document = read_yaml(path, recorded=True)
    if not isinstance(document.data, dict):
        raise Invalid([document.problem((), "isn't a scenario: must be a mapping of keys")])
    timeline = document.data.pop("timeline", [])
    if not isinstance(timeline, list) or not all(
        isinstance(item, dict) and len(item) == 2 for item in timeline
    ):
        raise Invalid([document.problem(("timeline",), "must be a list of {at: …, <action>: {…}}")])
    scenario = validate(Scenario, document)
    entries = []
    for item in timeline:
        action = next(key for key in item if key != "at")
        entries.append(Entry(at=seconds(item["at"]), action=action, spec=item[action]))
    return scenario.model_copy(update={"timeline": tuple(entries)})


def _read_model(document: Document, problems: list[Problem]) -> Scenario | None:
    """Return the scenario without its timeline; None if it is invalid, with its problems added."""
    data = {key: value for key, value in document.data.items() if key != "timeline"}
    try:
        return validate(Scenario, document, data=data)
    except Invalid as error:
        problems += error.problems
        return None


def _read_timeline(document: Document, registry: Registry, problems: list[Problem]) -> list[Entry]:
    """Return the entries in order of time; add the problems of those that are invalid."""
    items = document.data.get("timeline", [])
    if not isinstance(items, list):
        problems.append(document.problem(("timeline",), "must be a list of {at: …, <action>: {…}}"))
        return []
    if len(items) > MOST:
        problems.append(
            document.problem(("timeline",), f"has {len(items)} entries; at most {MOST} are allowed")
        )
        return []
    entries: list[Entry] = []
    for index, item in enumerate(items):
        try:
            entries.append(_read_entry(document, ("timeline", index), item, registry))
        except Invalid as error:
            problems += error.problems
    return sorted(entries, key=lambda entry: entry.at)


def _read_entry(document: Document, path: tuple[str | int, ...], item: Any, registry: Registry) -> Entry:
    """Return one entry of the timeline. Raise Invalid with all of its problems."""
    if not isinstance(item, dict):
        raise Invalid([document.problem(path, "must be {at: …, <action>: {…}}")])
    problems: list[Problem] = []
    at = 0.0
    if "at" not in item:
        problems.append(
            document.problem(path, "'at' is missing", "seconds after the steady state was met: at: 0s")
        )
    else:
        try:
            at = within_a_day(seconds(item["at"]))
        except ValueError as error:
            message, _, hint = str(error).partition("\n")
            problems.append(document.problem((*path, "at"), message, hint))
    actions = [key for key in item if key != "at"]
    for action in actions:
        if action not in registry:
            where = (*path, action)
            problems.append(
                document.problem(
                    where, f"unknown action {action!r}", _nearest_action(str(action), registry), at_key=True
                )
            )
    if len(actions) != 1:
        problems.append(
            document.problem(
                path, f"has {len(actions)} actions; it must have exactly one", nearest("", registry)
            )
        )
    spec: Any = None
    if len(actions) == 1 and actions[0] in registry:
        where = (*path, actions[0])
        try:
            spec = validate(registry[actions[0]], document, where, item[actions[0]])
        except Invalid as error:
            problems += error.problems
        except ExtensionError as error:
            problems.append(document.problem(where, str(error), at_key=True))
    if problems:
        raise Invalid(problems)
    return Entry(at=at, action=actions[0], spec=spec)


SYNONYMS = {
    "delay": "latency", "lag": "latency", "loss": "timeout", "drop": "timeout", "partition": "isolate", "outage": "lose",
    "down": "error", "fail": "error", "crash": "kill", "stop": "kill", "freeze": "pause", "hog": "cpu", "stress": "cpu",
}  # fmt: skip
"""A word of another tool's fault → the last part of the action here."""


def _nearest_action(word: str, registry: Registry) -> str:
    """Return a hint for an unknown action: the nearest one by spelling or by meaning, and where the list is."""
    known = sorted(registry)
    family, _, kind = word.rpartition(".")
    meant = SYNONYMS.get(kind.lower(), kind)
    alike = [name for name in known if name.rpartition(".")[2] == meant]
    same = [name for name in alike if name.startswith(f"{family}.")] or alike
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close and not same:
        return f"did you mean {close[0]!r}?"
    best = f"did you mean {same[0]!r}? " if same else ""
    families = dict.fromkeys(f"{name.partition('.')[0]}.*" if "." in name else name for name in known)
    return f"{best}Actions are {', '.join(families)}: gameday schema lists them all"


def _apply_overrides(document: Document, overrides: Mapping[str, str]) -> Iterable[Problem]:
    """Put `--set` values into the document before it is validated. Values are YAML, as in the file."""
    for key, text in overrides.items():
        if key not in OVERRIDABLE:
            yield Problem(f"--set {key}", 0, 0, f"{key!r} can't be overridden", nearest(key, OVERRIDABLE))
            continue
        path = tuple(key.split("."))
        target = document.data
        for depth, part in enumerate(path[:-1]):
            target = target.setdefault(part, {})
            if not isinstance(target, dict):
                yield document.problem(path[: depth + 1], "must be a mapping")
                break
        else:
            target[path[-1]] = parse_yaml(text, f"--set {key}").data
            document.origins[path] = f"--set {key}={text}"
