"""Requests of an OpenAPI contract, and the comparison of two instances' answers to them.

Only GET operations are asked, since others would change what the system keeps. Parameters are whole numbers, spread evenly
from `minimum` to `maximum`, or lists of them. Fields with `x-gameday-ignore: true` aren't compared.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from gameday.host.http_client import DirectConnection
from gameday.ports import PortError
from gameday.scenario.yaml_document import Invalid, read_yaml

MOST = 200
"""Requests of one operation, at most."""
TIMEOUT_S = 60.0
TEXT = 60
"""Characters of a value that a message shows."""


@dataclass(frozen=True)
class Difference:
    """Two answers to one request differ. `field`: `price_cents`, `prices[].id`, or empty for the status."""

    operation: str
    path: str
    field: str
    old: Any
    new: Any

    def __str__(self) -> str:
        what = self.field or "status"
        return f"{what} is {_short(self.new)} for {self.path}, and was {_short(self.old)}"


@dataclass(frozen=True)
class Contract:
    """An OpenAPI document, as far as it says what can be asked and what isn't compared."""

    document: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Contract:
        """Return the contract of a file. Raise PortError if it can't be read or has no paths."""
        try:
            document = read_yaml(path).data
        except Invalid as error:
            raise PortError(f"the contract can't be read: {error}") from error
        if not isinstance(document, Mapping) or not isinstance(document.get("paths"), Mapping):
            raise PortError(f"the contract {path} has no 'paths': write it as an OpenAPI document")
        return cls(document)

    def requests(self) -> Iterator[tuple[str, str]]:
        """Yield (operation, path with query) of each request that can be made of the contract."""
        for path, item in self.document["paths"].items():
            operation = item.get("get") if isinstance(item, Mapping) else None
            if isinstance(operation, Mapping):
                for request in _filled(path, operation.get("parameters", ())):
                    yield f"GET {path}", request

    def ignored(self) -> frozenset[str]:
        """Return the names of the fields that aren't compared."""
        return frozenset(_ignored(self.document))


def compare(contract: Contract, old: str, new: str) -> tuple[int, list[Difference]]:
    """Return how many requests both instances were asked, and how their answers differ.

    A field that only the new answer has is no difference, nor is one that isn't there again if both are asked once more.
    Raise PortError if an instance doesn't answer.
    """
    ignored, differences, asked = contract.ignored(), [], 0
    with _Instance(old) as before, _Instance(new) as after:
        for operation, path in contract.requests():
            asked += 1
            if _answers_differ(before, after, path, ignored):
                again = _answers_differ(before, after, path, ignored)
                differences += [Difference(operation, path, *each) for each in again]
    if not asked:
        raise PortError("the contract has no GET operation that requests can be made of")
    return asked, differences


def _answers_differ(
    before: _Instance, after: _Instance, path: str, ignored: frozenset[str]
) -> list[tuple[str, Any, Any]]:
    """Return (field, old value, new value) of what differs between two answers; the field is empty for the status."""
    (status, answer), (new_status, new_answer) = _ask(before, path), _ask(after, path)
    if status != new_status:
        return [("", status, new_status)]
    return list(differences_of(answer, new_answer, ignored))


class _Instance(DirectConnection):
    """A connection to an instance, closed at the end of `with`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        super().__init__(parts.hostname or "", parts.port, timeout=TIMEOUT_S)

    def __enter__(self) -> _Instance:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _ask(connection: http.client.HTTPConnection, path: str) -> tuple[int, Any]:
    """Return status and body: as JSON if it is, else as text. Raise PortError if the instance doesn't answer."""
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise PortError(f"an instance beside the system doesn't answer GET {path}: {error!r}") from error
    try:
        return response.status, json.loads(body)
    except ValueError:
        return response.status, body.decode("utf-8", "replace")


def differences_of(
    old: Any, new: Any, ignored: frozenset[str], field: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Yield (field, old value, new value) of each value of the old answer that the new one has not or has otherwise."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [key for key in old if key not in ignored]:
            inner = f"{field}.{key}" if field else str(key)
            if key not in new:
                yield inner, old[key], None
            else:
                yield from differences_of(old[key], new[key], ignored, inner)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for one, other in zip(old, new, strict=True):
            yield from differences_of(one, other, ignored, f"{field}[]")
    elif old != new or type(old) is not type(new):
        yield field or "answer", old, new


def _filled(path: str, parameters: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the path with values for its parameters; nothing if one of them isn't a whole number or a list of them."""
    inputs = [parameter for parameter in parameters if parameter.get("in") in ("path", "query")]
    inputs = [parameter for parameter in inputs if parameter["in"] == "path" or parameter.get("required")]
    columns = [_values(parameter.get("schema", {})) for parameter in inputs]
    if not all(columns):
        return
    for index in range(max(map(len, columns), default=1)):
        filled, query = path, []
        for parameter, column in zip(inputs, columns, strict=True):
            value = column[index % len(column)]
            if parameter["in"] == "path":
                filled = filled.replace(f"{{{parameter['name']}}}", str(value[0]))
            else:
                query += [(parameter["name"], number) for number in value]
        yield f"{filled}?{urlencode(query)}" if query else filled


def _values(schema: Mapping[str, Any]) -> list[list[int]]:
    """Return the values for a parameter, each a list: of one number, or of as many as a list parameter has."""
    if schema.get("type") == "array":
        numbers = [value[0] for value in _values(schema.get("items", {}))]
        size = max(2, int(schema.get("minItems", 1)))
        return [numbers[start : start + size] for start in range(0, len(numbers) - size + 1, size)]
    if schema.get("type") != "integer" or "minimum" not in schema or "maximum" not in schema:
        return []
    low, high = int(schema["minimum"]), int(schema["maximum"])
    count = min(MOST, high - low + 1)
    return [[low + (high - low) * index // max(1, count - 1)] for index in range(count)]


def _ignored(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        for name, schema in part.get("properties", {}).items():
            if isinstance(schema, Mapping) and schema.get("x-gameday-ignore") is True:
                yield name
        for inner in part.values():
            yield from _ignored(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _ignored(inner)


def _short(value: Any) -> str:
    if value is None:
        return "missing or null"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= TEXT else f"{text[:TEXT]}…"
