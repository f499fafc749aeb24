"""Fuzz tests of scenario files: any file gives a scenario or located problems, never a traceback,
never a start."""

from __future__ import annotations

import contextlib
import math
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, event, given, settings

from gameday.execution import library
from gameday.execution.preparation import expected_seconds, read_scenarios
from gameday.execution.trial import Options
from gameday.scenario import Scenario
from gameday.scenario.yaml_document import Invalid, Problem
from tests.support.mutations import GOOD, each_kind, hostile

CPU_S = 5.0
MEMORY = 150 * 2**20
LONGEST = 1000
STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "pty.spawn")
REACHES = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "urllib.Request")
CHANGES = (
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.truncate",
    "shutil.rmtree",
    "os.kill",
    "signal.pthread_kill",
)
WRITES = 3
"""O_WRONLY and O_RDWR."""

_seen: list[str] | None = None


def _hook(name: str, arguments: tuple[Any, ...]) -> None:
    if _seen is None:
        return
    if name in STARTS + REACHES + CHANGES or (
        name == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES
    ):
        _seen.append(f"{name}{arguments!r}"[:200])


sys.addaudithook(_hook)


@contextlib.contextmanager
def looked_at_only() -> Iterator[None]:
    """Raise AssertionError if a process is started, a socket opened or a file written in the block."""
    global _seen
    results: list[str] = []
    _seen = results
    try:
        yield
    finally:
        _seen = None
    assert results == []


def read(path: Path) -> Scenario | tuple[Problem, ...]:
    """Read the file as `gameday validate` and `gameday run --dry-run` do."""
    options = Options("process", path.parent, None, {}, None, False, None)
    try:
        for read_scenario in read_scenarios((str(path),), options):
            assert 0 < expected_seconds(read_scenario.scenario) < math.inf
    except Invalid as error:
        return error.problems
    return library.read(path)


def check(raw: bytes, path: Path) -> str:
    """Return "good", or the beginning of the first problem."""
    path.write_bytes(raw)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with looked_at_only():
        scenario = read(path)
    assert time.process_time() - began < CPU_S
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MEMORY
    if isinstance(scenario, Scenario):
        again = path.with_name("again.yaml")
        again.write_text(yaml.safe_dump(scenario.document(), sort_keys=False), encoding="utf-8")
        assert library.read(again) == scenario
        return "good"
    lines = raw.count(b"\n") + raw.count(b"\r") + 10
    assert scenario
    for problem in scenario:
        assert problem.message.strip()
        assert len(str(problem)) < LONGEST
        assert str(problem).encode()
        assert problem.file.startswith(str(path)) or "releases" in problem.file
        assert (0 < problem.line <= lines and problem.column > 0) or _whole(problem)
    return scenario[0].message[:12]


def _whole(problem: Problem) -> bool:
    """Return True if the problem concerns the file as a whole, and not a place in it."""
    return (problem.line, problem.column) == (0, 0) and "bytes long" in problem.message


SETTINGS = settings(
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


def warm(folder: Path) -> Path:
    """Return the folder for files. Do the imports of first use now, since their compilation writes
    files."""
    path = folder / "s.yaml"
    for text in GOOD[:8]:
        path.write_text(text, encoding="utf-8")
        assert isinstance(read(path), Scenario)
    return path


@pytest.mark.timeout(300)  # ten seconds of computing
def test_every_kind_of_nonsense_is_a_problem(tmp_path: Path) -> None:
    """Endless numbers, bombs, tags, paths and endless expressions are problems; the file without
    them is valid."""
    path = warm(tmp_path)
    texts = [check(text.encode("utf-8", "surrogatepass"), path) for text in each_kind()]
    assert texts[0] == "good"
    assert len(set(texts)) > 25


def fuzz(examples: int, folder: Path) -> Counter[str]:
    """Check `examples` mutated files; return how often each result of `check` came."""
    counter: Counter[str] = Counter()
    path = warm(folder)

    @settings(SETTINGS, max_examples=examples)
    @given(hostile())
    def run(raw: bytes) -> None:
        became = check(raw, path)
        counter[became] += 1
        event(became)

    run()
    return counter


def test_a_hundred_and_fifty_mutated_files_give_located_problems(tmp_path: Path) -> None:
    """Mutated files give many kinds of problems, and some stay valid: mutations reach past the YAML."""
    counts = fuzz(150, tmp_path)
    assert len(counts) > 12, counts
    assert counts["good"] > 0, counts


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_ten_thousand_mutated_files_give_located_problems(tmp_path: Path) -> None:
    """Ten thousand mutated files give only scenarios and located problems."""
    counts = fuzz(10_000, tmp_path)
    assert len(counts) > 60, counts
