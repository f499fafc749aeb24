"""Conversion of a Vega-Lite specification to a small SVG element, the same bytes every time.

vl-convert numbers its ids through a process's life, writes coordinates to sixteen digits and a font
on every text. Here the ids get a prefix and are counted from zero, coordinates have two decimals,
and fonts are left to the page's style sheet.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from gameday_reports.charts.drawing_process import DRAWING, DrawingError

_NUMBER = re.compile(r"-?\d+\.\d{3,}(?:e-?\d+)?")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_DROPPED = {
    "aria-hidden",
    "aria-roledescription",
    "pointer-events",
    "font-family",
    "stroke-miterlimit",
    "role",
}
_NEUTRAL = {("opacity", "1"), ("fill-opacity", "1"), ("stroke-width", "1"), ("display", "none")}


def convert(specification: Mapping[str, Any], attributes: Mapping[str, str], prefix: str) -> str:
    """Return the drawing with `attributes` on its root; ids begin with `prefix`, which must be unique in the page.

    If it can't be drawn, return a paragraph that says why, of the same class, so that the page is complete without it.
    """
    try:
        return normalised(DRAWING.draw(specification), attributes, prefix)
    except DrawingError as error:
        words = ET.Element("p", {"class": f"none {attributes.get('class', '')}".strip()})
        words.text = f"This chart isn't drawn: {error}."
        return ET.tostring(words, encoding="unicode")


def normalised(drawn: str, attributes: Mapping[str, str], prefix: str) -> str:
    """Return the drawing without what differs between renderings and what a page doesn't need."""
    root = ET.fromstring(re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", drawn, count=2))  # noqa: S314 - vl-convert's own output
    ids: dict[str, str] = {}
    for element in root.iter():
        if "id" in element.attrib:
            ids[element.attrib["id"]] = element.attrib["id"] = f"{prefix}-{len(ids) + 1}"
    _prune(root)
    for element in root.iter():
        element.attrib = {
            name: _short(value, ids) for name, value in element.attrib.items() if _kept(name, value)
        }
    box = root.attrib["viewBox"]
    root.attrib = {"viewBox": box, **attributes}
    return ET.tostring(root, encoding="unicode")


def _prune(element: ET.Element) -> None:
    """Remove what draws nothing: the page's background, empty paths, empty groups."""
    for child in list(element):
        _prune(child)
        empty = child.tag == "g" and not len(child)
        unseen = child.tag == "path" and child.get("class") in ("background", "foreground")
        if empty or unseen:
            element.remove(child)


def _kept(name: str, value: str) -> bool:
    return name not in _DROPPED and (name, value) not in _NEUTRAL


def _short(value: str, ids: Mapping[str, str]) -> str:
    value = _REFERENCE.sub(lambda found: f"url(#{ids.get(found[1], found[1])})", value)
    return _NUMBER.sub(lambda found: f"{round(float(found[0]), 2):g}", value)
