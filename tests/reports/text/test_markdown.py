"""gameday_reports.text.markdown: what comes from outside is text, and nothing but text, once a renderer has read it."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gameday_reports.text.markdown import block, code, line, plain, table

RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
HOSTILE = (
    "<script>alert(1)</script>",
    "| x | y |",
    "](http://example.com)",
    "[text](http://example.com)",
    "![picture](http://example.com/x.png)",
    "http://example.com and www.example.com",
    "a `code` and ``more``",
    "**bold** _soft_ ~~gone~~",
    "# heading",
    "- item",
    "1. item",
    "> quote",
    "---",
    "line\n\n# another\n| a | b |\n|---|---|",
    "\\| \\[ \\",
    "&lt;b&gt; &amp;",
    "<!-- comment",
    "$x$ @somebody",
    "``` fence",
    "[ref]: http://example.com",
)


def shown(markdown: str) -> tuple[str, set[str]]:
    """The text that a reader sees, and the elements that it stands in."""
    rendered = RENDERER.render(markdown)
    return html.unescape(re.sub(r"<[^>]*>", "", rendered)).strip(), set(re.findall(r"<([a-z0-9]+)", rendered))


@pytest.mark.parametrize("words", HOSTILE)
def test_text_from_outside_stays_text(words: str) -> None:
    """In a paragraph, in an item and in a cell: the same words are seen, and no element but their own is made."""
    assert shown(plain(words)) == (line(words), {"p"})
    assert shown(f"- {plain(words)}") == (line(words), {"ul", "li"})
    seen, elements = shown("\n".join(table(("a", "b"), [[words, "next"]])))
    assert elements == {"table", "thead", "tbody", "tr", "th", "td"}
    assert [splitline.strip() for splitline in seen.splitlines() if splitline.strip()] == [
        "a",
        "b",
        line(words),
        "next",
    ]


@given(st.text(min_size=1).filter(lambda words: line(words) != ""))
def test_any_text_stays_text(words: str) -> None:
    """Whatever somebody may type."""
    assert shown(plain(words)) == (line(words), {"p"})
    assert shown(f"- [ ] {plain(words)} owner: ______ due: ______")[1] == {"ul", "li"}


def test_an_address_becomes_no_link_where_addresses_are_linked() -> None:
    """As GitHub does with bare ones."""
    assert plain("http://example.com") == "http\\://example.com"
    assert plain("www.example.com") == "www\\.example.com"


@pytest.mark.parametrize("words", HOSTILE)
def test_code_ends_where_it_should(words: str) -> None:
    """A backtick in it ends nothing."""
    assert shown(f"{code(words)} after")[1] == {"p", "code"}
    seen, elements = shown("\n".join(block(words)))
    assert elements == {"pre", "code"}
    assert seen == words.replace("\n", " ").strip()


def test_what_can_not_be_seen_is_left_out() -> None:
    """Characters that turn the direction of text, and line ends of every kind."""
    assert line("a\u202eb\u2028c\r\nd\x00") == "a b c d"
