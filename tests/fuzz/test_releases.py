"""Fuzz tests of release folders: a mutated folder is valid or has located problems, and none of its code is run."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from gameday.changes.releases import Catalogue
from gameday.scenario.yaml_document import Invalid
from gameday.topology import bundled
from tests.support.byte_mutations import bounded, mutated

RELEASE = "pricing-1.1.0"


def answer(catalogue: Catalogue, folder: Path) -> str:
    """Return "good", or the beginning of the first problem."""
    with bounded(folder):
        try:
            catalogue.spec(RELEASE)
            problems = list(catalogue.check(RELEASE))
        except Invalid as error:
            problems = list(error.problems)
    for problem in problems:
        assert problem.message.strip()
        assert len(problem.message + problem.hint) <= 1200
    return problems[0].message[:20] if problems else "good"


def fuzz(examples: int, folder: Path) -> Counter[str]:
    """Mutate specification or patch of a release; return how often each answer came."""
    shutil.copytree(bundled.releases() / RELEASE, folder / RELEASE)
    catalogue = Catalogue(folder, bundled.compose() / "storefront")
    files = {name: (folder / RELEASE / name).read_bytes() for name in ("release.yaml", "change.patch")}
    catalogue.check(RELEASE)  # imports are done outside the limits
    answers = Counter[str]()
    for seed in range(examples):
        random = Random(seed)
        name = random.choice(sorted(files))
        (folder / RELEASE / name).write_bytes(mutated(files[name], random))
        try:
            answers[answer(catalogue, folder)] += 1
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, {name}: {error}") from error
        (folder / RELEASE / name).write_bytes(files[name])
    return answers


def test_a_hundred_mutated_releases_are_good_or_have_problems(tmp_path: Path) -> None:
    """Mutated patches and specifications give many kinds of problems."""
    answers = fuzz(100, tmp_path)
    assert len(answers) > 8, answers


@pytest.mark.full
@pytest.mark.timeout(7200)
def test_five_thousand_mutated_releases_are_good_or_have_problems(tmp_path: Path) -> None:
    """Five thousand mutated releases give only located problems."""
    assert len(fuzz(5000, tmp_path)) > 15
