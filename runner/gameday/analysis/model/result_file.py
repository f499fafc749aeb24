"""Base of every result file: frozen models that are their own JSON Schema, read leniently and
written exactly.

A key that is null or missing in a file has the field's default, so files of older versions can be
read; unknown keys are ignored. A file is always written with all of its keys.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from gameday.recording.atomic_file import json_text

DIGITS = 6
"""Decimals of every float in a file: microseconds and millionths."""
COMPARED_DIGITS = 12
"""Decimals of every float that an expectation compares: one bad request of ten million isn't 0 %."""

Verdict = Literal["pass", "fail", "inconclusive", "error"]
ExitStatus = Annotated[int, Field(json_schema_extra={"enum": [0, 1, 3, 4, 5, 130]})]
Amount = Annotated[float, Field(json_schema_extra={"minimum": 0})]
"""Seconds or a ratio, not below 0."""
Count = Annotated[int, Field(json_schema_extra={"minimum": 0})]
Severity = Annotated[int, Field(json_schema_extra={"minimum": 1, "maximum": 5})]
"""1 is the gravest, 5 is none."""
Value = float | bool | str | None
"""The value of a name in an expression; None if nothing measured it."""


def number(value: float | None) -> float | str | None:
    """Return a number as JSON can hold it: rounded, infinities as "Infinity" and "-Infinity", NaN as null."""
    if value is None or math.isnan(value):
        return None
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return round(value, DIGITS)


Number = Annotated[
    float,
    PlainSerializer(number),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"enum": ["Infinity", "-Infinity"]}]}),
]
"""A number that may be infinite; JSON has no infinity, so the file has the text "Infinity"."""
Interval = tuple[Number, Number]


def stamp(description: str) -> Any:
    """Return the field of a clock: seconds since the run's start, None if it never happened."""
    return Field(
        default=None, description=f"{description}; seconds since the run's start, null = never happened"
    )


def described(description: str) -> Any:
    """Return a field that is None unless measured."""
    return Field(default=None, description=description)


class Model(BaseModel):
    """A part of a result file."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        json_schema_serialization_defaults_required=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _read_null_as_missing(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            return {key: value for key, value in data.items() if value is not None}
        return data

    def document(self) -> dict[str, Any]:
        """Return the content as it is in JSON, keys in the order of the schema."""
        return self.model_dump(mode="json", by_alias=True)

    def rounded(self, digits: int = DIGITS) -> Self:
        """Return what reading the written file would give: every float rounded."""
        return type(self).model_validate(_rounded(self.model_dump(by_alias=True), digits))


class ResultFile(Model):
    """A result file, with the name of its format under `schema`."""

    NAME: ClassVar[str] = ""
    TITLE: ClassVar[str] = ""

    format: str = Field(alias="schema")

    def text(self) -> str:
        """Return the content of the file. Raise ValueError if it holds a NaN or an infinity."""
        return json_text(self.document())

    @classmethod
    def read_file(cls, path: Path) -> Self:
        """Read a file. Raise ValueError, with the file's name, if it can't be read or isn't of this format."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise ValueError(f"{path}: can't be read: {error}") from error
        return cls.read_data(data, str(path))

    @classmethod
    def read_data(cls, data: Any, where: str) -> Self:
        """Return the content of a file as a model. Raise ValueError if it isn't of this format; `where` names the file."""
        if not isinstance(data, dict) or data.get("schema") != cls.NAME:
            raise ValueError(f"{where}: isn't {cls.NAME}")
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            key = ".".join(str(step) for step in problem["loc"])
            raise ValueError(f"{where}: isn't {cls.NAME}: {key}: {problem['msg']}") from error

    @classmethod
    def schema_of_file(cls) -> dict[str, Any]:
        """Return the JSON Schema (draft 2020-12) of the file; every key is always there."""
        schema = cls.model_json_schema(mode="serialization", schema_generator=_FileSchema)
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": cls.NAME,
            **schema,
            "title": cls.TITLE,
        }

    @classmethod
    def schema_text(cls) -> str:
        """Return the content of the published schema file."""
        return json_text(cls.schema_of_file())


class _FileSchema(GenerateJsonSchema):
    """JSON Schema of a written file, without a title for each property, which would only repeat its key."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        """Leave out defaults: they are for reading older files, and a written file has every key."""
        return self.generate_inner(schema["schema"])

    def generate(self, schema: Any, mode: Any = "serialization") -> JsonSchemaValue:
        written = super().generate(schema, mode)
        for definition in written.get("$defs", {}).values():
            definition.pop("title", None)
        return written


def _rounded(value: Any, digits: int) -> Any:
    if isinstance(value, float):
        return round(value, digits)
    if isinstance(value, Mapping):
        return {key: _rounded(inner, digits) for key, inner in value.items()}
    return [_rounded(inner, digits) for inner in value] if isinstance(value, list | tuple) else value
