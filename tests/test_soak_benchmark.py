"""benchmarks/soak.py: growth is found, noise isn't, and what a run leaves behind is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from benchmarks.soak import BOUNDS, leftovers, slope, soak
from tests.support.nonempty_all import nonempty_all

RUNS = """
import json, pathlib, sys, time
for number in range(3):
    folder = pathlib.Path(sys.argv[1], "trials", str(number)); folder.mkdir(parents=True)
    (folder / "outcome.json.new").write_text(json.dumps({"verdict": "pass"}))
    (folder / "outcome.json.new").rename(folder / "outcome.json")
time.sleep(600)
"""


def test_growth_is_found_and_noise_is_not() -> None:
    """A leak of 2 MB a run lies above its bound with its whole interval; noise around a level doesn't."""
    random = Random(1)
    noise = [200 + random.gauss(0, 3) for _ in range(60)]
    assert not slope("memory_mb", noise).grows
    leak = slope("memory_mb", [value + 2 * i for i, value in enumerate(noise)])
    assert leak.grows
    assert leak.low < 2.0 < leak.high


@pytest.mark.parametrize("name", BOUNDS)
def test_few_runs_show_no_slope(name: str) -> None:
    """Two runs, and none, give no slope and no alarm."""
    assert not slope(name, [1.0, 90.0]).grows
    assert not slope(name, []).grows


def test_a_process_of_a_run_is_left_behind() -> None:
    """A process that carries the run's mark is named; others aren't."""
    environment = {**os.environ, "GAMEDAY_RUN": "20200101-000000-abcd"}
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], env=environment, stdin=subprocess.PIPE
    ) as process:
        left = leftovers(["20200101-000000-abcd"])
        process.kill()
    assert [thing.split(" ")[1] for thing in left if thing.startswith("process")] == [str(process.pid)]


def test_a_sample_is_taken_after_each_run(tmp_path: Path) -> None:
    """Each run that appears is sampled once, and the command is ended."""
    samples = []
    for one in soak([sys.executable, "-c", RUNS, str(tmp_path)], tmp_path, 600):
        samples.append(one)
        if len(samples) == 3:
            break
    assert [one.run for one in samples] == ["0", "1", "2"]
    assert nonempty_all(one.memory_mb > 1 and one.handles > 2 for one in samples)
    assert json.loads((tmp_path / "trials/0/outcome.json").read_text())["verdict"] == samples[0].verdict
