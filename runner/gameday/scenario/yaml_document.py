"""YAML read as YAML 1.2, with a place (file, line, column) for every value, and problems that name it.

Everything that reads a file written by people uses this: all problems are collected, then told at once.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from gameday.scenario.pydantic_errors import plain

KeyPath = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in a file. Lines and columns count from 1; 0 = the file as a whole."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}" + (f"\n    hint: {self.hint}" if self.hint else "")


class Invalid(Exception):
    """A file can't be used; holds every problem found in it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass
class Document:
    """Plain data from a YAML file, and where each key path stands: in `places` the value, in `keys` its key."""

    file: str
    data: Any
    places: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)
    keys: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)
    origins: dict[KeyPath, str] = field(default_factory=dict)
    """Key paths whose value isn't the file's, and where it came from instead."""

    def problem(
        self, path: Sequence[str | int], message: str, hint: str = "", *, at_key: bool = False
    ) -> Problem:
        """A problem at `path`, or at the nearest enclosing value that is in the file."""
        where, message, hint = tuple(path), _cut(message), _cut(hint)
        for depth in range(1, len(where) + 1):
            if where[:depth] in self.origins:
                return Problem(self.origins[where[:depth]], 0, 0, message, hint)
        if at_key and where in self.keys:
            return Problem(self.file, *self.keys[where], message, hint)
        while where not in self.places and where:
            where = where[:-1]
        return Problem(self.file, *self.places.get(where, (1, 1)), message, hint)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


DIGITS = 40
"""Of a whole number, at most."""
LONGEST = 300
"""Characters of a message, or of a hint."""
MOST = 50
"""Problems of one kind of part that are told."""

_RESOLVERS = (
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("tag:yaml.org,2002:int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "tag:yaml.org,2002:float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+0123456789."),
    ),
)


class _Core12(yaml.SafeLoader):
    """PyYAML's safe loader with the resolvers of the YAML 1.2 core schema in place of YAML 1.1's."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  (the base class declares it so)


for _tag, _pattern, _first in _RESOLVERS:
    _Core12.add_implicit_resolver(_tag, re.compile(rf"^(?:{_pattern})$"), _first)


def _int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    if len(text) > DIGITS:
        raise yaml.constructor.ConstructorError(
            None, None, f"a number of {len(text)} digits", node.start_mark
        )
    return int(text, 0) if text.startswith(("0x", "0o")) else int(text)


_Core12.add_constructor("tag:yaml.org,2002:int", _int)


def read_text(path: Path, *, limit: int = 1_000_000) -> str:
    """The file as UTF-8 text. Raises Invalid: missing, a folder, not UTF-8, over `limit` bytes."""
    name = str(path)
    try:
        if path.exists() and not path.is_file():
            raise Invalid([Problem(name, 0, 0, "can't be read: it isn't a file")])
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except OSError as error:
        raise Invalid([Problem(name, 0, 0, f"can't be read: {error.strerror or error}")]) from error
    if len(raw) > limit:
        raise Invalid([Problem(name, 0, 0, f"is over {limit:,} bytes long")])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        hint = "save the file as UTF-8"
        raise Invalid(
            [Problem(name, line, column, f"isn't UTF-8: byte 0x{raw[error.start]:02x}", hint)]
        ) from error


def read_yaml(path: Path) -> Document:
    """The one document of a YAML 1.2 file. Raises Invalid."""
    return parse_yaml(read_text(path), str(path))


def parse_yaml(text: str, file: str) -> Document:
    """As `read_yaml`, from text; `file` is how problems name it."""
    try:
        loader = _Core12(text)
        try:
            node = loader.get_single_node()
            document = Document(file, None)
            if node is None:
                raise Invalid([Problem(file, 1, 1, "is empty")])
            problems: list[Problem] = []
            _map_places(node, (), document, problems, set())
            if problems:
                raise Invalid(problems)
            document.data = loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise Invalid([_syntax(error, file)]) from error
    except (ValueError, RecursionError, OverflowError, LookupError, AttributeError, TypeError) as error:
        raise Invalid(
            [Problem(file, 1, 1, f"isn't usable YAML: {type(error).__name__}: {error}"[:200])]
        ) from error
    return document


def _syntax(error: yaml.YAMLError, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = _cut(getattr(error, "problem", None) or str(error).splitlines()[0])
    if mark is None:
        return Problem(file, 1, 1, f"isn't YAML: {what}")
    return Problem(
        file, mark.line + 1, mark.column + 1, f"isn't YAML: {what}", "check indentation, quotes and colons"
    )


def _map_places(
    node: yaml.Node, path: KeyPath, document: Document, problems: list[Problem], seen: set[int]
) -> None:
    document.places[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if id(node) in seen:
        problems.append(
            document.problem(path, "uses an alias (*name)", "write the value out; aliases aren't read")
        )
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for key_node, value in node.value:
            _map_entry(key_node, value, path, document, problems, seen)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _map_places(item, (*path, index), document, problems, seen)


def _map_entry(
    key_node: yaml.Node,
    value: yaml.Node,
    path: KeyPath,
    document: Document,
    problems: list[Problem],
    seen: set[int],
) -> None:
    mark = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
    if not isinstance(key_node, yaml.ScalarNode):
        problems.append(Problem(document.file, *mark, "a key must be plain text"))
        return
    key = str(key_node.value)
    inner = (*path, key)
    if inner in document.keys:
        first = document.keys[inner][0]
        problems.append(
            Problem(document.file, *mark, f"{_cut(repr(key))} stands here twice", f"first on line {first}")
        )
        return
    document.keys[inner] = mark
    _map_places(value, inner, document, problems, seen)


def nearest(word: str, choices: Iterable[str]) -> str:
    """A hint: the choice most like `word`, or the whole list where it is short; empty where neither helps."""
    known = sorted(choices)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"one of: {', '.join(known)}" if 0 < len(known) <= 24 else ""


def validate(model: type[Model], document: Document, path: KeyPath = (), data: Any = None) -> Model:
    """`data` (default: the whole document) as `model`. Raises Invalid with every error at its place."""
    try:
        return model.model_validate(document.data if data is None else data)
    except ValidationError as error:
        errors = error.errors()
        told = [each for each in errors if not (each["type"] == "too_short" and _inside(each, errors))]
        found = [_problem(each, model, document, path) for each in told[:MOST]]
        more = [document.problem(path, f"and {len(told) - MOST} more problems")] if len(told) > MOST else []
        raise Invalid([*found, *more]) from error


def _inside(short: Any, errors: Sequence[Any]) -> bool:
    """A sequence whose items are all wrong counts as too short as well; the items' own errors say it better."""
    place = short["loc"]
    return any(len(each["loc"]) > len(place) and each["loc"][: len(place)] == place for each in errors)


def _problem(error: Any, model: type[BaseModel], document: Document, path: KeyPath) -> Problem:
    *outer, last = error["loc"] or ("",)
    location = (
        *(part for part in outer if not _is_union_tag(part)),
        *(() if _is_tag(error, last) else (last,)),
    )
    where = (*path, *location)
    kind, message, hint = error["type"], str(error["msg"]), ""
    context: Mapping[str, Any] = error.get("ctx") or {}
    if kind == "extra_forbidden":
        known = _fields_at(model, location[:-1])
        return document.problem(
            where, f"unknown key {location[-1]!r}", nearest(str(location[-1]), known), at_key=True
        )
    if kind == "missing":
        return document.problem(where[:-1], f"{location[-1]!r} is missing")
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        return document.problem(
            where, f"{error['input']!r} isn't known here", nearest(str(error["input"]), choices)
        )
    if kind == "string_pattern_mismatch":
        return document.problem(
            where, f"{error['input']!r} isn't spelt right", f"must match {context['pattern']}"
        )
    if kind == "value_error":
        message, _, hint = str(context.get("error", message)).partition("\n")
    return document.problem(where, plain(kind, error["input"], context) or message, hint)


def _is_tag(error: Any, last: str | int) -> bool:
    """A key that is unknown may look like anything."""
    return not error["loc"] or (error["type"] != "extra_forbidden" and _is_union_tag(last))


def _is_union_tag(part: str | int) -> bool:
    return isinstance(part, str) and ("[" in part or part.startswith("function-"))


def _fields_at(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Names (aliases) of the fields of the model at `path` inside `model`; empty where that isn't a model."""
    current: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, int):
            continue
        info = next(
            (f for n, f in (current.model_fields if current else {}).items() if (f.alias or n) == part), None
        )
        current = _model_in(info.annotation) if info else None
    return [field.alias or name for name, field in current.model_fields.items()] if current else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _model_in(inner)
        if found:
            return found
    return None
