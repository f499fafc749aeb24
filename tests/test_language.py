"""The language of code and docs: a short list of phrases that hide what a sentence says."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.offenders import refuse
from tests.support.paths import DOCS, ROOT

PHRASES = {
    '"if" begins a condition, not "where"': re.compile(r"\bNone where\b"),
    "a docstring begins with a verb or a noun, not with a pronoun": re.compile(
        r'"""(?:Whoever|Who|Nobody|Somebody|Everybody)\b'
    ),
    'the term is "thread-safe"': re.compile(r"\bSafe from any thread\b"),
}
NAMES = {"a name says the type of its value": re.compile(r"\b(?:found|said|told)(?:: [^=\n]+)? = ")}
SOURCES = {"runner/gameday": PHRASES | NAMES, "reports/gameday_reports": PHRASES | NAMES}
SOURCES |= {"compose/storefront": PHRASES | NAMES, "tests": PHRASES}
"""Folder → what is looked for in its modules; names of locals matter in product code alone."""
TO_REWRITE: set[str] = {
    "tests/storefront",
}
"""Rooms that are still to be rewritten: a room's language is checked from the day it leaves this list."""


def rooms() -> dict[str, str]:
    """Return the folders and modules directly in each source folder, with the source folder of each."""
    return {
        f"{source}/{path.name}": source
        for source in SOURCES
        for path in sorted((ROOT / source).iterdir())
        if path.suffix in ("", ".py") and path.name != "__pycache__"
    }


def offences(path: Path, rules: dict[str, re.Pattern[str]]) -> Iterator[str]:
    """Yield place and rule of each phrase of the rules in the file."""
    text = path.read_text(encoding="utf-8")
    for rule, phrase in rules.items():
        for hit in phrase.finditer(text):
            yield f"{path}:{text.count(chr(10), 0, hit.start()) + 1}: {rule}: {hit.group()!r}"


def test_code_is_in_plain_words() -> None:
    """No module of a room has a phrase of the list."""
    refuse(
        line
        for room, source in rooms().items()
        if room not in TO_REWRITE
        for home in [ROOT / room]
        for path in ([home] if home.is_file() else sorted(home.rglob("*.py")))
        if path.name != "test_language.py"
        for line in offences(path, SOURCES[source])
    )


def test_docs_are_in_plain_words() -> None:
    """No page has a phrase of the list."""
    pages = sorted(DOCS.rglob("*.md"))
    assert pages
    refuse(line for path in pages for line in offences(path, PHRASES))


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("# None where it is missing\n", PHRASES),
        ('"""Whoever calls."""\n', PHRASES),
        ("# Safe from any thread.\n", PHRASES),
        ("found: list[str] = []\n", NAMES),
    ],
)
def test_a_phrase_is_named_with_its_line(
    text: str, rules: dict[str, re.Pattern[str]], tmp_path: Path
) -> None:
    """Each rule finds its phrase, once, at its line."""
    path = tmp_path / "module.py"
    path.write_text("\n\n" + text, encoding="utf-8")
    (line,) = offences(path, rules)
    assert line.startswith(f"{path}:3: ")


def test_rooms_that_are_to_be_rewritten_exist() -> None:
    """The list has no dead entries."""
    assert TO_REWRITE - set(rooms()) == set()
