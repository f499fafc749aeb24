"""Sections that plug-ins add to the report of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gameday import registries
from gameday_reports.run_page.run_data import Run


@dataclass(frozen=True)
class SectionContent:
    """What a section shows: paragraphs of plain text, then a table if it has rows.

    `columns` are (key of a row, heading); a row maps keys to text. The page escapes all of it.
    """

    paragraphs: Sequence[str] = ()
    columns: Sequence[tuple[str, str]] = ()
    rows: Sequence[Mapping[str, str]] = field(default=())


@dataclass(frozen=True)
class ReportSection:
    """A section of the report. `content(run)` returns None if it has nothing to show for a run."""

    title: str
    content: Callable[[Run], SectionContent | None]


def plugin_sections(run: Run) -> Iterator[tuple[str, SectionContent]]:
    """Yield (title, content) of every registered section that has something to show.

    A section that fails shows its error, so that a plug-in can't take the report away.
    """
    for name in registries.REPORT_SECTIONS:
        title = name
        try:
            section: ReportSection = registries.REPORT_SECTIONS[name]
            title = section.title
            content = section.content(run)
        except Exception as error:
            content = SectionContent([f"This section can't be shown: {type(error).__name__}: {error}"])
        if content is not None:
            yield title, content


def reject(name: str, section: object) -> str | None:
    """Return why an object can't be registered as a section, or None if it can."""
    if not isinstance(section, ReportSection):
        return f"is a {type(section).__name__}; a ReportSection of gameday_reports.run_page.report_section is expected"
    return None
