"""Command lines of documents and workflow, checked against the real commands.

The commands parse each line without running it, so a renamed option, a removed choice or a time
without a unit fails here, with the document's name.
"""

from __future__ import annotations

import ast
import html
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
MENTION = re.compile(r"""gameday[ "']|--set """)
"""What a module has in its source if a text of it may hold a command line."""
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
    if name.startswith("acme-") or name == "itself":  # the command of an example plug-in; "gameday itself"
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


def strings(module: Path) -> list[str]:
    """Return the texts that a module can print: no docstrings; each placeholder of an f-string is a 1.

    A module that names no command isn't parsed: every worker of pytest-xdist imports this file, for the names of its tests.
    """
    source = module.read_text(encoding="utf-8")
    if not MENTION.search(source):
        return []
    nodes = list(ast.walk(ast.parse(source)))
    silent = {
        id(node.value)
        for node in nodes
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    joined = [node for node in nodes if isinstance(node, ast.JoinedStr)]
    silent |= {id(part) for node in joined for part in node.values}
    results = []
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            results.append(
                "".join(str(part.value) if isinstance(part, ast.Constant) else "1" for part in node.values)
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            results.append(node.value)
    return results


def printed(module: Path) -> Iterator[tuple[str, bool]]:
    """Return (command line, whether it is complete) of a module's texts and help examples, or of a template's code."""
    if module.suffix == ".j2":
        text = re.sub(r"{{.*?}}|{%.*?%}", "1", module.read_text(encoding="utf-8"))
        codes = [html.unescape(code) for code in re.findall(r"<code[^>]*>([^<]*)</code>", text)]
        yield from ((line, False) for code in codes for line in calls(code))
        return
    texts = strings(module)
    for text in texts:
        for code in INLINE.findall(text):
            yield from ((line, False) for line in calls(code))
        for line in re.findall(r"^(?:  |error: )?gameday ([a-z].*)$", text, re.MULTILINE):
            yield re.split(r" {2,}| \(", line)[0], text.startswith("\b")
    yield from (
        (f"run x {option}", True) for text in texts for option in re.findall(r"--set [\w.]+=[\w/%]+", text)
    )


HOUSES = (ROOT / "runner" / "gameday", ROOT / "reports" / "gameday_reports")
PRINTERS = sorted(path for house in HOUSES for path in house.rglob("*") if path.suffix in (".py", ".j2"))
PRINTED = [(module, *line) for module in PRINTERS for line in dict.fromkeys(printed(module))]


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


@pytest.mark.parametrize(
    ("module", "line", "whole"), PRINTED, ids=[f"{module.name}: {line[:60]}" for module, line, _ in PRINTED]
)
def test_every_printed_command_line_is_valid(module: Path, line: str, whole: bool) -> None:
    """Advice in messages, pages and help parses: a reader who copies it gets no usage error."""
    understood(line, whole)


def test_the_search_finds_what_is_printed() -> None:
    """Messages, help examples, the review's advice and templates are found."""
    lines = {line for _, line, _ in PRINTED}
    assert len(lines) > 60
    assert {"heal 1", "prune --keep 30d", "run x --set guardrails.breaker=true"} <= lines


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
