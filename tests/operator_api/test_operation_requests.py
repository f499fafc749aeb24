"""Bodies of POST /v1/operations: what is understood, and what each mistake is told."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameday.operations import Operation
from gameday.operator_api.operation_requests import InvalidRequest, parse_operation


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "must be JSON"),
        (b"\xff\xfe\xff", "must be JSON"),
        (b"[" * 50_000, "must be JSON"),
        (b"[]", "must be a JSON object"),
        (b"{}", "'name' is missing; known are ack, rollback"),
        (b'{"name": "rolback", "target": "x"}', "unknown operation 'rolback'; did you mean 'rollback'?"),
        (b'{"name": "ack", "taget": "a1"}', "unknown field 'taget'; did you mean 'target'?"),
        (b'{"name": "rollback"}', "rollback needs a 'target': a service"),
        (b'{"name": "rollback", "target": ["a"]}', "'target' must be text"),
        (b'{"name": "flag", "target": "beta"}', "name=on or name=off"),
        (b'{"name": "note"}', "note needs a 'text'"),
        (
            b'{"name": "failover", "target": "r", "change": "c1"}',
            "'change' belongs to rollback and the canary's operations, not to failover",
        ),
        (b'{"name": "note", "text": "\\u001b[2J"}', "can't be printed"),
        (b'{"name": "note", "text": "\\ud800"}', "can't be printed"),
        (json.dumps({"name": "note", "text": "x" * 4001}).encode(), "longer than 4000"),
    ],
)
def test_every_mistake_is_named(body: bytes, says: str) -> None:
    """With what would be right."""
    with pytest.raises(InvalidRequest) as caught:
        parse_operation(body)
    assert says in str(caught.value)


def test_words_are_kept_but_for_blanks_around_them() -> None:
    """A note over several lines is one."""
    body = json.dumps({"name": "note", "text": " first\nsecond ", "as": "scribe"}).encode()
    assert parse_operation(body) == Operation("note", "", "scribe", None, "first\nsecond")


@given(
    st.binary(max_size=200)
    | st.dictionaries(st.text(), st.text() | st.none()).map(lambda d: json.dumps(d).encode())
)
def test_nothing_else_is_ever_raised(body: bytes) -> None:
    """Any body is an operation or an InvalidRequest."""
    with suppress(InvalidRequest):
        parse_operation(body)
