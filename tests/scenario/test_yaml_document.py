"""Tests of YAML 1.2 documents with places, and of located problems."""

import os
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from gameday.scenario.yaml_document import Document, Invalid, nearest, parse_yaml, read_yaml, validate


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    colour: str
    size: int = 1


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    items: list[Inner]


class Kinds(BaseModel):
    model_config = ConfigDict(extra="forbid")
    inner: Inner = Inner(colour="red")
    table: dict[str, float] = {}
    texts: tuple[str, ...] = Field(default=("a",), min_length=1, max_length=2)
    share: float = Field(default=0.5, gt=0, lt=1, allow_inf_nan=False)
    port: int = Field(default=80, ge=1, le=65535)
    short: str = Field(default="a", min_length=1, max_length=3)
    pages: bool = False


def problems(text: str, model: type[BaseModel] = Outer) -> list[str]:
    with pytest.raises(Invalid) as caught:
        validate(model, parse_yaml(text, "f.yaml"))
    return [str(problem) for problem in caught.value.problems]


def test_yaml_is_read_as_1_2() -> None:
    """`no` is text, `12:30:00` is text, 0o17 is octal and 017 is seventeen; true and null keep
    their meaning."""
    data = parse_yaml("a: no\nb: 12:30:00\nc: 0o17\nd: 017\ne: true\nf:\ng: 1e3\nh: on\n", "f").data
    assert data == {
        "a": "no",
        "b": "12:30:00",
        "c": 15,
        "d": 17,
        "e": True,
        "f": None,
        "g": 1000.0,
        "h": "on",
    }


def test_every_error_has_its_place_and_all_come_at_once() -> None:
    """All errors are reported at once: unknown keys at the key, wrong values at the value, missing
    keys at their mapping."""
    text = "items:\n  - color: red\n    size: large\n  - {}\nextra: 1\n"
    assert problems(text) == [
        "f.yaml:2:5: 'colour' is missing",
        "f.yaml:2:5: unknown key 'color'\n    hint: did you mean 'colour'?",
        "f.yaml:3:11: must be a whole number, not 'large'",
        "f.yaml:4:5: 'colour' is missing",
        "f.yaml:5:1: unknown key 'extra'\n    hint: one of: items",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("inner: red", "8: must be a mapping of keys, not 'red'"),
        ("inner:", "7: must be a mapping of keys, not empty"),
        ("table: [1]", "8: must be a mapping of keys, not a list"),
        ("table: {a: b}", "12: must be a number, not 'b'"),
        ("texts: a", "8: must be a list, not 'a'"),
        ("texts: [1]", "9: must be text, not 1"),
        ("texts: []", "8: must not be empty"),
        ("texts: [a, b, c]", "8: has 3 items; at most 2 are allowed"),
        ("share: 0", "8: must be over 0, not 0"),
        ("share: 1.5", "8: must be under 1, not 1.5"),
        ("share: .nan", "8: must be a number, not nan"),
        ("port: 0", "7: must be at least 1, not 0"),
        ("port: 70000", "7: must be at most 65535, not 70000"),
        ("port: 1.5", "7: must be a whole number, not 1.5"),
        ("short: ''", "8: must not be empty"),
        ("short: abcd", "8: is longer than 3 characters"),
        ("short: {a: 1}", "8: must be text, not a mapping of keys"),
        ("pages: maybe", "8: must be true or false, not 'maybe'"),
    ],
)
def test_wrong_values_are_described_in_plain_words(text: str, message: str) -> None:
    """Messages about wrong values don't use pydantic's words, its models or the names of its bounds."""
    assert problems(text, Kinds) == [f"f.yaml:1:{message}"]


def test_a_long_value_is_cut_short() -> None:
    """A message quotes a long value in short and stays on one line."""
    (located,) = problems(f"port: {'x' * 500}", Kinds)
    assert located.endswith("xxx…")
    assert len(located) < 90


def test_many_problems_and_long_keys_are_shortened() -> None:
    """The first fifty problems are shown with the number of the rest; quotations are cut."""
    located = problems("items: []\n" + "".join(f"key{i}: 1\n" for i in range(60)))
    assert len(located) == 51
    assert "and 10 more problems" in "".join(located)
    with pytest.raises(Invalid) as caught:
        parse_yaml(f"{'k' * 5000}: 1\n{'k' * 5000}: 2\n", "f")
    assert len(str(caught.value)) < 400


def test_a_key_twice_is_an_error() -> None:
    """A duplicate key is an error; YAML would silently take the last value."""
    with pytest.raises(Invalid, match=r"f:2:1: duplicate key 'a' \(first at line 1\)"):
        parse_yaml("a: 1\na: 2\n", "f")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "f.yaml:1:1: is empty"),
        (b"a: [1, 2\n", "f.yaml:2:1: isn't YAML"),
        (b"a: 1\nb: caf\xe9\n", "f.yaml:2:7: isn't UTF-8: byte 0xe9"),
        (b"a: &x 1\nb: *x\n", r"f.yaml:1:4: uses an alias"),
        (b"a: !!python/object:os.system x\n", "f.yaml:1:4: isn't YAML"),
        (b"a: \t- b\n", "isn't YAML"),
        (b"\x00", r"f.yaml:1:1: contains the control character \\x00"),
        (b"[" * 5000, "isn't"),
        (b"a" * 1_000_001, "is over 1,000,000 bytes long"),
        (b"a: !!bool foo\n", "isn't usable YAML"),
        (b'a: !!float ""\n', "isn't usable YAML"),
        (b"a: 0x" + b"f" * 1000, "a number of 1002 digits"),
    ],
    ids=[
        "empty",
        "syntax",
        "latin-1",
        "alias",
        "tag",
        "tab",
        "nul",
        "deep",
        "huge",
        "not a bool",
        "not a float",
        "long number",
    ],
)
def test_hostile_files_give_one_clear_message(tmp_path: Path, raw: bytes, message: str) -> None:
    """Any bytes give one clear message, never a traceback of PyYAML's."""
    (tmp_path / "f.yaml").write_bytes(raw)
    with pytest.raises(Invalid, match=message.replace(".", r"\.", 1)):
        read_yaml(tmp_path / "f.yaml")


def test_a_missing_file_and_a_folder_are_errors(tmp_path: Path) -> None:
    """A missing file and a folder give the operating system's reason, with the path."""
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(Invalid, match="can't be read"):
            read_yaml(path)


def test_a_problem_outside_the_file_has_the_nearest_place() -> None:
    """A problem whose path isn't in the file is placed at the nearest enclosing value."""
    document = Document("f", {}, {(): (1, 1), ("a",): (2, 4)})
    assert str(document.problem(("a", "b", 3), "x")) == "f:2:4: x"


def test_near_misses() -> None:
    """A hint names the closest choice, or lists all choices if they are few."""
    assert nearest("availabilty", ["availability", "latency"]) == "did you mean 'availability'?"
    assert nearest("zzz", ["b", "a"]) == "one of: a, b"


def test_a_pipe_and_a_device_are_not_read(tmp_path: Path) -> None:
    """A pipe and a device are rejected without a hang and without filling the memory."""
    os.mkfifo(tmp_path / "fifo.yaml")
    for path in (tmp_path / "fifo.yaml", Path("/dev/zero")):
        with pytest.raises(Invalid, match="it isn't a file"):
            read_yaml(path)


def test_a_key_may_look_like_anything() -> None:
    """An unknown key may contain brackets; a control character in it is an error of its own."""
    assert "unknown key '[31m'" in problems('"[31m": 1\nitems: []\n')[0]
    assert "control character \\x1b" in problems('"\\e[31m": 1\nitems: []\n')[0]


def test_a_recorded_file_may_hold_control_characters() -> None:
    """A run folder that somebody sent is still read: pages and terminals write such characters as escapes."""
    assert parse_yaml('a: "x\\ey\\u2028"\n', "f.yaml", recorded=True).data == {"a": "x\x1by\u2028"}


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a:\tb\n", {"a": "b"}),
        ("a: b\t# a remark after a tab\n", {"a": "b"}),
        ('{"a": 1,\n\t"b": [1,\t2]}\n', {"a": 1, "b": [1, 2]}),
        ("a:\n  -\tx\n\t\n  - y\n\t# remark\n", {"a": ["x", "y"]}),
        ("a: |\n  \ttab\n", {"a": "\ttab\n"}),
        ("a: b\r\nc: d\r\n", {"a": "b", "c": "d"}),
    ],
)
def test_tabs_between_tokens_are_white_space(text: str, data: object) -> None:
    """YAML 1.2 allows tabs between tokens, in flow content and in blank lines; JSON is YAML."""
    assert parse_yaml(text, "f.yaml").data == data


@pytest.mark.parametrize("text", ["a:\n\tb: c\n", "a:\n \t- b\n"])
def test_a_tab_that_indents_is_an_error_at_its_place(text: str) -> None:
    """YAML forbids tabs as indentation of block content."""
    with pytest.raises(Invalid, match=r"f\.yaml:2:[12]: isn't YAML"):
        parse_yaml(text, "f.yaml")


@pytest.mark.parametrize("key", ["1", "true", "~", "1.5", "2026-11-30"])
def test_an_unknown_key_that_is_no_text_has_its_place(key: str) -> None:
    """A key is text whatever it looks like, so its error is at the key and not at the top of the file."""
    assert problems(f"items: []\n{key}: one\n")[0].startswith(f"f.yaml:2:1: unknown key '{key}'")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('a: b\nc: "x\\ey"\n', "f.yaml:2:4"),
        ('a: "\\u202e"\n', "f.yaml:1:4"),
        ('a: ["\\0"]\n', "f.yaml:1:5"),
        ('"a\\x07": b\n', "f.yaml:1:1"),
        ('a: "\\ud800"\n', "f.yaml:1:4"),
        ("a: b\nc: x\u2028y\n", "f.yaml:2:5"),
        ("a: b\x1b[2K\n", "f.yaml:1:5"),
        ("# remark \u202e\na: b\n", "f.yaml:1:10"),
    ],
)
def test_control_characters_are_refused_at_their_place(text: str, place: str) -> None:
    """Neither the file nor an escape in it can hold what a terminal or a browser would act on."""
    with pytest.raises(Invalid) as caught:
        parse_yaml(text, "f.yaml")
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"{place}: ")
    assert "control character" in problem.message
