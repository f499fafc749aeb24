"""The live page of a role: one document with its style and script inside, and nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from gameday_reports.live.map_drawing import draw
from gameday_reports.live.map_marks import Marks
from gameday_reports.live.system_layout import SystemLayout
from gameday_reports.pages.page_template import TEMPLATES, environment, style

MOST_ACROSS = 3
"""Regions beside each other on a screen."""


def script() -> str:
    """Return the page's script."""
    return "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in ("live_map.js", "live_page.js"))


def policy() -> str:
    """Return the page's content security policy: its own script and style, its own server, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(script().encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )


def maps(layout: SystemLayout, marks: Marks) -> Markup:
    """Return the drawings of the map, for a screen and for a phone, of which the style sheet shows one."""
    wide, narrow = draw(layout, marks, across=MOST_ACROSS), draw(layout, marks, across=1)
    return Markup(f'<div class="wide">{wide}</div><div class="narrow">{narrow}</div>')  # noqa: S704 - drawn here


def page(
    role: str,
    title: str,
    layout: SystemLayout,
    first: Mapping[str, Any],
    replay: Mapping[str, Any] | None = None,
    epoch: int = 0,
) -> str:
    """Return the whole page; `first` holds the parts as they are now. It loads itself again for another `epoch`."""
    css = "".join(
        (TEMPLATES / name).read_text(encoding="utf-8") for name in ("live_map.css", "live_page.css")
    )
    content = {
        "role": role,
        "title": title,
        "epoch": epoch,
        "replay": replay,
        "style": style() + Markup(css),  # noqa: S704 - our own files
        "script": Markup(script()),  # noqa: S704
        "maps": maps(layout, first["map"]),
        "first": {name: Markup(html) for name, html in first.items() if name != "map"},  # noqa: S704 - from page_parts
    }
    return environment().get_template("live_page.html.j2").render(**content) + "\n"
