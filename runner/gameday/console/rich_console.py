"""Consoles of rich that show text from outside as text: no escape sequence in it reaches the terminal."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.segment import Segment
from rich.table import Column

from gameday.recording.printable_text import visible

NARROWEST, USUAL = 40, 80
"""Columns of a terminal: fewer aren't used; and those if COLUMNS is 0."""


def console(*, stderr: bool = False, highlight: bool = True) -> Console:
    """Return a console on standard output or error. Its own colours and movements work; those in texts are shown."""
    created = Console(stderr=stderr, highlight=highlight, width=_width())
    created.push_render_hook(_VisibleTexts())
    return created


def names_column(heading: str, names: Iterable[str]) -> Column:
    """Return a column for identifiers, which are neither cut nor broken, however narrow the terminal is."""
    widest = max((cell_len(name) for name in names), default=0)
    return Column(heading, no_wrap=True, overflow="fold", min_width=widest)


def _width() -> int | None:
    """Return a width in place of a COLUMNS in which nothing could be shown; None leaves the width to rich."""
    columns = os.environ.get("COLUMNS", "")
    if not columns.isdecimal() or int(columns) >= NARROWEST:
        return None
    return NARROWEST if int(columns) else USUAL


class _VisibleTexts(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Visible(renderable) for renderable in renderables]


class _Visible:
    """A renderable whose texts have their control characters as escapes."""

    def __init__(self, renderable: ConsoleRenderable) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from _visible_segments(list(console.render(self._renderable, options)))


def _visible_segments(segments: Sequence[Segment]) -> Iterator[Segment]:
    for segment in segments:
        yield segment if segment.control else Segment(visible(segment.text), segment.style)
