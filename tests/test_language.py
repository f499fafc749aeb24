"""The language of code and docs: a short list of phrases that hide what a sentence says."""

import re
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("room", [room for room in rooms() if room not in TO_REWRITE])
def test_code_is_in_plain_words(room: str) -> None:
    """No module of the room has a phrase of the list."""
    home = ROOT / room
    for path in [home] if home.is_file() else sorted(home.rglob("*.py")):
        if path.name == "test_language.py":
            continue
        text = path.read_text(encoding="utf-8")
        for rule, phrase in SOURCES[rooms()[room]].items():
            lines = [text.count("\n", 0, hit.start()) + 1 for hit in phrase.finditer(text)]
            assert lines == [], f"{path.relative_to(ROOT)}: {rule}"


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: str(path.relative_to(DOCS)))
def test_docs_are_in_plain_words(path: Path) -> None:
    """No page has a phrase of the list."""
    text = path.read_text(encoding="utf-8")
    assert [rule for rule, phrase in PHRASES.items() if phrase.search(text)] == []


def test_rooms_that_are_to_be_rewritten_exist() -> None:
    """The list has no dead entries."""
    assert TO_REWRITE - set(rooms()) == set()
