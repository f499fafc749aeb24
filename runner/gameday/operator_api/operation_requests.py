"""Strict parsing of the body of POST /v1/operations into an `Operation`.

Only malformed requests are refused. Operations that are wrong for the incident are carried out, and counted.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from gameday.operations import Operation, OperationKind
from gameday.operator_api.status_document import StatusDocument
from gameday.registries import OPERATIONS, ExtensionError

FIELDS = ("name", "target", "change", "text", "as")
DEFAULT_ROLE = "on-call"
MAX_LENGTHS = {"text": 4000, "as": 60}
"""Field → its longest value, in characters; DEFAULT_LENGTH for the others."""
DEFAULT_LENGTH = 200


class InvalidRequest(Exception):
    """The request is malformed; the text says what is wrong and what would be right."""


class UnknownReference(InvalidRequest):
    """The request names an alert or a change that doesn't exist."""


def parse_operation(body: bytes) -> Operation:
    """Return the operation that a body describes. Raise InvalidRequest."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("the body must be JSON, in UTF-8") from error
    if not isinstance(fields, dict):
        raise InvalidRequest("the body must be a JSON object")
    for field in fields:
        if field not in FIELDS:
            suggestion = _suggest(field, FIELDS)
            raise InvalidRequest(f"unknown field {_quote(field)}{suggestion}; known are {', '.join(FIELDS)}")
    return _build({field: _read_text(field, fields.get(field)) for field in FIELDS})


def _build(fields: Mapping[str, str]) -> Operation:
    kind = _find_kind(fields["name"])
    name = kind.name
    if kind.target and kind.needs_target and not fields["target"]:
        raise InvalidRequest(f"{name} needs a 'target': {kind.target}")
    if kind.pattern and not re.fullmatch(kind.pattern, fields["target"]):
        raise InvalidRequest(f"the 'target' of {name} must be {kind.target}")
    if not kind.target and fields["target"]:
        raise InvalidRequest(f"{name} takes no 'target'")
    if kind.needs_text and not fields["text"]:
        raise InvalidRequest(f"{name} needs a 'text'")
    if fields["change"] and not kind.takes_change:
        raise InvalidRequest(f"'change' belongs to rollback and the canary's operations, not to {name}")
    role = fields["as"] or DEFAULT_ROLE
    return Operation(name, fields["target"], role, fields["change"] or None, fields["text"])


def _find_kind(name: str) -> OperationKind:
    """Return the kind of operation of that name. Raise InvalidRequest if there is none, or its plug-in is broken."""
    if name not in OPERATIONS:
        names = list(OPERATIONS)
        problem = f"unknown operation {_quote(name)}" if name else "'name' is missing"
        raise InvalidRequest(f"{problem}{_suggest(name, names)}; known are {', '.join(names)}")
    try:
        kind: OperationKind = OPERATIONS[name]
    except ExtensionError as error:
        raise InvalidRequest(str(error)) from error
    return kind


def _read_text(field: str, value: Any) -> str:
    """Return the stripped text of a field, "" if it is missing or null. Raise InvalidRequest."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidRequest(f"{field!r} must be text")
    longest = MAX_LENGTHS.get(field, DEFAULT_LENGTH)
    if len(value) > longest:
        raise InvalidRequest(f"{field!r} is longer than {longest} characters")
    if not all(character.isprintable() or (field == "text" and character in "\n\t") for character in value):
        raise InvalidRequest(f"{field!r} has characters that can't be printed")
    return value.strip()


def _suggest(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word[:DEFAULT_LENGTH], known, 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _quote(word: str) -> str:
    return ascii(word[:40])


def check_references(operation: Operation, status: StatusDocument) -> None:
    """Raise UnknownReference if the operation names an alert or a change that the status doesn't list."""
    if operation.name == "ack":
        _check_listed("alert", operation.target, [alert["id"] for alert in status["alerts"]])
    if operation.change is not None:
        changes = {change["id"]: change["service"] for change in status["changes"]}
        _check_listed("change", operation.change, list(changes))
        service = changes[operation.change]
        if service != operation.target:
            raise UnknownReference(
                f"change {operation.change} is a change of {service}, not of {operation.target}"
            )


def _check_listed(what: str, wanted: str, known: Sequence[str]) -> None:
    if wanted not in known:
        listed = f"there is {', '.join(known)}" if known else f"there is no {what} now"
        raise UnknownReference(f"no {what} {_quote(wanted)}: {listed}")
