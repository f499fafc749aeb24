"""The contract suite runs once for every substrate; the docker half is skipped, with its reason, where no engine answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.lab import Lab, ProcessLab, Runs


@pytest.fixture(params=["process"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    made = ProcessLab(tmp_path)
    yield made
    made.close()


@pytest.fixture
def runs(lab: Lab) -> Runs:
    return Runs(lab, lab.substrate())
