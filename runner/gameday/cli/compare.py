"""`gameday compare`: a statistical comparison of two sets of runs; the gate of CI."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gameday.cli.options import (
    json_option,
    out_option,
    page_option,
    substrate_option,
    variant_option,
)
from gameday.execution.trial import Options
from gameday.scenario.units import ratio
from gameday.scenario.yaml_document import Invalid, Problem

if TYPE_CHECKING:
    from gameday.analysis import Outcome
    from gameday.analysis.model.comparison_model import Comparison

EPILOG = """\b
Examples:
  gameday run scenario.yaml --repeat 10 --out base      on the code before
  gameday run scenario.yaml --repeat 10 --out new       on the code after
  gameday compare base new                              exit 1 on a regression, 3 with too few trials
  gameday compare base new --threshold 25% --html compare.html
  gameday compare before.yaml after.yaml --interleave 5   run both in turn, A B A B; up to 12 if that leaves it open"""
MOST_TRIALS, ENOUGH_TRIALS = 12, 8
"""Trials of both stages together, and the number from which one stage is enough, unless --up-to says otherwise."""
AFTERWARDS_S = 10.0
"""Seconds after the recovery in which a page still is a detection."""
OPEN_BELOW = 0.35
"""The p of the first stage below which the second is run."""
Sides = Sequence[Mapping[str, Sequence["Outcome"]]]


def _ratio(context: click.Context, parameter: click.Parameter, value: str) -> float:
    try:
        return ratio(value)
    except ValueError as error:
        raise click.BadParameter(str(error).replace("\n", "; ")) from error


@click.command(epilog=EPILOG)
@click.argument("base")
@click.argument("new")
@click.option(
    "--interleave",
    type=click.IntRange(2, 1000),
    metavar="N",
    help="BASE and NEW are scenarios: run each N times.",
)
@click.option(
    "--up-to",
    type=click.IntRange(2, 1000),
    metavar="M",
    help="With --interleave: go on to M trials if N leave it open. [default: 12 if N is below 8]",
)
@variant_option
@substrate_option
@out_option
@click.option(
    "--alpha", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.01, show_default=True
)
@click.option(
    "--threshold", default="15%", show_default=True, callback=_ratio, help="The smallest increase that fails."
)
@click.option("--gate-ttd", is_flag=True, hidden=True, help="No effect: detection is always tested.")
@page_option("NEW/compare.html")
@json_option("the comparison")
def compare(
    base: str,
    new: str,
    interleave: int | None,
    up_to: int | None,
    variant: str | None,
    substrate: str,
    out: Path,
    alpha: float,
    threshold: float,
    gate_ttd: bool,
    html: Path | None,
    as_json: bool,
) -> int:
    """Compare runs: is NEW worse than BASE? Each is the folder of a run, of trials or of many runs.

    With --interleave each is a scenario. The phases of the outages are tested together by an exact permutation test, time
    to recover as a whole by ranks, and how many never recovered by Fisher's test, all corrected together by Holm. It fails
    only if p is under alpha and the increase is over the threshold.
    """
    from gameday.analysis.trials.comparison import compare as compared
    from gameday.console.result_tables import comparison_table
    from gameday.console.standard_streams import result_console
    from gameday_reports.pages.compare_page import render_compare

    if interleave is None:
        sides = [_side(Path(base)), _side(Path(new))]
        beside = Path(new) if Path(new).is_dir() else Path(new).parent
        pairs = replayed(Path(base), Path(new))
        comparison = compared(sides[0], sides[1], alpha=alpha, threshold=threshold, replayed=pairs)
    else:
        options = Options(substrate, out, None, {}, None, False, None, variant, part=True)
        stages = stages_of(interleave, up_to)

        def run(trials: int) -> Sides | None:
            return _in_turn(base, new, trials, options)

        result, beside = in_stages(run, stages, alpha, threshold), out
        if result is None:
            return 130
        comparison = result
    target = html or beside / "compare.html"
    try:
        page = render_compare(comparison, target)
    except OSError as error:
        raise Invalid(
            [Problem(str(target), 0, 0, f"can't be written: {error.strerror}", "use --html")]
        ) from error
    if as_json:
        click.echo(comparison.text(), nl=False)
    console = result_console(on_stdout=not as_json)
    console.print(comparison_table(comparison))
    for reason in comparison.reasons:
        console.print(reason, markup=False, soft_wrap=True)
    console.print(f"page  {page}", markup=False, soft_wrap=True)
    return comparison.exit_status


def replayed(base: Path, new: Path) -> dict[str, Sequence[tuple[float, float]]]:
    """Return scenario → the times to detect of both sides' detectors on the same streams; without those that have none."""
    from gameday import detect
    from gameday.analysis.trials.outcome_files import outcomes_by_folder
    from gameday.analysis.trials.trial_summary import measures
    from gameday.telemetry.detection_replay import DetectedRun, detection_pairs

    sides: list[dict[str, list[DetectedRun]]] = [{}, {}]
    for side, path in zip(sides, (base, new), strict=True):
        for folder, outcome in outcomes_by_folder(path).items():
            clocks = outcome.clocks
            if measures(outcome) and clocks.effect is not None:
                until = math.inf if clocks.recovered is None else clocks.recovered + AFTERWARDS_S
                run = DetectedRun(folder, clocks.effect, clocks.detect, until)
                side.setdefault(outcome.run.scenario, []).append(run)
    pairs = {
        name: detection_pairs(sides[0][name], sides[1][name], detect.make)
        for name in sides[0].keys() & sides[1].keys()
    }
    return {name: values for name, values in pairs.items() if values}


def stages_of(first: int, up_to: int | None) -> Sequence[int]:
    """Return the trials of each stage: one stage, or two if few trials come first. Raise BadParameter."""
    last = up_to or (MOST_TRIALS if first < ENOUGH_TRIALS else first)
    if last < first:
        raise click.BadParameter(f"{last} is fewer than --interleave {first}", param_hint="--up-to")
    return [first, last - first] if last > first else [first]


def in_stages(
    run: Callable[[int], Sides | None], stages: Sequence[int], alpha: float, threshold: float
) -> Comparison | None:
    """Run and compare trials in one or two stages; None if interrupted. `run` makes so many trials of both sides.

    Each stage has its share of α, so that both together fail by chance no more often than one would. The second is run
    if the first found nothing and its p is under 0.35.
    """
    from gameday.analysis.trials.comparison import compare

    sides: list[dict[str, list[Outcome]]] = [{}, {}]
    comparison: Comparison | None = None
    for number, trials in enumerate(stages, 1):
        if comparison is not None:
            p = min(
                (scenario.p_holm for scenario in comparison.scenarios if scenario.p_holm is not None),
                default=1.0,
            )
            if comparison.exit_status or p >= OPEN_BELOW:
                break
            click.echo(f"compare  p = {p:.2g} leaves it open: {trials} more trials of each", err=True)
        more = run(trials)
        if more is None:
            return None
        for side, new in zip(sides, more, strict=True):
            for name, outcomes in new.items():
                side.setdefault(name, []).extend(outcomes)
        comparison = compare(
            sides[0], sides[1], alpha=alpha / len(stages), threshold=threshold, interleaved=True
        )
        if number < len(stages) and comparison.verdict == "fail":
            break
    return comparison


def _side(path: Path) -> Mapping[str, Sequence[Outcome]]:
    """Return the outcomes on disk by scenario. Raise Invalid."""
    from gameday.analysis.trials.comparison import load_side

    if not path.exists():
        hint = "name the folder of a run or of trials, or run two scenarios with --interleave N"
        raise Invalid([Problem(str(path), 0, 0, "doesn't exist", hint)])
    try:
        return load_side(path)
    except ValueError as error:
        raise Invalid([Problem(str(path), 0, 0, str(error))]) from error


def _in_turn(base: str, new: str, trials: int, options: Options) -> Sides | None:
    """Run both scenarios; return both sides under one name, so that they are compared. Return None if interrupted."""
    from gameday.execution.trial_series import run_interleaved

    outcomes = run_interleaved(base, new, options, trials)
    if outcomes is None:
        return None
    name = outcomes[0][0].run.scenario
    return [{name: runs} for runs in outcomes]
