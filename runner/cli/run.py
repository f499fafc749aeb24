"""`gameday run`: one scenario or several, once or in repeated trials, with the exit status that DESIGN fixes."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import click
from rich.console import Console

from runner.cli import library
from runner.cli.keep import Kept, Signals
from runner.cli.play import Options, Trial, new_id, play
from runner.located import Invalid, Problem
from runner.scenario import OVERRIDABLE, Scenario

EPILOG = """\b
Examples:
  gameday run bad-deploy-pricing
  gameday run scenarios/bad-deploy/wrong-prices.yaml --responder none
  gameday run good-release bad-deploy-pricing --out /tmp/runs --json
  gameday run bad-deploy-pricing --set load.rate=120/s --set hold=20s --seed 7
  gameday run bad-deploy-pricing --repeat 10
  gameday run before.yaml after.yaml --repeat 10 --interleave
  gameday run bad-deploy-pricing --dry-run"""
EXECUTABLE = click.Path(exists=True, dir_okay=False, executable=True)
Ready = Sequence[tuple[Path, Scenario]]


def _pairs(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = dict(value.partition("=")[::2] for value in values)
    for value in values:
        if "=" not in value:
            raise click.BadParameter(f"{value!r} isn't key=value; keys: {', '.join(OVERRIDABLE)}")
    return pairs


@click.command(epilog=EPILOG)
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO...")
@click.option("--substrate", type=click.Choice(["auto", "docker", "process"]), default="auto", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="Where runs go.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Repeats the same arrivals; drawn and told unless set.")
@click.option("--repeat", type=click.IntRange(1, 1000), default=1, help="Trials of each scenario, one seed each.")
@click.option("--interleave", is_flag=True, help="Several scenarios in turn, trial by trial: A B A B.")
@click.option("--set", "overrides", multiple=True, callback=_pairs, metavar="KEY=VALUE", help="Override a value.")
@click.option("--responder", type=click.Choice(["auto", "none"]), help="In place of the scenario's.")
@click.option("--toxiproxy-server", "toxiproxy", type=EXECUTABLE, help="Run this Toxiproxy, not the embedded server.")
@click.option("--dry-run", is_flag=True, help="Check everything and say what would run; start nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print outcomes (or trials) as JSON on standard output.")
def run(
    scenarios: tuple[str, ...],
    substrate: Literal["auto", "docker", "process"],
    out: Path,
    seed: int | None,
    repeat: int,
    interleave: bool,
    overrides: dict[str, str],
    responder: str | None,
    toxiproxy: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Run SCENARIO (a path, or a name from `gameday list`): system up, load, fault, response, report, system down."""
    options = Options(substrate, out, seed, overrides, responder, as_json, toxiproxy)
    ready = _read(scenarios, options)
    if dry_run:
        for path, scenario in ready:
            click.echo(f"{scenario.name}: {path}: ok; about {_seconds(scenario) * repeat} s on {substrate}")
        return 0
    _writable(out)
    return _series(ready, options, repeat, interleave)


def _series(ready: Ready, options: Options, repeat: int, interleave: bool) -> int:
    with Signals().caught() as signals:
        outcomes, folders = _made(ready, options, repeat, interleave, signals)
        status = _conclude(outcomes, folders, options, repeat)
    return 130 if signals.asked else status


def in_turn(base: str, new: str, options: Options, repeat: int) -> list[list[Mapping[str, Any]]] | None:
    """Trials of two scenarios, A B A B; the outcomes of each. None where it was interrupted. Raises Invalid."""
    ready = _read((base, new), options)
    _writable(options.out)
    with Signals().caught() as signals:
        outcomes, folders = _made(ready, options, repeat, True, signals)
        _conclude(outcomes, folders, options, repeat)
    return None if signals.asked else outcomes


def _made(
    ready: Ready, options: Options, repeat: int, interleave: bool, signals: Signals
) -> tuple[list[list[Mapping[str, Any]]], list[Path]]:
    """Every trial of every scenario, the system kept up between two that want the same one: outcomes and folders."""
    seed = secrets.randbelow(2**31 - 1000) if options.seed is None else options.seed
    order = list(_order(len(ready), repeat, interleave))
    folders = [options.out / f"{new_id()}-{scenario.name}" if repeat > 1 else options.out for _, scenario in ready]
    outcomes: list[list[Mapping[str, Any]]] = [[] for _ in ready]
    kept = Kept()
    substrate, why, options = _chosen(options)
    try:
        for index, (which, number) in enumerate(order):
            path, scenario = ready[which]
            follows = order[index + 1][0] if index + 1 < len(order) else None
            kept.then = None if follows is None else ready[follows][1].system
            if repeat > 1:
                click.echo(f"trial {number + 1} of {repeat}: {scenario.name}", err=True)
            trial = Trial(path, scenario, seed + number, substrate, why)
            outcomes[which].append(play(trial, options, folders[which], kept, signals))
            if signals.asked:
                break
    finally:
        kept.close()
    return outcomes, folders


def _chosen(options: Options) -> tuple[str, str, Options]:
    """The substrate and why; and the options with the Toxiproxy that will run, the one on PATH where there is one."""
    from runner.links.start import find_real
    from runner.substrates.choose import choose

    substrate, why = choose(options.substrate)
    if substrate == "process":
        return substrate, why, replace(options, toxiproxy=options.toxiproxy or find_real())
    if options.toxiproxy:
        hint = "run with --substrate process"
        raise Invalid([Problem("--toxiproxy-server", 0, 0, "isn't for containers, whose image has its own", hint)])
    return substrate, why, options


def _order(scenarios: int, repeat: int, interleave: bool) -> Iterator[tuple[int, int]]:
    """(scenario, number of the trial), in the order in which they run."""
    if interleave:
        yield from ((which, number) for number in range(repeat) for which in range(scenarios))
    else:
        yield from ((which, number) for which in range(scenarios) for number in range(repeat))


def _conclude(outcomes: list[list[Mapping[str, Any]]], folders: list[Path], options: Options, repeat: int) -> int:
    """Prints what was asked for as JSON, writes the trials, and gives the exit status of the whole."""
    from runner.measure.verdict import worst

    made = [(folder, found) for folder, found in zip(folders, outcomes, strict=True) if found]
    results = [_trials(folder, found) if repeat > 1 else found[0] for folder, found in made]
    if options.as_json:
        click.echo(json.dumps(results[0] if len(outcomes) == 1 else results, indent=2))
    statuses = [int(result["exit_status"]) for result in results]
    unmet = any(outcome["steady_state"]["met"] is False for each in outcomes for outcome in each)
    return worst(statuses, unmet=unmet and repeat == 1)


def _trials(folder: Path, outcomes: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """`trials.json` and its page, and the table on the screen."""
    from reports.trials import render_trials
    from runner.cli.tables import trials_table
    from runner.measure.trials import summarise

    trials = summarise(outcomes)
    (folder / "trials.json").write_text(json.dumps(trials, indent=2) + "\n", encoding="utf-8")
    page = render_trials(trials, folder / "trials.html")
    console = Console(file=sys.stderr)
    console.print(trials_table(trials))
    console.print(f"trials  {page}", markup=False, soft_wrap=True)
    return trials


def _seconds(scenario: Scenario) -> int:
    from runner.cli.look import expected_seconds

    return round(expected_seconds(scenario))


def _read(scenarios: tuple[str, ...], options: Options) -> Ready:
    """All scenarios, or every problem of all of them."""
    ready: list[tuple[Path, Scenario]] = []
    problems: list[Problem] = []
    for each in scenarios:
        try:
            path = library.find(each)
            scenario = _with_responder(library.read(path, options.overrides), options.responder)
            library.topology(scenario)
            ready.append((path, scenario))
        except Invalid as error:
            problems += error.problems
    if problems:
        raise Invalid(problems)
    return ready


def _with_responder(scenario: Scenario, responder: str | None) -> Scenario:
    if responder is None:
        return scenario
    policy = "rollback-latest-change" if responder == "auto" else None
    respond = scenario.respond.model_copy(update={"by": responder, "policy": policy})
    return scenario.model_copy(update={"respond": respond})


def _writable(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        hint = "name a folder that you can write with --out"
        raise Invalid([Problem(str(out), 0, 0, f"can't be written: {error.strerror}", hint)]) from error
