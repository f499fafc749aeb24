"""HTML pages, parsed, and a text that tries to inject markup."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from gameday_reports.run_page.render import render_run

HOSTILE = "</script><script>alert(1)</script></text></style><img src=x onerror=alert(2)>\"' {{ 7*7 }} ]]> &amp; é\u2028"
SHOWN = HOSTILE.replace("\u2028", "\\u2028")
"""HOSTILE as a page shows it: the line separator is written out."""
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """The elements of a page, with their attributes and the text directly in them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def text(self, *inside: str) -> str:
        return "".join(
            data for tag, data in self.texts if (tag in inside if inside else tag not in ("script", "style"))
        )

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def rendered(folder: Path) -> str:
    return render_run(folder).read_text(encoding="utf-8")
