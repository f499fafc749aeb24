"""Journeys of one's own: HTTP steps with data, saved values and expectations. docs/your-system.md explains the keys.

A text may hold `${user}`, `${n}` (the number of the visit, unique in the run), `${run}`, `${data.COLUMN}` and
`${NAME}` of a value that an earlier step saved.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from gameday.scenario.scenario_part import LONGEST_NAME, NAME, Part

METHODS = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
BUILT_IN = ("user", "n", "run")
VARIABLE = r"^[a-z][A-Za-z0-9_]*$"
GOOD = tuple(range(200, 400))
"""Statuses of a good answer unless a step says which."""


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str | int) and not isinstance(value, bool) else value


def _one_or_several(item: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]})


Statuses = Annotated[
    tuple[Annotated[int, Field(ge=100, le=599)], ...],
    Field(min_length=1),
    BeforeValidator(_listed),
    _one_or_several({"type": "integer", "minimum": 100, "maximum": 599}),
]
Expressions = Annotated[
    tuple[str, ...], Field(max_length=20), BeforeValidator(_listed), _one_or_several({"type": "string"})
]


class StepExpectation(Part):
    """What a good answer is. `that` are CEL expressions over `status`, `headers`, `body` and the saved values."""

    status: Statuses = Field(default=GOOD, description="one status or several; default 200 to 399")
    that: Expressions = Field(default=(), description="CEL; all must be true")


class OwnStep(Part):
    """One request of a journey."""

    name: str = Field(pattern=NAME, max_length=LONGEST_NAME)
    method: METHODS = "GET"
    path: str = Field(pattern=r"^/[^\s#]*$", max_length=2000)
    headers: dict[str, str] = Field(default={})
    json_: Any = Field(default=None, alias="json", description="the body, sent as JSON")
    form: dict[str, str] | None = Field(default=None, description="the body, sent as a form")
    save: dict[Annotated[str, Field(pattern=VARIABLE)], str] = Field(
        default={}, description="name → CEL over status, headers and body"
    )
    expect: StepExpectation = StepExpectation()

    @model_validator(mode="after")
    def _has_one_body(self) -> OwnStep:
        if self.json_ is not None and self.form is not None:
            raise ValueError("has both json and form\nkeep one of the two")
        for name, value in self.headers.items():
            if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or re.search(r"[\r\n\0]", value):
                raise ValueError(f"{name[:40]!r} isn't a header with a text of one line")
        taken = sorted(set(self.save) & {*BUILT_IN, "data", "status", "headers", "body"})
        if taken:
            raise ValueError(f"can't save {taken[0]!r}: the name has a meaning of its own\nfor instance id")
        return self

    def placeholders(self) -> Iterator[str]:
        """Yield the name of every placeholder in path, headers and body."""
        texts = (self.path, *self.headers.values(), json.dumps(self.json_), json.dumps(self.form))
        for text in texts:
            yield from PLACEHOLDER.findall(text)


class OwnJourney(Part):
    """A journey of users. `data` is a CSV file, or a JSON file with a list of objects; each visit takes the next row."""

    weight: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    data: str | None = None
    steps: tuple[OwnStep, ...] = Field(min_length=1, max_length=50)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the steps, in order."""
        return tuple(step.name for step in self.steps)

    @property
    def checks_answers(self) -> bool:
        """True if a step has an expectation of its content, so that answers can be right or wrong."""
        return any(step.expect.that for step in self.steps)

    @model_validator(mode="after")
    def _uses_what_is_known(self) -> OwnJourney:
        if len(set(self.names)) != len(self.names):
            raise ValueError("two steps have the same name")
        known = {*BUILT_IN}
        for step in self.steps:
            for name in step.placeholders():
                if name.startswith("data."):
                    if self.data is None:
                        raise ValueError(f"step {step.name} uses ${{{name}}}, but the journey has no data")
                elif name not in known:
                    raise ValueError(
                        f"step {step.name} uses ${{{name[:40]}}}, which no earlier step saves\n"
                        f"known here: {', '.join(sorted(known))}"
                    )
            known |= set(step.save)
        return self
