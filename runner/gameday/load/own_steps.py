"""Journeys of a scenario's own as generators of steps: placeholders filled in, answers judged, values saved. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from gameday.load.answer_expressions import CannotEvaluate, Evaluate, compiled
from gameday.load.oracle import Finding
from gameday.scenario.own.own_journeys import PLACEHOLDER, OwnJourney, OwnStep

SAFE_TO_REPEAT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Reply:
    """The judged answer of a step: what its expressions saw, and what it saved."""

    values: Mapping[str, Any]
    saved: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OwnRequest:
    """One request of a scenario's own journey. `read` judges an answer: status, headers, content → (finding, reply).

    The finding is None if the step has no expectation of its content.
    """

    name: str
    method: str
    path: str
    read: Callable[[int, Mapping[str, str], bytes], tuple[Finding | None, Any]]
    expected: frozenset[int]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    order: int = 0
    basket: int = 0

    @property
    def repeatable(self) -> bool:
        """True if the request may be sent again on a connection that was closed before any byte of the answer."""
        return self.method in SAFE_TO_REPEAT


class CompiledJourney:
    """A journey with its expressions compiled once. `visit` yields its requests and is sent each `Reply`."""

    def __init__(self, journey: OwnJourney, rows: Rows = ()) -> None:
        self._rows = rows
        self._steps = [_CompiledStep(step) for step in journey.steps]

    def visit(
        self, *, user: int, n: int, run: str, save: Callable[[Mapping[str, Any]], None]
    ) -> Generator[OwnRequest, Reply, None]:
        """Yield the requests of one visit; call `save` with the values that each step saved."""
        values: dict[str, Any] = {"user": user, "n": n, "run": run}
        if self._rows:
            values["data"] = self._rows[(n - 1) % len(self._rows)]
        for step in self._steps:
            reply = yield step.request(values)
            values |= reply.saved
            if reply.saved:
                save(reply.saved)


class _CompiledStep:
    def __init__(self, step: OwnStep) -> None:
        self._step = step
        self._that: list[Evaluate] = [compiled(expression) for expression in step.expect.that]
        self._save = {name: compiled(expression) for name, expression in step.save.items()}
        self._expected = frozenset(step.expect.status)

    def request(self, values: Mapping[str, Any]) -> OwnRequest:
        step, body = self._step, b""
        headers = {name: str(fill(value, values)) for name, value in step.headers.items()}
        if step.json_ is not None:
            body = json.dumps(fill(step.json_, values)).encode()
            headers = {"Content-Type": "application/json", **headers}
        elif step.form is not None:
            body = urlencode({name: fill(value, values) for name, value in step.form.items()}).encode()
            headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}

        def read(
            status: int, answer_headers: Mapping[str, str], content: bytes
        ) -> tuple[Finding | None, Reply]:
            return self._judge(status, answer_headers, content, values)

        path = str(fill(step.path, values, quoted=True))
        return OwnRequest(step.name, step.method, path, read, self._expected, headers, body)

    def _judge(
        self, status: int, headers: Mapping[str, str], content: bytes, values: Mapping[str, Any]
    ) -> tuple[Finding | None, Reply]:
        """Return whether the answer is right, None without expectation; an answer that lacks a saved value is wrong."""
        if not self._that and not self._save:
            return None, Reply({}, {})
        seen = {**values, "status": status, "headers": dict(headers), "body": decoded(content)}
        try:
            saved = {name: evaluate(seen) for name, evaluate in self._save.items()}
            right = all(evaluate({**seen, **saved}) is True for evaluate in self._that)
        except CannotEvaluate:
            return Finding(False), Reply(seen, {})
        return (Finding(right) if self._that else None), Reply(seen, saved)


def decoded(content: bytes) -> Any:
    """Return the content as JSON if it is, else as text."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content.decode(errors="replace")


def fill(value: Any, values: Mapping[str, Any], *, quoted: bool = False) -> Any:
    """Return `value` with its placeholders filled in. A text that is one placeholder takes the value's own type.

    A row of data without the column, or a saved value that is missing, is an empty text.
    """
    if isinstance(value, Mapping):
        return {key: fill(inner, values) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [fill(inner, values) for inner in value]
    if not isinstance(value, str):
        return value
    whole = PLACEHOLDER.fullmatch(value)
    if whole and not quoted:
        return _value(whole[1], values)

    def text(name: str) -> str:
        shown = str(_value(name, values))
        return quote(shown, safe="") if quoted else shown

    return PLACEHOLDER.sub(lambda match: text(match[1]), value)


def _value(name: str, values: Mapping[str, Any]) -> Any:
    root, dot, column = name.partition(".")
    value = values.get(root, "")
    return value.get(column, "") if dot and isinstance(value, Mapping) else value


def saved_line(t: float, journey: str, saved: Mapping[str, Any]) -> str:
    """Return the line of `saved.jsonl` that says what a step saved, for the audit."""
    return json.dumps({"t": round(t, 6), "journey": journey, "saved": saved}, default=str) + "\n"
