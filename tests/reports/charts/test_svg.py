"""gameday_reports.charts.svg: small drawings, the same each time."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from gameday_reports.charts.svg import normalised

DRAWN = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9" width="9">'
    '<g role="graphics-object"><path class="background" d=""/><g clip-path="url(#clip{n})"><text font-family="x" '
    'transform="translate(1.2345,2)">a&lt;b&gt;</text></g></g><defs><clipPath id="clip{n}"><rect/></clipPath></defs>'
    "</svg>"
)


def test_ids_are_counted_anew_with_a_prefix() -> None:
    """Drawings that differ only in the numbers of their ids become the same; references follow."""
    one, two = (normalised(DRAWN.format(n=n), {"class": "chart"}, "traffic") for n in (4, 17))
    assert one == two
    assert 'clip-path="url(#traffic-1)"' in one
    assert 'id="traffic-1"' in one


def test_the_text_of_a_drawing_stays_escaped() -> None:
    """Angle brackets in a label are still text after normalising."""
    root = ET.fromstring(normalised(DRAWN.format(n=1), {}, "x"))
    assert [element.text for element in root.iter("text")] == ["a<b>"]


def test_coordinates_are_short_and_fonts_are_the_page_s() -> None:
    """Two decimals; no font names."""
    small = normalised(DRAWN.format(n=1), {}, "x")
    assert "translate(1.23,2)" in small
    assert "font-family" not in small
