"""Validation of documents by pydantic models, with every error at its place in the file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gameday.scenario.located_problems import Document, Invalid, KeyPath, Problem, nearest
from gameday.scenario.own.journey_context import journey_context
from gameday.scenario.pydantic_errors import describe_error, describe_pattern

Model = TypeVar("Model", bound=BaseModel)
MOST = 50
"""Problems of one validation that are listed."""


def validate(model: type[Model], document: Document, path: KeyPath = (), data: Any = None) -> Model:
    """Return `data` (default: the whole document) as `model`. Raise Invalid with every error at its place.

    `path` is where `data` is in the document.
    """
    try:
        return model.model_validate(
            document.data if data is None else data, context=journey_context(document.data)
        )
    except ValidationError as error:
        errors = error.errors()
        listed = [item for item in errors if not _is_implied(item, errors)]
        listed, problems = _fold_nesting(listed, model, document, path)
        problems += [_locate(item, model, document, path) for item in listed[:MOST]]
        if len(listed) > MOST:
            problems.append(document.problem(path, f"and {len(listed) - MOST} more problems"))
        raise Invalid(problems) from error


def _is_implied(error: Any, errors: Sequence[Any]) -> bool:
    """Return True if a sequence is too short only because its items are wrong, which have errors of their own."""
    place = error["loc"]
    inside = (item for item in errors if len(item["loc"]) > len(place))
    return error["type"] == "too_short" and any(item["loc"][: len(place)] == place for item in inside)


def _fold_nesting(
    errors: Sequence[Any], model: type[BaseModel], document: Document, path: KeyPath
) -> tuple[list[Any], list[Problem]]:
    """Return the errors without those of keys that stand one level too high, and one problem for each such mistake.

    A link's `from` and `to` beside `latency` are three errors: `link` is missing, and two keys are unknown.
    """
    rest, problems = list(errors), []
    for error in errors:
        if error["type"] != "missing" or not isinstance(error["input"], dict):
            continue
        *place, name = error["loc"]
        inner = _fields_at(model, [part for part in error["loc"] if not _is_union_tag(part)])
        strays = [
            item
            for item in rest
            if item["type"] == "extra_forbidden" and [*item["loc"][:-1]] == place and item["loc"][-1] in inner
        ]
        if strays:
            given = ", ".join(f"{item['loc'][-1]}: {item['input']}" for item in strays)
            where = (*path, *(part for part in place if not _is_union_tag(part)))
            problems.append(document.problem(where, f"{name!r} is missing", f"write {name}: {{{given}}}"))
            rest = [item for item in rest if item is not error and item not in strays]
    return rest, problems


def _locate(error: Any, model: type[BaseModel], document: Document, path: KeyPath) -> Problem:
    """Return the problem that an error of pydantic's describes."""
    *outer, last = error["loc"] or ("",)
    location = (
        *(part for part in outer if not _is_union_tag(part)),
        *(() if _is_tag(error, last) else (last,)),
    )
    where = (*path, *location)
    kind, message, hint = error["type"], str(error["msg"]), ""
    context: Mapping[str, Any] = error.get("ctx") or {}
    if kind == "extra_forbidden":
        known = _fields_at(model, location[:-1])
        return document.problem(
            where, f"unknown key {location[-1]!r}", nearest(str(location[-1]), known), at_key=True
        )
    if kind == "missing":
        return document.problem(where[:-1], f"{location[-1]!r} is missing")
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        return document.problem(
            where, f"unknown value {error['input']!r}", nearest(str(error["input"]), choices)
        )
    if kind == "string_pattern_mismatch":
        return document.problem(
            where, f"{error['input']!r} has the wrong form", describe_pattern(context["pattern"])
        )
    if kind == "value_error":
        message, _, hint = str(context.get("error", message)).partition("\n")
    hint = hint or _example(error, model, location)
    return document.problem(where, describe_error(kind, error["input"], context) or message, hint)


def _example(error: Any, model: type[BaseModel], location: Sequence[str | int]) -> str:
    """Return a hint that spells a value as it was probably meant; empty if there is no such spelling."""
    value, name = error["input"], location[-1] if location else ""
    if not isinstance(name, str) or not name:
        return ""
    if error["type"] in ("model_type", "model_attributes_type") and isinstance(value, str | int | float):
        fields = _fields_at(model, location)
        return f"write {name}: {{{fields[0]}: {value}}}" if len(fields) == 1 else ""
    if error["type"] in ("float_type", "float_parsing", "int_type", "int_parsing") and isinstance(value, str):
        number = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*[x×*]?\s*", value)
        return f"write {name}: {number[1]}" if number else ""
    return ""


def _is_tag(error: Any, last: str | int) -> bool:
    """Return True if the last part of a location isn't a key of the file. An unknown key may look like anything."""
    return not error["loc"] or (error["type"] != "extra_forbidden" and _is_union_tag(last))


def _is_union_tag(part: str | int) -> bool:
    """Return True if a part of a location is pydantic's name of a branch of a union."""
    return isinstance(part, str) and ("[" in part or part.startswith("function-"))


def _fields_at(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Return the names (aliases) of the fields of the model at `path` inside `model`; empty if it isn't a model."""
    current: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, int):
            continue
        fields = current.model_fields.items() if current else ()
        info = next((field for name, field in fields if (field.alias or name) == part), None)
        current = _model_in(info.annotation) if info else None
    return [field.alias or name for name, field in current.model_fields.items()] if current else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the first model that an annotation names, however deep; None if it names none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    models = (_model_in(inner) for inner in getattr(annotation, "__args__", ()))
    return next((model for model in models if model), None)
