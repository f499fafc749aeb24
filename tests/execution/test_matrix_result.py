"""`gameday.execution.matrix_result`: the files of a matrix and its table on the screen."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from gameday.analysis.model.matrix_model import Matrix
from gameday.analysis.model.time_models import DURATIONS
from gameday.execution.matrix_result import conclude, table
from gameday.ports import PortError
from tests.support.sample_matrix import pair


def test_it_writes_both_files_and_prints_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table is on standard output; the exit status is the worst of the variants'."""
    assert conclude(tmp_path, pair(tmp_path)) == 1
    output = capsys.readouterr()
    assert output.err == ""
    for words in (
        "payments-slow",
        "without",
        "bulkhead",
        "breach 29.90 s",
        "52.6 %",
        "orders lost",
        "matrix.html",
    ):
        assert words in output.out
    assert "browse: with breaker and bulkhead, it stayed within its objective" in output.out
    assert (tmp_path / "matrix.html").is_file()
    assert json.loads((tmp_path / "matrix.json").read_text(encoding="utf-8"))["schema"] == "gameday/matrix/v1"


def test_json_is_printed_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output has the content of `matrix.json`."""
    conclude(tmp_path, pair(tmp_path), as_json=True)
    assert json.loads(capsys.readouterr().out) == json.loads(
        (tmp_path / "matrix.json").read_text(encoding="utf-8")
    )


def test_a_folder_that_can_t_be_written_is_the_tool_s_failure(tmp_path: Path) -> None:
    """The error names the folder."""
    runs = pair(tmp_path)
    with pytest.raises(PortError, match="nowhere"):
        conclude(tmp_path / "nowhere", runs)


def test_missing_values_have_a_table() -> None:
    """Every missing number is shown in words; markup in names is printed literally."""
    console = Console(file=StringIO(), width=80, color_system=None)
    empty = {"verdict": "inconclusive", "exit_status": 3}
    unmeasured = {f"{name}_state": "not_measured" for name in DURATIONS}
    variant = {"run": "r", "scenario": "s", **empty, **unmeasured}
    named = {"name": "[red]x[/]", "settings": {"a": "[b]"}, "slos": [{"name": "[c]"}]}
    console.print(table(Matrix.model_validate(empty)))
    console.print(
        table(Matrix.model_validate({**empty, "variants": [variant | {"name": ""}, variant | named]}))
    )
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for words in ("unnamed scenario", "[red]x[/]", "[b]", "[c]", "not measured", "not judged"):
        assert words in shown
