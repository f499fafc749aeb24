"""`gameday suite`: many scenarios in trials, held against a baseline; the regression run of CI.

Here is the command line alone. Which scenarios and in which order is `plan`, how many at once `room`, what runs when
`series`; what they came to is `runner.measure.suite`, and what is written of it `leave`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import click

from runner.cli.keep import Signals
from runner.cli.lanes import length, partition
from runner.cli.leave import leave
from runner.cli.plan import Turn, selected, spoken, turns
from runner.cli.play import Options, new_id
from runner.cli.room import at_once, room
from runner.cli.run import EXECUTABLE, _chosen, _writable
from runner.cli.series import Rules, Series
from runner.located import Invalid, Problem
from runner.measure.verdict import INTERRUPTED, PASS
from runner.scenario.units import seconds

EPILOG = """\b
Examples:
  gameday suite --tag ci                       every scenario of the library with this tag
  gameday suite region scenarios/mine/         a family of the library, and a folder
  gameday suite --tag ci --repeat 6 --save-baseline baseline.json
  gameday suite --tag ci --repeat 6 --baseline baseline.json     exit 1 on a regression
  gameday suite --tag ci --retry-inconclusive 1 --max-duration 20m --fail-fast
  gameday suite bad-deploy region --pause 10m  a game day: a room talks in between
  gameday suite --at-once auto                 several scenarios at once, where the machine has room for them
  gameday suite --tag ci --dry-run             what would run, in which order, for how long"""


def _count(context: click.Context, parameter: click.Parameter, value: str) -> int | None:
    if value == "auto":
        return None
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 64:
        raise click.BadParameter(f"{value!r} is neither auto nor a number from 1 to 64")
    return int(value)


def _seconds(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    try:
        return None if value is None else seconds(value)
    except ValueError as error:
        raise click.BadParameter(str(error).replace("\n", "; ")) from error


@click.command(epilog=EPILOG)
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO|FOLDER]...")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only scenarios with it; several: with any of them.")
@click.option("--repeat", type=click.IntRange(1, 1000), default=1, help="Trials of each scenario, one seed each.")
@click.option(
    "--at-once",
    "most_at_once",
    default="1",
    callback=_count,
    metavar="N|auto",
    help="Scenarios at once; each wants 2 cores.",
)
@click.option("--crowded", is_flag=True, help="More at once than there is room for; no baseline is judged or saved.")
@click.option("--fail-fast", is_flag=True, help="Begin nothing more after the first trial that failed.")
@click.option("--max-duration", "most", callback=_seconds, metavar="TIME", help="Begin nothing that would end later.")
@click.option("--pause", callback=_seconds, metavar="TIME", help="Between two scenarios, for a room to talk.")
@click.option("--retry-inconclusive", "retries", type=click.IntRange(0, 10), default=0, help="Times; never a failure.")
@click.option("--baseline", type=click.Path(dir_okay=False, path_type=Path), help="Fail where it became slower.")
@click.option(
    "--save-baseline", "save", type=click.Path(dir_okay=False, path_type=Path), help="Keep what was measured."
)
@click.option("--substrate", type=click.Choice(["auto", "docker", "process"]), default="auto", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="Where it goes.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Repeats the same arrivals; drawn and told unless set.")
@click.option("--toxiproxy-server", "toxiproxy", type=EXECUTABLE, help="Run this Toxiproxy, not the embedded server.")
@click.option("--dry-run", is_flag=True, help="Check everything and say what would run; start nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print suite.json on standard output.")
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
    substrate: Literal["auto", "docker", "process"],
    out: Path,
    seed: int | None,
    toxiproxy: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Run scenarios (paths, names, folders, families; the whole library unless named), one after the other or several
    at once.

    The system stays up between trials and between scenarios that want the same one. Writes suite.html, suite.json,
    suite.md and junit.xml into one folder; one exit status for all.
    """
    options = Options(substrate, out, seed, {}, None, as_json, toxiproxy)
    planned = turns(selected(scenarios, tags, options), repeat)
    base = None if baseline is None else _baseline(baseline)
    rules = Rules(fail_fast, most, pause, retries)
    many, cramped = at_once(most_at_once, crowded, room())
    if many > 1 and pause:
        raise click.UsageError("--pause is for a room that follows one scenario at a time: leave out --at-once")
    lanes = partition(planned, many)
    if dry_run:
        _told(planned, lanes, repeat, rules)
        return PASS
    for place in (out, *([save.parent] if save else [])):
        _writable(place)
    substrate_, why, options = _chosen(options)
    drawn = secrets.randbelow(2**31 - 1000) if seed is None else seed
    with Signals().caught() as signals:
        folder = out / f"{new_id()}-suite"
        series = Series(planned, lanes, rules, options, folder, signals, (substrate_, why), drawn, cramped)
        try:
            series.run()
        finally:
            status = leave(series.done(), base, save, as_json=as_json)
    return INTERRUPTED if signals.asked else status


def _baseline(path: Path) -> tuple[Path, Mapping[str, Any]]:
    """Read before anything is started. Raises Invalid."""
    from runner.measure.baseline import read

    try:
        return path, read(path)
    except ValueError as error:
        hint = "a baseline is made by gameday suite --save-baseline"
        raise Invalid([Problem(str(path), 0, 0, str(error), hint)]) from error


def _told(planned: Sequence[Turn], lanes: Sequence[Sequence[Turn]], repeat: int, rules: Rules) -> None:
    for index in range(0, len(planned), repeat):
        turn, times = planned[index], f"{repeat} × " if repeat > 1 else ""
        each = length(planned[index : index + repeat]) / repeat
        click.echo(f"{turn.name}: {turn.chosen.path}: ok; about {times}{each:.0f} s")
    pauses = (rules.pause or 0.0) * (len(planned) // repeat - 1)
    total = max(map(length, lanes), default=0.0) + pauses
    click.echo(f"about {spoken(total)} in all" + (f", {len(lanes)} at once" if len(lanes) > 1 else ""))
    if rules.most is not None and total > rules.most:
        click.echo(f"more than --max-duration {spoken(rules.most)}: what doesn't fit is left out, exit status 3")
