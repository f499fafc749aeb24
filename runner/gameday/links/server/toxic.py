"""A toxic as the HTTP API shows it: name, type, stream, toxicity and attributes; reading and merging of bodies.

What a type does is in `toxics/`.
"""

from __future__ import annotations

import random
from collections.abc import Container
from dataclasses import asdict, dataclass, fields, replace
from typing import Literal

from gameday.links.server.api_errors import bad_body, invalid_stream, invalid_toxic_type, toxic_exists
from gameday.links.server.request_body import Fields
from gameday.links.server.toxics import TYPES, Attributes

Stream = Literal["upstream", "downstream"]
_STREAMS: dict[str, Stream] = {"upstream": "upstream", "downstream": "downstream"}


@dataclass(frozen=True)
class Toxic:
    """`shown_stream` is the stream as it was written: the real server accepts any case and echoes it."""

    name: str
    type: str
    stream: Stream
    shown_stream: str
    toxicity: float
    attributes: Attributes

    def applies(self) -> bool:
        """Return True if this toxic, by its toxicity, applies to one direction of one connection."""
        return random.random() < self.toxicity  # noqa: S311

    def view(self) -> dict[str, object]:
        return {
            "attributes": asdict(self.attributes),
            "name": self.name,
            "type": self.type,
            "stream": self.shown_stream,
            "toxicity": int(self.toxicity) if self.toxicity.is_integer() else self.toxicity,
        }


def parsed(body: object, taken: Container[str]) -> Toxic:
    """Return the toxic of a body. Raise ApiError 400 if the body is invalid, 409 if the name is in `taken`."""
    given = Fields(body)
    name, kind = given.text("name"), given.text("type")
    shown = given.text("stream", "downstream")
    toxicity = given.number("toxicity", 1.0)
    values = given.nested("attributes")
    stream = _STREAMS.get(shown.lower())
    if stream is None:
        raise invalid_stream()
    if kind not in TYPES:
        raise invalid_toxic_type()
    name = name or f"{kind}_{shown}"
    if name in taken:
        raise toxic_exists()
    return Toxic(name, kind, stream, shown, toxicity, _merged(TYPES[kind](), values))


def updated(toxic: Toxic, body: object) -> Toxic:
    """Return the toxic with toxicity and attributes of a body merged in; name, type and stream are kept."""
    given = Fields(body)
    attributes = _merged(toxic.attributes, given.nested("attributes"))
    return replace(toxic, toxicity=given.number("toxicity", toxic.toxicity), attributes=attributes)


def _merged(attributes: Attributes, given: Fields) -> Attributes:
    changes = {
        field.name: given.integer(field.name, getattr(attributes, field.name)) for field in fields(attributes)
    }
    merged = replace(attributes, **changes)
    problem = merged.problem()
    if problem is not None:
        raise bad_body(problem)
    return merged
