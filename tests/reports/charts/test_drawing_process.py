"""gameday_reports.charts.drawing_process: what a chart library can do, a page survives."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gameday.host.child_python import child_command
from gameday_reports.charts import svg
from gameday_reports.charts.drawing_process import REST_S, SCRIPT, DrawingError, DrawingProcess
from gameday_reports.run_page.render import render_run
from tests.support import sample_run
from tests.support.nonempty_all import nonempty_all

POINT = {"data": {"values": [{"x": 1}]}, "mark": "point", "encoding": {"x": {"field": "x"}}}
HANGS = "import time; time.sleep(600)"
ABORTS = "import os, sys; sys.stdin.readline(); os.abort()"
EXITS = "import sys; sys.stdin.readline(); sys.exit(7)"
WITHOUT_THE_LIBRARY = f"import sys; sys.modules['vl_convert'] = None; import runpy; runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
IN_LITTLE_SPACE = (
    "import resource, runpy; resource.setrlimit(resource.RLIMIT_AS, (2 * 10**9,) * 2); "
    f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
)
FAILURES = [
    (HANGS, r"the chart library took over 0\.2 s"),
    (ABORTS, "the chart library was ended by SIGABRT"),
    (EXITS, "the chart library ended with status 7"),
    (WITHOUT_THE_LIBRARY, r"vl-convert-python isn't installed: pip install vl-convert-python"),
]


@pytest.fixture(scope="module")
def process() -> Iterator[DrawingProcess]:
    drawing = DrawingProcess(child_command(str(SCRIPT)), 100, 100)
    yield drawing
    drawing.close()


def test_a_specification_is_drawn(process: DrawingProcess) -> None:
    """A child draws one specification after another; a wrong one between them is an error of its own."""
    first = process.draw(POINT)
    assert first.startswith("<svg")
    with pytest.raises(DrawingError, match="ValueError"):
        process.draw({"mark": 7})
    assert process.draw(POINT).startswith("<svg")


@pytest.mark.parametrize(("code", "why"), FAILURES)
def test_a_child_that_fails_is_an_error_with_its_reason(code: str, why: str) -> None:
    """A hang, a crash, an exit and a missing library are reported, and the next drawing fails at once."""
    drawing = DrawingProcess([sys.executable, "-c", code], 0.2 if code is HANGS else 100)
    with pytest.raises(DrawingError, match=why):
        drawing.draw(POINT)
    began = time.process_time()
    with pytest.raises(DrawingError, match=why):
        drawing.draw(POINT)
    assert time.process_time() - began < REST_S / 10
    drawing.close()


def test_a_program_that_cannot_be_started_is_an_error() -> None:
    """If no process can be started, the reason is the system's."""
    drawing = DrawingProcess(["/nonexistent/python"])
    drawing.start()
    with pytest.raises(DrawingError, match="no process could be started: No such file"):
        drawing.draw(POINT)


def test_too_little_address_space_ends_the_child_alone() -> None:
    """V8 ends a process that gives it too little address space, as under `ulimit -v`: the child, not the command."""
    drawing = DrawingProcess([sys.executable, "-c", IN_LITTLE_SPACE], 100)
    with pytest.raises(DrawingError, match="a limit of memory"):
        drawing.draw(POINT)
    drawing.close()


def test_the_child_limits_itself_and_ends_with_its_parent() -> None:
    """The child sets limits of memory and processor time, and ends at the end of its input."""
    code = (
        f"import resource, runpy; child = runpy.run_path({str(SCRIPT)!r}); child['limit'](); "
        "print(*(resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_DATA, resource.RLIMIT_CPU)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100
    )
    memory, seconds = map(int, answer.stdout.split())
    assert 0 < memory <= 2 * 2**30
    assert 0 < seconds <= 120
    ended = subprocess.run(child_command(str(SCRIPT)), input=b"", capture_output=True, timeout=100)
    assert (ended.returncode, ended.stdout) == (0, b"")


@pytest.mark.parametrize(("code", "why"), [FAILURES[1], FAILURES[3]])
def test_a_page_without_charts_says_why_and_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, why: str
) -> None:
    """Each chart is replaced by the reason; every other part of the page is as with charts."""
    folder = sample_run.bad_deploy(tmp_path / "run")
    whole = render_run(folder).read_text(encoding="utf-8")
    drawing = DrawingProcess([sys.executable, "-c", code], 100)
    monkeypatch.setattr(svg, "DRAWING", drawing)
    page = render_run(folder).read_text(encoding="utf-8")
    drawing.close()
    reason = why.replace("\\", "").replace("'", "&#39;")
    assert '<p class="none chart wide">This chart isn\'t drawn: the ' in page
    assert reason.split(":")[0].replace("&#39;", "'") in page
    headings = [line for line in whole.splitlines() if "<h2" in line or "<h3" in line]
    assert nonempty_all(heading in page for heading in headings)
    assert 'class="chart wide"' in whole
    assert 'class="chart wide"' not in page
