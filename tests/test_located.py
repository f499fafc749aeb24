"""YAML 1.2 with places, and problems that name them."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from runner.located import Document, Invalid, nearest, parse_yaml, read_yaml, validate


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    colour: str
    size: int = 1


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    items: list[Inner]


def problems(text: str) -> list[str]:
    with pytest.raises(Invalid) as caught:
        validate(Outer, parse_yaml(text, "f.yaml"))
    return [str(problem) for problem in caught.value.problems]


def test_yaml_is_read_as_1_2() -> None:
    """`no` is text, `12:30:00` is text, 0o17 is octal and 017 is seventeen; true and null are what they say."""
    data = parse_yaml("a: no\nb: 12:30:00\nc: 0o17\nd: 017\ne: true\nf:\ng: 1e3\nh: on\n", "f").data
    assert data == {"a": "no", "b": "12:30:00", "c": 15, "d": 17, "e": True, "f": None, "g": 1000.0, "h": "on"}


def test_every_error_has_its_place_and_all_come_at_once() -> None:
    """Unknown keys at the key, wrong values at the value, missing keys at the mapping that lacks them."""
    text = "items:\n  - color: red\n    size: large\n  - {}\nextra: 1\n"
    assert problems(text) == [
        "f.yaml:2:5: 'colour' is missing",
        "f.yaml:2:5: unknown key 'color'\n    hint: did you mean 'colour'?",
        "f.yaml:3:11: Input should be a valid integer, unable to parse string as an integer",
        "f.yaml:4:5: 'colour' is missing",
        "f.yaml:5:1: unknown key 'extra'\n    hint: one of: items",
    ]


def test_a_key_twice_is_an_error() -> None:
    """YAML would silently take the last one."""
    with pytest.raises(Invalid, match=r"f:2:1: 'a' stands here twice"):
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
        (b"\x00", "isn't YAML"),
        (b"[" * 5000, "isn't"),
        (b"a" * 1_000_001, "is 1,000,001 bytes long"),
    ],
    ids=["empty", "syntax", "latin-1", "alias", "tag", "tab", "nul", "deep", "huge"],
)
def test_hostile_files_give_one_clear_message(tmp_path: Path, raw: bytes, message: str) -> None:
    """Never a traceback of PyYAML's, whatever the bytes."""
    (tmp_path / "f.yaml").write_bytes(raw)
    with pytest.raises(Invalid, match=message.replace(".", r"\.", 1)):
        read_yaml(tmp_path / "f.yaml")


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    """The operating system's reason, with the path."""
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(Invalid, match="can't be read"):
            read_yaml(path)


def test_a_problem_outside_the_file_stands_at_the_nearest_place() -> None:
    """A path that isn't in the file is told at what encloses it."""
    document = Document("f", {}, {(): (1, 1), ("a",): (2, 4)})
    assert str(document.problem(("a", "b", 3), "x")) == "f:2:4: x"


def test_near_misses() -> None:
    """The closest choice, or the list where it is short."""
    assert nearest("availabilty", ["availability", "latency"]) == "did you mean 'availability'?"
    assert nearest("zzz", ["b", "a"]) == "one of: a, b"
