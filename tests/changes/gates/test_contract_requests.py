"""Tests of requests of a contract, and of differences between answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gameday.changes.gates.contract_requests import Contract, differences_of
from gameday.ports import PortError


def contract(*parameters: dict[str, Any], **more: Any) -> Contract:
    """Return a contract with one operation GET /x/{id}."""
    return Contract({"paths": {"/x/{id}": {"get": {"parameters": list(parameters)}, "post": {}}}, **more})


ID = {"name": "id", "in": "path", "schema": {"type": "integer", "minimum": 1, "maximum": 5}}


def test_requests_are_spread_over_the_range_of_a_parameter() -> None:
    """Both limits are asked, at most 200 numbers, and lists as lists; optional parameters stay out."""
    assert [path for _, path in contract(ID).requests()] == [f"/x/{number}" for number in range(1, 6)]
    many = {**ID, "schema": {"type": "integer", "minimum": 1, "maximum": 1000}}
    paths = [path for _, path in contract(many).requests()]
    assert (len(paths), paths[0], paths[-1]) == (200, "/x/1", "/x/1000")
    listed = {
        "name": "n",
        "in": "query",
        "required": True,
        "schema": {"type": "array", "items": ID["schema"]},
    }
    optional = {"name": "o", "in": "query", "schema": {"type": "string"}}
    first = next(contract(ID, listed, optional).requests())
    assert first == ("GET /x/{id}", "/x/1?n=1&n=2")


def test_a_parameter_that_no_value_is_known_for_leaves_its_operation_out() -> None:
    """Texts, and numbers without limits, aren't guessed."""
    assert list(contract({**ID, "schema": {"type": "string"}}).requests()) == []
    assert list(contract({**ID, "schema": {"type": "integer"}}).requests()) == []


@pytest.mark.parametrize(
    ("old", "new", "fields"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": 1, "b": 2}, {"a": 1}, ["b"]),
        ({"a": 1, "stock": 3}, {"a": 2, "stock": 4}, ["a"]),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 1}, {"b": 3}]}, ["a[].b"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a"]),
        ({"a": 1}, {"a": 1.0}, ["a"]),
        ("text", "other", ["answer"]),
        ({}, {}, []),
    ],
)
def test_a_difference_is_a_field_of_the_old_answer(old: Any, new: Any, fields: list[str]) -> None:
    """Added and ignored fields are no difference; missing, other and differently typed ones are."""
    assert [field for field, _, _ in differences_of(old, new, frozenset({"stock"}))] == fields


def test_ignored_fields_are_found_wherever_they_are() -> None:
    """`x-gameday-ignore: true` counts in any schema of the document."""
    schemas = {"Page": {"properties": {"stock": {"x-gameday-ignore": True}, "name": {"type": "string"}}}}
    assert contract(ID, components={"schemas": schemas}).ignored() == {"stock"}


@pytest.mark.parametrize("text", ["paths: [", "openapi: 3.1.0", "- 1"])
def test_a_file_that_is_no_contract_is_an_error(text: str, tmp_path: Path) -> None:
    """The message names the file."""
    file = tmp_path / "web.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PortError, match=r"web\.yaml"):
        Contract.read(file)
