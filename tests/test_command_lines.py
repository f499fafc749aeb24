"""Command lines of documents and workflow, checked against the real commands.

The commands parse each line without running it, so a renamed option, a removed choice or a time
without a unit fails here, with the document's name.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gameday.cli import COMMANDS, gameday
from gameday.cli.options import EXECUTABLE
from tests.support.github_workflow import ROOT, WORKFLOWS, read, scripts

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
CALL = re.compile(r"(?:^|[\s/(!])gameday (?=[a-z])")
ENDS = {"&&", "||", "|", ";", ">", ">>", "2>", "&", "<"}
LEFT_OPEN = re.compile(r"…|\.\.\.|\[|\]| {3,}.*")
"""What stands for more, or, in a column of its own, says what the command does."""
ANY_NUMBER = re.compile(r"\bN(?:\|auto)?$")


def calls(text: str) -> Iterator[str]:
    """Return what follows `gameday` in shell text, one line each, with continued lines joined."""
    for line in text.replace("\\\n", " ").splitlines():
        for match in CALL.finditer(line):
            yield line[match.end() :]


def shown(document: Path) -> Iterator[tuple[str, bool]]:
    """Return (command line, whether it is complete) of a Markdown document: code blocks are, inline
    code may be a mere option."""
    text = document.read_text(encoding="utf-8")
    for block in BLOCK.findall(text):
        yield from ((line, True) for line in calls(block))
    for code in INLINE.findall(BLOCK.sub("", text)):
        yield from ((line, False) for line in calls(code))


def run_by(workflow: Path) -> Iterator[tuple[str, bool]]:
    for _, script in scripts(read(workflow)):
        yield from ((line, True) for line in calls(script))


def words(line: str) -> list[str]:
    """Return the words up to the end of the command, without placeholders (`[FOLDER]`, `…`)."""
    results = []
    for word in shlex.split(LEFT_OPEN.sub(" ", line), comments=True):
        if word in ENDS:
            break
        results.append(ANY_NUMBER.sub("1", word.rstrip(";)")))
        if word.endswith((";", ")")):
            break
    return results


def understood(line: str, whole: bool = True) -> None:
    """Parse a command line. Raise click.ClickException, or AssertionError if words are left over."""
    name, *arguments = words(line)
    if name.startswith("acme-"):  # the command of an example plug-in
        return
    if name.partition("|")[0] != name:  # `status|ack|…`: a list of commands
        assert set(name.split("|")) <= set(COMMANDS)
        return
    command = gameday.get_command(click.Context(gameday), name)
    assert command is not None, f"no command {name!r}"
    if not arguments or "--help" in arguments:  # only the name is mentioned
        return
    context = click.Context(command, info_name=name)
    given, rest, order = command.make_parser(context).parse_args(arguments)
    assert rest == [], f"left over: {rest}"
    named = [given.get(str(param.name)) for param in command.params if _positional(param)]
    spoken_of = not whole and not any(value for value in named if isinstance(value, str | list | tuple))
    for parameter in click.core.iter_params_for_processing(order, command.get_params(context)):
        if spoken_of and _positional(parameter):
            continue
        value, _ = parameter.consume_value(context, given)
        if isinstance(parameter.type, click.Path):  # the path need not exist here
            assert value is not None or not parameter.required, parameter.name
        else:
            parameter.process_value(context, value)


def _positional(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Argument)


FOUND = [
    *((document, *line) for document in DOCUMENTS for line in dict.fromkeys(shown(document))),
    *((workflow, *line) for workflow in WORKFLOWS for line in dict.fromkeys(run_by(workflow))),
]


@pytest.mark.parametrize(
    ("file", "line", "whole"), FOUND, ids=[f"{file.name}: {line[:60]}" for file, line, _ in FOUND]
)
def test_every_command_line_is_valid(file: Path, line: str, whole: bool) -> None:
    """Command, options, choices and values are valid, and no required argument is missing."""
    understood(line, whole)


def test_there_are_command_lines_in_the_main_documents() -> None:
    """The search finds command lines in code blocks, sentences and workflow steps."""
    files = [file.name for file, *_ in FOUND]
    for name, least in (("README.md", 15), ("suite.md", 8), ("resilience.yml", 4), ("operator-api.md", 3)):
        assert files.count(name) >= least, name


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sweet --tag ci", "no command 'sweet'"),
        ("suite --tags ci", "No such option '--tags'"),
        ("suite --repeat many", "'many' is not a valid integer"),
        ("suite --max-duration 30", "'30' isn't a duration"),
        ("suite --at-once 0", "'0' is neither auto nor a number"),
        ("run --repeat 3", "Missing parameter: scenarios"),
        ("run x --substrate moon", "unknown substrate 'moon'"),
        ("run x --set hold", "'hold' isn't key=value"),
        ("compare base", "Missing parameter: new"),
        ("doctor now", r"left over: \['now'\]"),
    ],
)
def test_invalid_command_lines_are_errors(line: str, message: str) -> None:
    """An unknown command or option, a value of the wrong type, and a wrong number of arguments are
    errors."""
    with pytest.raises((click.ClickException, AssertionError), match=message):
        understood(line)


def test_paths_have_the_type_path() -> None:
    """EXECUTABLE has the type path, by which the check above skips what need not exist."""
    assert isinstance(EXECUTABLE, click.Path)
