"""YAML 1.2 documents with a place (file, line, column) for every value.

Everything that reads a file written by people uses this module: all problems are collected and reported at once.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from gameday.recording.printable_text import hidden_characters
from gameday.scenario.located_problems import Document, Invalid, KeyPath, Problem, nearest, shorten
from gameday.scenario.model_validation import validate

DIGITS = 40
"""Digits of a whole number, at most."""
TOO_LARGE = 1_000_000
"""Bytes of a file, unless the caller sets another limit."""
LISTED = 20
"""Control characters of one file that are listed."""
REMOVE = "remove it: it would change how the text is shown, not what it says"

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

    def scan_to_next_token(self) -> None:
        """Skip white space and comments; also tabs, which YAML 1.2 allows between tokens and PyYAML refuses."""
        super().scan_to_next_token()
        while self.peek() == "\t" and self._tabs_are_separation():
            while self.peek() in " \t":
                self.forward()
            super().scan_to_next_token()

    def _tabs_are_separation(self) -> bool:
        """Return False if a tab indents block content, which YAML forbids."""
        if self.flow_level or self.buffer[self.pointer - self.column : self.pointer].strip(" "):
            return True
        ahead = 0
        while self.peek(ahead) in " \t":
            ahead += 1
        return self.peek(ahead) in "#\n\0"


for _tag, _pattern, _first in _RESOLVERS:
    _Core12.add_implicit_resolver(_tag, re.compile(rf"^(?:{_pattern})$"), _first)


def _construct_int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    if len(text) > DIGITS:
        raise yaml.constructor.ConstructorError(
            None, None, f"a number of {len(text)} digits", node.start_mark
        )
    return int(text, 0) if text.startswith(("0x", "0o")) else int(text)


_Core12.add_constructor("tag:yaml.org,2002:int", _construct_int)


def read_text(path: Path, *, limit: int = TOO_LARGE) -> str:
    """Return the file as text. Raise Invalid if it is missing, a folder, not UTF-8, or over `limit` bytes."""
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
        raise Invalid([_not_utf8(name, raw, error.start)]) from error


def _not_utf8(name: str, raw: bytes, offset: int) -> Problem:
    before = raw[:offset]
    line = before.count(b"\n") + 1
    column = offset - (before.rfind(b"\n") + 1) + 1
    return Problem(name, line, column, f"isn't UTF-8: byte 0x{raw[offset]:02x}", "save the file as UTF-8")


def read_yaml(path: Path, *, recorded: bool = False) -> Document:
    """Return the one document of a YAML 1.2 file; see `parse_yaml`. Raise Invalid."""
    return parse_yaml(read_text(path), str(path), recorded=recorded)


def parse_yaml(text: str, file: str, *, recorded: bool = False) -> Document:
    """Return the document in a text; problems name it as `file`. Raise Invalid.

    Control characters are problems, except in a file that a run has recorded: what shows them writes them as escapes.
    """
    text = text.replace("\r\n", "\n")
    hidden = (
        ()
        if recorded
        else [
            Problem(file, line, column, f"contains the control character {name}", REMOVE)
            for line, column, name in itertools.islice(hidden_characters(text), LISTED)
        ]
    )
    if hidden:
        raise Invalid(hidden)
    try:
        loader = _Core12(text)
        try:
            return _build(loader, file, recorded)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise Invalid([_locate_syntax_error(error, file)]) from error
    except (ValueError, RecursionError, OverflowError, LookupError, AttributeError, TypeError) as error:
        message = f"isn't usable YAML: {type(error).__name__}: {error}"[:200]
        raise Invalid([Problem(file, 1, 1, message)]) from error


def _build(loader: yaml.SafeLoader, file: str, recorded: bool) -> Document:
    node = loader.get_single_node()
    document = Document(file, None)
    if node is None:
        raise Invalid([Problem(file, 1, 1, "is empty")])
    problems: list[Problem] = []
    _map_places(node, (), document, problems, set())
    if not recorded and not problems:  # with an alias, the document may be endless
        problems += _hidden_characters(node, file)
    if problems:
        raise Invalid(problems)
    document.data = loader.construct_document(node)
    return document


def _locate_syntax_error(error: yaml.YAMLError, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = shorten(getattr(error, "problem", None) or str(error).splitlines()[0])
    if mark is None:
        return Problem(file, 1, 1, f"isn't YAML: {what}")
    return Problem(
        file, mark.line + 1, mark.column + 1, f"isn't YAML: {what}", "check indentation, quotes and colons"
    )


def _map_places(
    node: yaml.Node, path: KeyPath, document: Document, problems: list[Problem], seen: set[int]
) -> None:
    """Note the place of a node and of everything in it; add problems of aliases and of keys."""
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


def _hidden_characters(node: yaml.Node, file: str) -> Iterator[Problem]:
    """Yield a problem for each scalar to which escapes such as "\\e" or "\\u202e" give a control character."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _hidden_characters(key, file)
            yield from _hidden_characters(value, file)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _hidden_characters(item, file)
    else:
        mark = node.start_mark
        for _, _, name in itertools.islice(hidden_characters(str(node.value)), 1):
            yield Problem(
                file, mark.line + 1, mark.column + 1, f"contains the control character {name}", REMOVE
            )


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
    key_node.tag = "tag:yaml.org,2002:str"  # `1:` and `true:` are text, so that a path of keys finds them
    key = str(key_node.value)
    inner = (*path, key)
    if inner in document.keys:
        first = document.keys[inner][0]
        message = f"duplicate key {shorten(repr(key))} (first at line {first})"
        problems.append(Problem(document.file, *mark, message))
        return
    document.keys[inner] = mark
    _map_places(value, inner, document, problems, seen)


__all__ = [
    "Document",
    "Invalid",
    "KeyPath",
    "Problem",
    "nearest",
    "parse_yaml",
    "read_text",
    "read_yaml",
    "validate",
]
