"""What a client asks for, read strictly: the body of POST /v1/operations → an `Operation`, or what is wrong with it.

Whether an operation is wise is nobody's business here: wrong ones are carried out too, and counted.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from typing import Any, get_args

from gameday.operations import Operation, OperationName

NAMES: tuple[OperationName, ...] = get_args(OperationName)
FIELDS = ("name", "target", "change", "text", "as")
NEEDS_TARGET = {
    "ack": "the id of an alert",
    "rollback": "a service",
    "failover": "a region",
    "rejoin": "a region",
    "restart": "a service",
    "flag": "name=on or name=off",
}
ANYBODY = "on-call"
LONGEST = {"text": 4000, "as": 60}
SHORT = 200
FLAG = re.compile(r"[A-Za-z][\w.-]*=(on|off)")


class Refused(Exception):
    """What is asked for can't be asked: the text says why, for the one who asked."""


def read(body: bytes) -> Operation:
    """Raises Refused."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused("the body must be JSON, in UTF-8") from error
    if not isinstance(asked, dict):
        raise Refused("the body must be a JSON object")
    for field in asked:
        if field not in FIELDS:
            raise Refused(
                f"unknown field {_quoted(field)}{_near(field, FIELDS)}; known are {', '.join(FIELDS)}"
            )
    words = {field: _words(field, asked.get(field)) for field in FIELDS}
    return _operation(words)


def _operation(words: Mapping[str, str]) -> Operation:
    name = next((known for known in NAMES if known == words["name"]), None)
    if name is None:
        said = f"unknown operation {_quoted(words['name'])}" if words["name"] else "'name' is missing"
        raise Refused(f"{said}{_near(words['name'], NAMES)}; known are {', '.join(NAMES)}")
    if name in NEEDS_TARGET and not words["target"]:
        raise Refused(f"{name} needs a 'target': {NEEDS_TARGET[name]}")
    if name == "flag" and not FLAG.fullmatch(words["target"]):
        raise Refused("the 'target' of flag is name=on or name=off")
    if name == "note" and (words["target"] or not words["text"]):
        raise Refused("a note is a 'text', without a 'target'")
    if words["change"] and name != "rollback":
        raise Refused(f"'change' belongs to rollback, not to {name}")
    return Operation(name, words["target"], words["as"] or ANYBODY, words["change"] or None, words["text"])


def _words(field: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused(f"{field!r} must be text")
    if len(value) > LONGEST.get(field, SHORT):
        raise Refused(f"{field!r} is longer than {LONGEST.get(field, SHORT)} characters")
    if not all(character.isprintable() or (field == "text" and character in "\n\t") for character in value):
        raise Refused(f"{field!r} has characters that can't be printed")
    return value.strip()


def _near(word: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(word[:SHORT], known, 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _quoted(word: str) -> str:
    return ascii(word[:40])


def known(operation: Operation, status: Mapping[str, Any]) -> None:
    """Refuses an alert or a change that isn't there, which no engine could make sense of. Raises Refused."""
    if operation.name == "ack":
        _among("alert", operation.target, [str(alert["id"]) for alert in status.get("alerts", ())])
    if operation.change is not None:
        changes = {str(change["id"]): str(change["service"]) for change in status.get("changes", ())}
        _among("change", operation.change, list(changes))
        if changes[operation.change] != operation.target:
            raise Refused(
                f"change {operation.change} is one of {changes[operation.change]}, not of {operation.target}"
            )


def _among(what: str, wanted: str, there: list[str]) -> None:
    if wanted not in there:
        listed = f"there is {', '.join(there)}" if there else f"there is no {what} now"
        raise Refused(f"no {what} {_quoted(wanted)}: {listed}")
