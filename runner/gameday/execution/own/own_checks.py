"""Checks of the own journeys and the own system of a scenario file that its models can't make."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gameday.changes.deploy import BY_COMPOSE
from gameday.changes.deploy import OWN as OWN_DEPLOY
from gameday.execution.actions import ACTIONS
from gameday.load.answer_expressions import problem_of
from gameday.load.own_data import read_rows
from gameday.scenario import Scenario
from gameday.scenario.own.own_journeys import OwnJourney, OwnStep
from gameday.scenario.scenario_model import MOST
from gameday.scenario.system_section import OWN
from gameday.scenario.yaml_document import Document, KeyPath, Problem

MOST_JOURNEYS = 50
ON_EXTERNAL = frozenset({"deploy", "command", "load.surge", "load.retry-storm"})
"""Actions that an external system can take."""
ON_CONTAINERS = frozenset(f"instance.{name}" for name in ("kill", "pause", "cpu", "memory", "restart-loop"))
"""Further actions that a Compose project can take."""


def check_journeys(document: Document) -> Iterator[Problem]:
    """Yield the problems of expressions and data of the scenario's own journeys, and of SLOs that they can't feed."""
    journeys = _read_journeys(document)
    for name, journey in journeys.items():
        yield from _check_expressions(document, name, journey)
        yield from _check_data(document, name, journey)
    if journeys:
        yield from _check_correctness(document, journeys)
    yield from _check_audit(document, journeys)


def _check_audit(document: Document, journeys: dict[str, OwnJourney]) -> Iterator[Problem]:
    """Yield a problem if the audit names a journey that there isn't, or a value that it doesn't save."""
    audit = document.data.get("audit")
    if not isinstance(audit, dict) or "journey" not in audit:
        return
    if not names_own_system(document):
        yield document.problem(
            ("audit",), "audit is for a system of one's own", "the storefront's is built in"
        )
    journey, saved = journeys.get(str(audit["journey"])), str(audit.get("id", "id"))
    if journey is None:
        hint = f"journeys: {', '.join(journeys) or 'none'}"
        yield document.problem(("audit", "journey"), f"there is no journey {audit['journey']!r}", hint)
    elif not any(saved in step.save for step in journey.steps):
        hint = f"add save: {{{saved}: body.id}} to a step"
        yield document.problem(("audit",), f"no step of {audit['journey']} saves {saved!r}", hint)


def _read_journeys(document: Document) -> dict[str, OwnJourney]:
    """Return the journeys that the model accepts; the others have been reported."""
    own = document.data.get("journeys")
    journeys: dict[str, OwnJourney] = {}
    for name, data in list(own.items())[:MOST_JOURNEYS] if isinstance(own, dict) else ():
        try:
            journeys[str(name)] = OwnJourney.model_validate(data)
        except ValidationError:
            continue
    return journeys


def _check_expressions(document: Document, name: str, journey: OwnJourney) -> Iterator[Problem]:
    saved: set[str] = set()
    for index, step in enumerate(journey.steps):
        place: KeyPath = ("journeys", name, "steps", index)
        for variable, expression in step.save.items():
            yield from _check_expression(document, (*place, "save", variable), expression, saved)
        saved |= set(step.save)
        for number, expression in enumerate(step.expect.that):
            where: KeyPath = (*place, "expect", "that")
            inner = (*where, number)
            yield from _check_expression(
                document, inner if inner in document.places else where, expression, saved
            )


def _check_expression(
    document: Document, place: KeyPath, expression: str, saved: set[str]
) -> Iterator[Problem]:
    why = problem_of(expression, saved)
    if why:
        message, _, hint = why.partition("\n")
        yield document.problem(place, message, hint)


def _check_data(document: Document, name: str, journey: OwnJourney) -> Iterator[Problem]:
    """Yield a problem if the data file can't be read, or lacks a column that a step uses."""
    if journey.data is None:
        return
    place = ("journeys", name, "data")
    try:
        columns = set(read_rows(Path(document.file).parent / journey.data)[0])
    except ValueError as error:
        yield document.problem(place, str(error))
        return
    used = {column for step in journey.steps for column in _columns(step)}
    for column in sorted(used - columns):
        yield document.problem(
            place, f"has no column {column!r}", f"its columns: {', '.join(sorted(columns))}"
        )


def _columns(step: OwnStep) -> Iterator[str]:
    for placeholder in step.placeholders():
        root, _, column = placeholder.partition(".")
        if root == "data":
            yield column


def _check_correctness(document: Document, journeys: dict[str, OwnJourney]) -> Iterator[Problem]:
    """Yield a problem for each correctness SLO whose journeys have no expectation: it would never be judged."""
    slos = document.data.get("slos")
    for index, slo in enumerate(slos if isinstance(slos, list) else []):
        if not isinstance(slo, dict) or slo.get("sli") != "correctness":
            continue
        covered = [journey for name, journey in journeys.items() if slo.get("journey") in (None, name)]
        if covered and not any(journey.checks_answers for journey in covered):
            hint = "add expect: {that: \"body.status == 'ok'\"} to a step"
            yield document.problem(
                ("slos", index, "sli"), "no step of its journeys says what a right answer is", hint
            )


def names_own_system(document: Document) -> bool:
    """Return True if the scenario names a system of one's own, valid or not."""
    system = document.data.get("system")
    return isinstance(system, dict) and any(system.get(key) is not None for key in OWN)


def check_own_system(document: Document) -> Iterator[Problem]:
    """Yield the problems of a scenario's timeline and load that a system of one's own can't have, and the other way round."""
    system, timeline = document.data.get("system"), document.data.get("timeline")
    own = names_own_system(document)
    is_external = isinstance(system, dict) and system.get("external") is not None
    allowed = ON_EXTERNAL if is_external else ON_EXTERNAL | ON_CONTAINERS
    kind = "an external system" if is_external else "a Compose project"
    if own and not document.data.get("journeys"):
        yield document.problem(("system",), "a system of one's own needs journeys", "add the key journeys:")
    for index, item in enumerate(timeline[:MOST] if isinstance(timeline, list) else []):
        for action, spec in item.items() if isinstance(item, dict) else ():
            place: KeyPath = ("timeline", index, action)
            if own and action != "at" and action in ACTIONS and action not in allowed:
                hint = f"it takes {', '.join(sorted(allowed))}"
                yield document.problem(place, f"{action} can't act on {kind}", hint, at_key=True)
            if action == "deploy" and isinstance(spec, dict):
                yield from _check_deploy(document, place, spec, system if own else None)


def _check_deploy(
    document: Document, place: KeyPath, spec: dict[str, Any], system: dict[str, Any] | None
) -> Iterator[Problem]:
    if system is None:
        for key in OWN_DEPLOY:
            if key in spec:
                hint = "the storefront's deploy has release, strategy and pause"
                yield document.problem(
                    (*place, key), f"{key} is for a system of one's own", hint, at_key=True
                )
    elif any(key in spec for key in BY_COMPOSE):
        if system.get("external") is not None:
            hint = "an external system is changed by commands"
            yield document.problem(place, "image, environment and file are for Compose projects", hint)
    elif "deploy" not in system and "command" not in spec:
        hint = "add command: [program, argument] here, or system.deploy"
        yield document.problem(place, "nothing says how this is deployed", hint)
    elif "rollback" not in system and "rollback" not in spec:
        hint = "add rollback: [program, argument] here, or system.rollback"
        yield document.problem(place, "nothing says how this is rolled back", hint)


def with_absolute_paths(scenario: Scenario, folder: Path) -> Scenario:
    """Return the scenario with the paths of its data files, and the folder of its commands, made absolute."""
    changed: dict[str, Any] = {}
    if any(journey.data for journey in scenario.journeys.values()):
        changed["journeys"] = {
            name: journey.model_copy(update={"data": str((folder / journey.data).resolve())})
            if journey.data
            else journey
            for name, journey in scenario.journeys.items()
        }
    if scenario.system.is_own:
        where = (folder / (scenario.system.folder or ".")).resolve()
        changed["system"] = scenario.system.model_copy(update={"folder": str(where)})
    return scenario.model_copy(update=changed) if changed else scenario
