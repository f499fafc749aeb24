"""Variants of a scenario, its `matrix:`. Each changes a few keys, so that their effect can be measured.

    matrix:
      with: {guardrails: {breaker: true, bulkhead: true}}
      without: {guardrails: {breaker: false}, expect: ["slos['browse'].verdict == 'breach'"]}

A variant's keys are merged into the scenario's, mapping by mapping; `respond` and `expect` replace the scenario's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pydantic import Field, ValidationError

from gameday.scenario.own.journey_context import JOURNEYS, journey_context
from gameday.scenario.scenario_model import MOST as MOST_EXPECTED
from gameday.scenario.scenario_model import NAME, Gates, Guardrails, Load, Part, Respond, Scenario, System
from gameday.scenario.yaml_document import Document, Invalid, KeyPath, Problem, nearest, validate

SECTIONS: Mapping[str, type[Part]] = {
    "gates": Gates,
    "guardrails": Guardrails,
    "system": System,
    "load": Load,
    "respond": Respond,
}
WHOLE = ("respond", "expect")
KEYS = (*SECTIONS, "expect")
FEWEST, MOST = 2, 6


class Expect(Part):
    """Expectations of a variant, which replace the scenario's."""

    expect: tuple[str, ...] = Field(min_length=1, max_length=MOST_EXPECTED)


def variants(scenario: Scenario) -> Sequence[tuple[str, Scenario]]:
    """Return (name, scenario) of each variant, in the file's order; empty if the scenario has no matrix.

    A variant is a scenario of its own, called `<scenario>-<variant>`, without a matrix. Raise pydantic.ValidationError
    if the matrix is invalid; `check` finds that out earlier.
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
            changed[key] = model.model_validate(
                _merge(key, base, overlay[key]), context={JOURNEYS: list(scenario.journeys) or None}
            )
    if "expect" in overlay:
        changed["expect"] = Expect.model_validate({"expect": overlay["expect"]}).expect
    return scenario.model_copy(update=changed)


def check(document: Document) -> Iterator[Problem]:
    """Yield every problem of the document's matrix; none if it is empty or no mapping, which the model reports."""
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
            yield from _check_overlay(document, path, overlay)


def _check_overlay(document: Document, path: KeyPath, overlay: Mapping[str, Any]) -> Iterator[Problem]:
    for key, value in overlay.items():
        if key not in KEYS:
            hint = nearest(str(key), KEYS)
            yield document.problem((*path, key), f"a variant can't change {key!r}", hint, at_key=True)
        elif key == "expect":
            yield from _problems_of(Expect, document, path, {"expect": value})
        else:
            yield from _problems_of(
                SECTIONS[key], document, (*path, key), _merge_section(document, key, value)
            )


def _merge_section(document: Document, key: str, value: Any) -> Any:
    """Return the section with the variant's keys merged into it; those alone if the scenario's section is invalid."""
    base = document.data.get(key, {})
    try:
        SECTIONS[key].model_validate(base, context=journey_context(document.data))
    except ValidationError:
        base = {}
    return _merge(key, base, value)


def _problems_of(model: type[Part], document: Document, path: KeyPath, data: Any) -> Iterator[Problem]:
    try:
        validate(model, document, path, data)
    except Invalid as error:
        yield from error.problems


def _merge(key: str, base: Any, over: Any) -> Any:
    """Return a section with `over` merged into it. Keys may have either spelling, `retryBudget` or `retry_budget`."""
    if key in WHOLE:
        return over
    spelt = {name: field.alias or name for name, field in SECTIONS[key].model_fields.items()}
    return _merge_mappings(
        *({spelt.get(k, k): v for k, v in x.items()} if isinstance(x, Mapping) else x for x in (base, over))
    )


def _merge_mappings(base: Any, over: Any) -> Any:
    """Return `base` with `over` merged into it: mappings key by key, anything else replaced."""
    if not isinstance(base, Mapping) or not isinstance(over, Mapping):
        return over
    return {**base, **{key: _merge_mappings(base.get(key), value) for key, value in over.items()}}


def expectations(document: Document) -> Iterator[tuple[KeyPath, Any]]:
    """Yield (place, expression) of the expectations of the scenario and its variants; they needn't be text.

    Skip expectations beyond the allowed number, which the model reports.
    """
    matrix = document.data.get("matrix")
    overlays = list(matrix.items())[:MOST] if isinstance(matrix, dict) else []
    for path, part in [((), document.data), *((("matrix", name), overlay) for name, overlay in overlays)]:
        expressions = part.get("expect") if isinstance(part, dict) else None
        for index, expression in enumerate(
            expressions[:MOST_EXPECTED] if isinstance(expressions, list) else []
        ):
            yield (*path, "expect", index), expression


def systems(document: Document) -> Iterator[System]:
    """Yield the system of the scenario and of each variant, leaving out those that can't be read."""
    parts = [document.data.get("system", {})]
    by_name = document.data.get("matrix")
    for variant in list(by_name.values())[:MOST] if isinstance(by_name, dict) else ():
        changed = variant.get("system") if isinstance(variant, dict) else None
        parts += [{**parts[0], **changed}] if isinstance(changed, dict) and isinstance(parts[0], dict) else []
    for system in parts:
        with suppress(ValidationError):
            yield System.model_validate(system)


def json_schema() -> dict[str, Any]:
    """Return the schema of the key `matrix`. It refers to the sections' models in `$defs`, whose keys are all optional."""
    sections = {key: {"$ref": f"#/$defs/{model.__name__}"} for key, model in SECTIONS.items()}
    expect = {"type": "array", "minItems": 1, "items": {"type": "string"}}
    variant = {"type": "object", "additionalProperties": False, "properties": {**sections, "expect": expect}}
    return {
        "type": "object",
        "description": "variants to run and compare: what each changes",
        "propertyNames": {"pattern": NAME},
        "maxProperties": MOST,
        "additionalProperties": variant,
    }
