"""`matrix:` of a scenario: variants of it, each of which changes a few keys, so that what these buy can be measured.

    matrix:
      with: {guardrails: {breaker: true, bulkhead: true}}
      without: {guardrails: {breaker: false}, expect: ["slos['browse'].verdict == 'breach'"]}

A variant's keys are laid over the scenario's, mapping by mapping; `respond` and `expect` replace the scenario's whole.
Running the variants and setting them side by side is left to others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field, ValidationError

from gameday.scenario.scenario_model import MOST as MOST_EXPECTED
from gameday.scenario.scenario_model import NAME, Guardrails, Load, Part, Respond, Scenario, System
from gameday.scenario.yaml_document import Document, Invalid, KeyPath, Problem, nearest, validate

SECTIONS: Mapping[str, type[Part]] = {
    "guardrails": Guardrails,
    "system": System,
    "load": Load,
    "respond": Respond,
}
WHOLE = ("respond", "expect")
KEYS = (*SECTIONS, "expect")
FEWEST, MOST = 2, 6


class Expect(Part):
    """What a variant expects in place of the scenario."""

    expect: tuple[str, ...] = Field(min_length=1, max_length=MOST_EXPECTED)


def variants(scenario: Scenario) -> Sequence[tuple[str, Scenario]]:
    """(name, scenario) of each variant, in the file's order; none where the scenario has no matrix.

    A variant is a scenario of its own, called `<scenario>-<variant>`, without a matrix. Raises pydantic.ValidationError
    where the matrix was never checked.
    """
    return [(name, _variant(scenario, name, overlay)) for name, overlay in scenario.matrix.items()]


def _variant(scenario: Scenario, name: str, overlay: Mapping[str, Any]) -> Scenario:
    changed: dict[str, Any] = {
        "name": f"{scenario.name}-{name}",
        "title": f"{scenario.title} ({name})",
        "matrix": {},
    }
    for key, model in SECTIONS.items():
        if key in overlay:
            base = getattr(scenario, key).model_dump(mode="json", by_alias=True, exclude_none=True)
            changed[key] = model.model_validate(_laid(key, base, overlay[key]))
    if "expect" in overlay:
        changed["expect"] = Expect.model_validate({"expect": overlay["expect"]}).expect
    return scenario.model_copy(update=changed)


def check(document: Document) -> Iterator[Problem]:
    """Everything that is wrong with the document's matrix, at its place; nothing where it is empty or no mapping."""
    matrix = document.data.get("matrix")
    if not isinstance(matrix, dict) or not matrix:
        return
    if not FEWEST <= len(matrix) <= MOST:
        hint = "for instance with and without, or off and on"
        yield document.problem(
            ("matrix",), f"a matrix has {FEWEST} to {MOST} variants, not {len(matrix)}", hint
        )
    if len(matrix) > MOST:
        return
    for name, overlay in matrix.items():
        path = ("matrix", name)
        if not re.fullmatch(NAME, str(name)) or len(str(name)) > 30:
            hint = "lower-case letters, digits and dashes: with-breaker"
            yield document.problem(path, f"{str(name)[:40]!r} isn't a variant's name", hint, at_key=True)
        if isinstance(overlay, dict):
            yield from _overlay(document, path, overlay)


def _overlay(document: Document, path: KeyPath, overlay: Mapping[str, Any]) -> Iterator[Problem]:
    for key, value in overlay.items():
        if key not in KEYS:
            hint = nearest(str(key), KEYS)
            yield document.problem((*path, key), f"a variant can't change {key!r}", hint, at_key=True)
        elif key == "expect":
            yield from _wrong(Expect, document, path, {"expect": value})
        else:
            yield from _wrong(SECTIONS[key], document, (*path, key), _merged(document, key, value))


def _merged(document: Document, key: str, value: Any) -> Any:
    """The section with the variant's keys laid over it; only those where the scenario's can't be used, as is told."""
    base = document.data.get(key, {})
    try:
        SECTIONS[key].model_validate(base)
    except ValidationError:
        base = {}
    return _laid(key, base, value)


def _wrong(model: type[Part], document: Document, path: KeyPath, data: Any) -> Iterator[Problem]:
    try:
        validate(model, document, path, data)
    except Invalid as error:
        yield from error.problems


def _laid(key: str, base: Any, over: Any) -> Any:
    """A section with `over` laid on it; its keys may be spelt in either way, `retryBudget` or `retry_budget`."""
    if key in WHOLE:
        return over
    spelt = {name: field.alias or name for name, field in SECTIONS[key].model_fields.items()}
    return _joined(
        *({spelt.get(k, k): v for k, v in x.items()} if isinstance(x, Mapping) else x for x in (base, over))
    )


def _joined(base: Any, over: Any) -> Any:
    """Mappings key by key, all else in the other's place."""
    if not isinstance(base, Mapping) or not isinstance(over, Mapping):
        return over
    return {**base, **{key: _joined(base.get(key), value) for key, value in over.items()}}


def expectations(document: Document) -> Iterator[tuple[KeyPath, Any]]:
    """(place, expression) of all that the scenario and its variants expect; whatever stands there, text or not.

    Of those that are too many, which is told elsewhere, only as many as are allowed.
    """
    matrix = document.data.get("matrix")
    named = (
        [(("matrix", name), each) for name, each in list(matrix.items())[:MOST]]
        if isinstance(matrix, dict)
        else []
    )
    for path, part in [((), document.data), *named]:
        found = part.get("expect") if isinstance(part, dict) else None
        yield from (
            ((*path, "expect", i), each)
            for i, each in enumerate(found[:MOST_EXPECTED] if isinstance(found, list) else [])
        )


def json_schema() -> dict[str, Any]:
    """Of the key `matrix`, where `$defs` has the models of the sections: all of their keys have defaults."""
    sections = {key: {"$ref": f"#/$defs/{model.__name__}"} for key, model in SECTIONS.items()}
    expect = {"type": "array", "minItems": 1, "items": {"type": "string"}}
    variant = {"type": "object", "additionalProperties": False, "properties": {**sections, "expect": expect}}
    return {
        "type": "object",
        "description": "variants to run and set side by side: what each changes",
        "propertyNames": {"pattern": NAME},
        "maxProperties": MOST,
        "additionalProperties": variant,
    }
