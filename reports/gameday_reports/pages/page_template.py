"""Template engine, style sheet with both themes, and writer that all pages share.

The engine escapes everything from outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from gameday.recording import atomic_file
from gameday.recording.printable_text import visible
from gameday_reports.charts import palette

TEMPLATES = Path(__file__).parents[1] / "templates"


def environment() -> Environment:
    """Return an engine that escapes everything and fails on a name that a template doesn't know."""
    return Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        loader=FileSystemLoader(TEMPLATES),
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _shown(value: Any) -> Any:
    """Return a text from outside with its control characters as escapes; mark-up of our own as it is."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def style() -> Markup:
    """Return the style sheet with both themes; print is always light."""
    light, dark = palette.variables(dark=False), palette.variables(dark=True)
    themes = f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}{palette.dark_charts()}}}"
    return Markup(themes + (TEMPLATES / "report.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file


def write(path: Path, template: str, content: Mapping[str, Any]) -> Path:
    """Write the page, the same bytes for the same content, and return its path. Raise OSError if it
    can't be written."""
    page = environment().get_template(template).render(style=style(), **content)
    atomic_file.write(path, page + "\n")
    return path
