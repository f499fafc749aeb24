"""Fuzz tests of run folders: a mutated folder gives a report or a clear error, and is the only one written to."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner, Result

from gameday.cli import gameday
from gameday.recording.samples import HEADER_BYTES
from gameday.scenario.yaml_document import Invalid
from gameday_reports.charts import svg
from gameday_reports.charts.drawing_process import DrawingProcess
from tests.support.byte_mutations import bounded, mutated
from tests.support.paths import GOLDEN

FILES = (
    "journal.jsonl",
    "scenario.yaml",
    "samples/0.shard",
    "calibration.json",
    "audit.jsonl",
    "ledger.jsonl",
    "stock.jsonl",
)


@pytest.fixture(autouse=True)
def no_drawings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Draw nothing, since a drawing child is limited by itself and takes most of the time."""
    drawing = DrawingProcess(["/nonexistent"])
    monkeypatch.setattr(svg, "DRAWING", drawing)
    monkeypatch.setattr(DrawingProcess, "start", lambda self: None)
    monkeypatch.setattr(DrawingProcess, "_running", _none)
    yield
    drawing.close()


def _none(self: DrawingProcess) -> None:
    from gameday_reports.charts.drawing_process import DrawingError

    raise DrawingError("not in this test")


def report(folder: Path) -> Result:
    return CliRunner().invoke(gameday, ["report", str(folder)], standalone_mode=False)


def answer(folder: Path) -> str:
    """Return "page", or the beginning of the problem, of `gameday report` on the folder."""
    with bounded(folder, cpu_s=5.0):
        result = report(folder)
    if result.exception is None:
        return "page"
    assert isinstance(result.exception, Invalid), result.exception
    (problem, *_) = result.exception.problems
    assert problem.message.strip()
    return problem.message[:24]


def fuzz(examples: int, folder: Path, first: int = 0) -> Counter[str]:
    """Mutate one file of a whole run folder in each example; return how often each answer came."""
    shutil.copytree(GOLDEN, folder)
    assert report(folder).exception is None  # imports are done, and compiled, outside the limits
    answers = Counter[str]()
    originals = {name: (folder / name).read_bytes() for name in FILES if (folder / name).is_file()}
    for seed in range(first, first + examples):
        random = Random(seed)
        name = random.choice(sorted(originals))
        (folder / name).write_bytes(mutated(originals[name], random))
        try:
            answers[answer(folder)] += 1
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, {name}: {error}") from error
        (folder / name).write_bytes(originals[name])
    return answers


def test_a_dozen_mutated_run_folders_give_pages_or_problems(tmp_path: Path) -> None:
    """A damaged journal, shard, scenario or record gives a page or one problem, in bounded time and memory."""
    answers = fuzz(12, tmp_path / "run")
    assert answers["page"]
    assert len(answers) > 1


@pytest.mark.filterwarnings("default::RuntimeWarning")  # as the command runs
@pytest.mark.parametrize(("seed", "expected"), [(1188, "page"), (1553, "can't be analysed: Overf")])
def test_damage_that_was_found_is_answered(tmp_path: Path, seed: int, expected: str) -> None:
    """1188 moves a sample years ahead, which gave a chart of millions of bins; 1553 overflowed a float."""
    assert fuzz(1, tmp_path / "run", seed) == {expected: 1}


@pytest.mark.full
@pytest.mark.timeout(7200)
def test_five_thousand_mutated_run_folders_give_pages_or_problems(tmp_path: Path) -> None:
    """Five thousand damaged folders give only pages and problems."""
    assert len(fuzz(5000, tmp_path / "run", 1000)) > 5


@pytest.mark.parametrize(
    "name",
    ["journal.jsonl", "samples", "samples/0.shard", "review.md", "report.html", "outcome.json", "logs"],
)
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    """A folder whose files are links to others could make a report read or replace them: it is refused, untouched."""
    folder = Path(shutil.copytree(GOLDEN, tmp_path / "run"))
    private = tmp_path / "private"
    if (folder / name).is_dir():
        (folder / name).rename(private)
    else:
        private.write_bytes(b"mine" + b"\0" * HEADER_BYTES)
        (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(private)
    content = sorted(private.iterdir()) if private.is_dir() else private.read_bytes()
    result = report(folder)
    assert isinstance(result.exception, Invalid)
    assert f"{folder / name}: is a link that leads out of the run's folder" in str(result.exception)
    assert content == (sorted(private.iterdir()) if private.is_dir() else private.read_bytes())
