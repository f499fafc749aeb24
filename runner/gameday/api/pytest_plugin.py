"""Pytest plug-in: the fixture `gameday`, which runs scenarios and skips a test whose run is inconclusive."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gameday.api.python_api import RunResult, Substrate

INCONCLUSIVE = 3
BROKEN = {4: "the tool or the substrate failed", 5: "something was left behind"}


class Gameday:
    """Runs scenarios for a test. Runs lie below `out`: pytest's `tmp_path`, or the folder of `--gameday-out`."""

    def __init__(self, out: Path, substrate: Substrate) -> None:
        self.out = out
        self.substrate = substrate

    def run(
        self,
        scenario: str | Path,
        *,
        substrate: Substrate | None = None,
        out: str | Path | None = None,
        seed: int | None = None,
        overrides: Mapping[str, str] | None = None,
        responder: str | None = None,
        variant: str | None = None,
    ) -> RunResult:
        """Run a scenario once and return its result; the arguments are those of `gameday.run_scenario`.

        Skip the test, with the reasons, if the run is inconclusive. Fail it if the run itself failed or left
        something behind. A verdict of `fail` is returned, to be judged by the test.
        """
        from gameday.api.python_api import run_scenario

        result = run_scenario(
            scenario,
            substrate=substrate or self.substrate,
            out=self.out if out is None else out,
            seed=seed,
            overrides=overrides,
            responder=responder,
            variant=variant,
        )
        reasons = "; ".join(result.reasons)
        if result.exit_status == INCONCLUSIVE:
            pytest.skip(f"{result.scenario} is inconclusive: {reasons}; report {result.report}")
        if result.exit_status in BROKEN:
            why = BROKEN[result.exit_status]
            pytest.fail(f"{result.scenario}: {why}: {reasons}; report {result.report}", pytrace=False)
        return result


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--gameday-out` and `--gameday-substrate`."""
    group = parser.getgroup("gameday", "rehearse failures")
    group.addoption(
        "--gameday-out", type=Path, metavar="DIR", help="Folder of the runs. [default: the test's tmp_path]"
    )
    group.addoption(
        "--gameday-substrate",
        metavar="NAME",
        default="auto",
        help="Where systems run: auto, docker, process or a plug-in's. [default: auto]",
    )


@pytest.fixture
def gameday(request: pytest.FixtureRequest) -> Gameday:
    """Run scenarios: `outcome = gameday.run("bad-deploy-pricing")`, then `assert outcome.ttr_s < 30`."""
    given: Any = request.config.getoption("--gameday-out")
    out = request.getfixturevalue("tmp_path") if given is None else given
    return Gameday(Path(out), request.config.getoption("--gameday-substrate"))
