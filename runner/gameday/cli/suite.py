"""`gameday suite`: many scenarios in trials, compared with a baseline; the regression run of CI.

Only the command line is here. `execution.suites` selects, orders and runs the scenarios and writes the files;
`analysis.trials.suite_result` computes the result.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from gameday.analysis.model.baseline_model import Baseline
from gameday.analysis.outcome.run_verdict import INTERRUPTED, PASS
from gameday.cli.options import (
    FilePath,
    allow_target_option,
    console_options,
    dry_run_option,
    execution_options,
    json_option,
    read_duration,
    repeat_option,
    seed_option,
    tag_option,
)
from gameday.execution.live_console.shown_run import console_of
from gameday.execution.preparation import choose_substrate, ensure_writable
from gameday.execution.suites.capacity import at_once, measure_capacity
from gameday.execution.suites.parallel_workers import length, partition
from gameday.execution.suites.selection import Turn, selected, spoken, turns
from gameday.execution.suites.suite_output import leave
from gameday.execution.suites.suite_runner import Rules, Series
from gameday.execution.system_reuse import Signals
from gameday.execution.trial import Options, new_id
from gameday.scenario.yaml_document import Invalid, Problem

EPILOG = """\b
Examples:
  gameday suite --tag ci                       every scenario of the library with this tag
  gameday suite region scenarios/mine/         a family of the library, and a folder
  gameday suite --tag ci --repeat 6 --save-baseline baseline.json
  gameday suite --tag ci --repeat 6 --baseline baseline.json     exit 1 on a regression
  gameday suite --tag ci --retry-inconclusive 1 --max-duration 20m --fail-fast
  gameday suite bad-deploy region --pause 10m  a game day: a room talks in between
  gameday suite --at-once auto                 several scenarios at once, if the machine has room
  gameday suite --tag ci --dry-run             what would run, in which order, for how long"""


def _count(context: click.Context, parameter: click.Parameter, value: str) -> int | None:
    if value == "auto":
        return None
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 64:
        raise click.BadParameter(f"{value!r} is neither auto nor a number from 1 to 64")
    return int(value)


@click.command(epilog=EPILOG)
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO|FOLDER]...")
@tag_option("Only scenarios with this tag.")
@repeat_option
@click.option(
    "--at-once",
    "most_at_once",
    default="1",
    callback=_count,
    metavar="N|auto",
    help="Scenarios that run at once; each needs 2 cores.",
)
@click.option("--crowded", is_flag=True, help="Allow more at once than fit; no baseline is judged or saved.")
@click.option("--fail-fast", is_flag=True, help="Start no more trials after the first that failed.")
@click.option(
    "--max-duration",
    "most",
    callback=read_duration,
    metavar="TIME",
    help="Skip trials that would finish after TIME.",
)
@click.option(
    "--pause", callback=read_duration, metavar="TIME", help="Pause between two scenarios, for a room to talk."
)
@click.option(
    "--retry-inconclusive",
    "retries",
    type=click.IntRange(0, 10),
    default=0,
    metavar="N",
    help="Retry inconclusive trials up to N times (failed trials are never retried).",
)
@click.option(
    "--baseline",
    type=FilePath(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Fail if a scenario is slower than in FILE.",
)
@click.option(
    "--save-baseline",
    "save",
    type=FilePath(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Save the measured times to FILE.",
)
@console_options
@execution_options
@seed_option
@allow_target_option
@dry_run_option("Check everything and say what would run; start nothing.")
@json_option("suite.json")
def suite(
    scenarios: tuple[str, ...],
    tags: tuple[str, ...],
    repeat: int,
    most_at_once: int | None,
    crowded: bool,
    fail_fast: bool,
    most: float | None,
    pause: float | None,
    retries: int,
    baseline: Path | None,
    save: Path | None,
    substrate: str,
    out: Path,
    seed: int | None,
    toxiproxy: str | None,
    allow_target: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    console: bool,
    console_host: str,
    console_port: int,
) -> int:
    """Run scenarios (paths, names, folders or families; by default the whole library) in turn, or several at once.

    The system stays up between trials, and between scenarios that need the same one. suite.html, suite.json, suite.md
    and junit.xml are written into one folder. The exit status is the worst of all trials.
    """
    options = Options(
        substrate, out, seed, {}, None, as_json, toxiproxy, part=True, allow_target=allow_target
    )
    planned = turns(selected(scenarios, tags, options), repeat)
    base = None if baseline is None else _baseline(baseline)
    rules = Rules(fail_fast, most, pause, retries)
    many, cramped = at_once(most_at_once, crowded, measure_capacity())
    if many > 1 and pause:
        raise click.UsageError("--pause needs one scenario at a time: leave out --at-once")
    if many > 1 and console:
        raise click.UsageError("--console shows one scenario at a time: leave out --at-once")
    lanes = partition(planned, many)
    if dry_run:
        _print_plan(planned, lanes, repeat, rules)
        return PASS
    for place in (out, *([save.parent] if save else [])):
        ensure_writable(place)
    substrate_, why, options = choose_substrate(options)
    drawn = secrets.randbelow(2**31 - 1000) if seed is None else seed
    with console_of(console, console_host, console_port) as hub, Signals().caught() as signals:
        options = replace(options, console=hub)
        folder = out / f"{new_id()}-suite"
        series = Series(planned, lanes, rules, options, folder, signals, (substrate_, why), drawn, cramped)
        try:
            series.run()
        finally:
            status = leave(series.done(), base, save, as_json=as_json)
    return INTERRUPTED if signals.asked else status


def _baseline(path: Path) -> tuple[Path, Baseline]:
    """Read a baseline, before anything is started. Raise Invalid."""
    from gameday.analysis.trials.baseline import read

    try:
        return path, read(path)
    except ValueError as error:
        hint = "gameday suite --save-baseline writes a baseline"
        raise Invalid([Problem(str(path), 0, 0, str(error), hint)]) from error


def _print_plan(planned: Sequence[Turn], lanes: Sequence[Sequence[Turn]], repeat: int, rules: Rules) -> None:
    """Print what would run, and for how long."""
    for index in range(0, len(planned), repeat):
        turn, times = planned[index], f"{repeat} × " if repeat > 1 else ""
        seconds = length(planned[index : index + repeat]) / repeat
        click.echo(f"{turn.name}: {turn.chosen.path}: ok; about {times}{seconds:.0f} s")
    pauses = (rules.pause or 0.0) * (len(planned) // repeat - 1)
    total = max(map(length, lanes), default=0.0) + pauses
    click.echo(f"about {spoken(total)} in all" + (f", {len(lanes)} at once" if len(lanes) > 1 else ""))
    if rules.most is not None and total > rules.most:
        click.echo(
            f"more than --max-duration {spoken(rules.most)}: trials that don't fit are skipped, exit status 3"
        )
