"""Consoles of rich that show text from outside as text: no escape sequence in it reaches the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.segment import Segment

from gameday.recording.printable_text import visible


def console(*, stderr: bool = False, highlight: bool = True) -> Console:
    """Return a console on standard output or error. Its own colours and movements work; those in texts are shown."""
    created = Console(stderr=stderr, highlight=highlight)
    created.push_render_hook(_VisibleTexts())
    return created


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
