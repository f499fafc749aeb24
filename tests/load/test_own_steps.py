"""Journeys of a scenario's own: what they send, what they save, and how answers are judged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gameday.load.answer_expressions import problem_of
from gameday.load.own_steps import CompiledJourney, OwnRequest, Reply
from gameday.scenario.own.own_journeys import OwnJourney

JOURNEY = {
    "data": "voters.csv",
    "steps": [
        {
            "name": "vote",
            "method": "POST",
            "path": "/votes/${data.town}",
            "headers": {"Idempotency-Key": "${run}-${n}"},
            "json": {"voter": "${user}", "choice": {"of": ["${data.choice}", "for ${data.town}"]}},
            "save": {"id": "body.vote.id", "at": "headers['location']"},
            "expect": {"status": 201, "that": ["body.vote.choice in ['cats', 'dogs']", "id > 0"]},
        },
        {"name": "look", "path": "/votes/${id}", "expect": {"that": "body.id == id"}},
        {"name": "bye", "method": "POST", "path": "/bye", "form": {"id": "${id}"}},
    ],
}
ROWS = ({"town": "São Paulo", "choice": "cats"}, {"town": "Oslo", "choice": "dogs"})


def visit(n: int = 1, kept: list[Any] | None = None) -> Any:
    """Return the generator of one visit of the journey above."""
    journey = CompiledJourney(OwnJourney.model_validate(JOURNEY), ROWS)
    return journey.visit(user=7, n=n, run="r1", save=(kept if kept is not None else []).append)


def judged(request: OwnRequest, body: Any, **headers: str) -> tuple[bool | None, Reply]:
    """Return whether the answer is right, None if the step doesn't say, and the reply."""
    finding, reply = request.read(
        200, headers, body if isinstance(body, bytes) else json.dumps(body).encode()
    )
    return None if finding is None else finding.right, reply


def test_placeholders_take_data_and_saved_values() -> None:
    """Paths are quoted, a text that is one placeholder keeps the value's type, and rows are taken in turn."""
    kept: list[Any] = []
    steps = visit(kept=kept)
    vote = next(steps)
    assert (vote.method, vote.path) == ("POST", "/votes/S%C3%A3o%20Paulo")
    assert vote.headers == {"Content-Type": "application/json", "Idempotency-Key": "r1-1"}
    assert json.loads(vote.body) == {"voter": 7, "choice": {"of": ["cats", "for São Paulo"]}}
    right, reply = judged(vote, {"vote": {"id": 12, "choice": "cats"}}, location="/votes/12")
    assert right
    look = steps.send(reply)
    assert (look.method, look.path, look.body) == ("GET", "/votes/12", b"")
    assert kept == [{"id": 12, "at": "/votes/12"}]
    bye = steps.send(judged(look, {"id": 12})[1])
    assert (bye.body, bye.headers) == (b"id=12", {"Content-Type": "application/x-www-form-urlencoded"})
    assert next(visit(n=2)).path == "/votes/Oslo"
    assert next(visit(n=3)).path == "/votes/S%C3%A3o%20Paulo"


@pytest.mark.parametrize(
    "body",
    [{"vote": {"id": 12, "choice": "birds"}}, {"vote": {"id": 0, "choice": "cats"}}, {}, [], b"<html>", b""],
    ids=str,
)
def test_answers_of_any_shape_are_judged(body: Any) -> None:
    """An answer that breaks an expectation, or lacks a value to save, is wrong; none of them raises."""
    assert judged(next(visit()), body, location="/x")[0] is False


def test_a_step_without_expectation_is_neither_right_nor_wrong() -> None:
    """Correctness is unknown, never ok, if nothing says what a right answer is."""
    steps = visit()
    reply = judged(next(steps), {"vote": {"id": 1, "choice": "cats"}}, location="/x")[1]
    bye = steps.send(judged(steps.send(reply), {"id": 1})[1])
    assert judged(bye, b"anything")[0] is None


def test_only_requests_that_may_be_repeated_are_sent_again() -> None:
    """A POST goes over a new connection, so that it never has to be sent twice."""
    steps = visit()
    vote = next(steps)
    look = steps.send(judged(vote, {"vote": {"id": 1, "choice": "cats"}}, location="/x")[1])
    assert (vote.repeatable, look.repeatable) == (False, True)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("body.ok", None),
        ("body.items.all(x, x.price > 0) && size(body.items) == 2", None),
        ("status == 200 && headers['content-type'].startsWith('text/html')", None),
        ("id == body.id", None),
        ("body.ok = true", "isn't a CEL expression"),
        ("bodi.ok", "unknown name 'bodi'"),
        ("body.x" + " && body.x" * 200, "is over 1000 characters"),
    ],
)
def test_expressions_are_checked_before_a_run(expression: str, problem: str | None) -> None:
    """A misspelt name would make every answer wrong, so it is a problem of the file."""
    found = problem_of(expression, {"id"})
    assert (found is None) == (problem is None)
    assert problem is None or (found or "").startswith(problem)


def test_an_unknown_placeholder_is_a_problem_of_the_file() -> None:
    """A placeholder that no earlier step saves is refused with the names that are known."""
    steps = [{"name": "a", "path": "/${ip}"}, {"name": "b", "path": "/", "save": {"ip": "body"}}]
    with pytest.raises(ValueError, match=r"step a uses \$\{ip\}, which no earlier step saves"):
        OwnJourney.model_validate({"steps": steps})
