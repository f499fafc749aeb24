"""`gameday run`: one scenario or several, once or in repeated trials, with the exit status that DESIGN fixes."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import click
from rich.console import Console

from runner.cli import library
from runner.cli.keep import Kept, Signals, wanted
from runner.cli.play import Options, Trial, new_id, play
from runner.located import Invalid, Problem, nearest
from runner.scenario import OVERRIDABLE, Scenario
from runner.scenario.matrix import variants

EPILOG = """\b
Examples:
  gameday run bad-deploy-pricing
  gameday run scenarios/bad-deploy/wrong-prices.yaml --responder none
  gameday run good-release bad-deploy-pricing --out /tmp/runs --json
  gameday run bad-deploy-pricing --set load.rate=120/s --set hold=20s --seed 7
  gameday run bad-deploy-pricing --repeat 10
  gameday run before.yaml after.yaml --repeat 10 --interleave
  gameday run payments-slow                    every variant of its matrix, and a page that sets them side by side
  gameday run payments-slow --variant without
  gameday run bad-deploy-pricing --dry-run"""
PAGE_TO = "Tell this receiver of pages: slack=URL, json=URL, pagerduty=KEY. Or GAMEDAY_PAGE_TO. Repeatable."
RESPONDERS = click.Choice(["auto", "none", "human", "external"])
EXECUTABLE = click.Path(exists=True, dir_okay=False, executable=True)


@dataclass(frozen=True)
class Chosen:
    """One scenario to be run; `variant` is its name in the matrix of the file, None where it has none."""

    path: Path
    scenario: Scenario
    variant: str | None = None


Ready = Sequence[Chosen]


def _pairs(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = dict(value.partition("=")[::2] for value in values)
    for value in values:
        if "=" not in value:
            raise click.BadParameter(f"{value!r} isn't key=value; keys: {', '.join(OVERRIDABLE)}")
    return pairs


def _targets(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[Any, ...]:
    from runner.pages.target import read_target

    try:
        return tuple(read_target(value) for value in values)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command(epilog=EPILOG)
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO...")
@click.option("--substrate", type=click.Choice(["auto", "docker", "process"]), default="auto", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="Where runs go.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Repeats the same arrivals; drawn and told unless set.")
@click.option("--repeat", type=click.IntRange(1, 1000), default=1, help="Trials of each scenario, one seed each.")
@click.option("--interleave", is_flag=True, help="Several scenarios in turn, trial by trial: A B A B.")
@click.option("--variant", metavar="NAME", help="Only this variant of the scenario's matrix.")
@click.option("--set", "overrides", multiple=True, callback=_pairs, metavar="KEY=VALUE", help="Override a value.")
@click.option("--responder", type=RESPONDERS, help="In place of the scenario's; human and external act by the door.")
@click.option("--page-to", multiple=True, callback=_targets, envvar="GAMEDAY_PAGE_TO", help=PAGE_TO, metavar="TARGET")
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
    variant: str | None,
    overrides: dict[str, str],
    responder: str | None,
    page_to: tuple[Any, ...],
    toxiproxy: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Run SCENARIO (a path, or a name from `gameday list`): system up, load, fault, response, report, system down."""
    options = Options(substrate, out, seed, overrides, responder, as_json, toxiproxy, variant, page_to)
    ready = _read(scenarios, options)
    if dry_run:
        for each in ready:
            seconds = _seconds(each.scenario) * repeat
            click.echo(f"{each.scenario.name}: {each.path}: ok; about {seconds} s on {substrate}")
        return 0
    _writable(out)
    return _series(ready, options, repeat, interleave)


def _series(ready: Ready, options: Options, repeat: int, interleave: bool) -> int:
    with Signals().caught() as signals:
        outcomes, folders = _made(ready, options, repeat, interleave, signals)
        status = _conclude(ready, outcomes, folders, options, repeat)
    return 130 if signals.asked else status


def in_turn(base: str, new: str, options: Options, repeat: int) -> list[list[Mapping[str, Any]]] | None:
    """Trials of two scenarios, A B A B; the outcomes of each. None where it was interrupted. Raises Invalid."""
    ready = _read((base, new), options)
    _writable(options.out)
    with Signals().caught() as signals:
        outcomes, folders = _made(ready, options, repeat, True, signals)
        _conclude(ready, outcomes, folders, options, repeat)
    return None if signals.asked else outcomes


def _made(
    ready: Ready, options: Options, repeat: int, interleave: bool, signals: Signals
) -> tuple[list[list[Mapping[str, Any]]], list[Path]]:
    """Every trial of every scenario, the system kept up between two that want the same one: outcomes and folders."""
    seed = secrets.randbelow(2**31 - 1000) if options.seed is None else options.seed
    order = list(_order(len(ready), repeat, interleave))
    folders = _folders(ready, options.out, repeat)
    outcomes: list[list[Mapping[str, Any]]] = [[] for _ in ready]
    kept = Kept()
    substrate, why, options = _chosen(options)
    try:
        for index, (which, number) in enumerate(order):
            path, scenario = ready[which].path, ready[which].scenario
            follows = order[index + 1][0] if index + 1 < len(order) else None
            kept.then = None if follows is None else wanted(ready[follows].scenario)
            if repeat > 1:
                click.echo(f"trial {number + 1} of {repeat}: {scenario.name}", err=True)
            trial = Trial(path, scenario, seed + number, substrate, why)
            outcomes[which].append(play(trial, options, folders[which], kept, signals))
            if signals.asked:
                break
    finally:
        kept.finish()
    return outcomes, folders


def _folders(ready: Ready, out: Path, repeat: int) -> list[Path]:
    """Where each one's runs go: the trials of a scenario share a folder, and so do the variants of a matrix."""
    if repeat > 1:
        return [out / f"{new_id()}-{each.scenario.name}" for each in ready]
    shared = {each.path: out / f"{new_id()}-{each.path.stem}" for each in ready if each.variant}
    return [shared[each.path] if each.variant else out for each in ready]


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


def _conclude(
    ready: Ready, outcomes: list[list[Mapping[str, Any]]], folders: list[Path], options: Options, repeat: int
) -> int:
    """Prints what was asked for as JSON, writes the trials, and gives the exit status of the whole."""
    from runner.measure.verdict import worst

    made = [(folder, found) for folder, found in zip(folders, outcomes, strict=True) if found]
    results = [_trials(folder, found) if repeat > 1 else found[0] for folder, found in made]
    if options.as_json:
        click.echo(json.dumps(results[0] if len(outcomes) == 1 else results, indent=2))
    statuses = [int(result["exit_status"]) for result in results]
    statuses += [] if repeat > 1 else _matrices(ready, outcomes, folders)
    unmet = any(outcome["steady_state"]["met"] is False for each in outcomes for outcome in each)
    return worst(statuses, unmet=unmet and repeat == 1)


def _matrices(ready: Ready, outcomes: list[list[Mapping[str, Any]]], folders: list[Path]) -> list[int]:
    """The page of each matrix of which a variant ran, and its exit status."""
    from runner.cli.matrix import conclude

    runs: dict[Path, dict[str, Path]] = {}
    for each, found, folder in zip(ready, outcomes, folders, strict=True):
        if each.variant and found:
            runs.setdefault(folder, {})[each.variant] = folder / str(found[0]["run"]["id"])
    return [conclude(folder, variants) for folder, variants in runs.items()]


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
    ready: list[Chosen] = []
    problems: list[Problem] = []
    for each in scenarios:
        try:
            ready += _variants(library.find(each), options)
        except Invalid as error:
            problems += error.problems
    if problems:
        raise Invalid(problems)
    return ready


def _variants(path: Path, options: Options) -> list[Chosen]:
    """The scenario of a file, or each variant of its matrix, or the one that was asked for. Raises Invalid."""
    scenario = library.read(path, options.overrides)
    found = [Chosen(path, each, name) for name, each in variants(scenario)] or [Chosen(path, scenario)]
    if options.variant:
        names = [str(each.variant) for each in found if each.variant]
        if options.variant not in names:
            hint = nearest(options.variant, names) if names else "it has no matrix"
            raise Invalid([Problem(str(path), 0, 0, f"has no variant {options.variant!r}", hint)])
        found = [Chosen(path, each.scenario) for each in found if each.variant == options.variant]
    ready = [replace(each, scenario=_with_responder(each.scenario, options.responder)) for each in found]
    for each in ready:
        library.topology(each.scenario)
    return ready


def _with_responder(scenario: Scenario, responder: str | None) -> Scenario:
    if responder in (None, scenario.respond.by):
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
