"""`gameday run`: one scenario or several, each from start to report, with the exit status that DESIGN fixes."""

from __future__ import annotations

import json
import os
import platform
import secrets
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import click
import yaml
from rich.console import Console

from runner.cli import active, library
from runner.located import Invalid, Problem
from runner.ports import PortError
from runner.scenario import OVERRIDABLE, Scenario

EPILOG = """\b
Examples:
  gameday run bad-deploy-pricing
  gameday run scenarios/bad-deploy/wrong-prices.yaml --responder none
  gameday run good-release bad-deploy-pricing --out /tmp/runs --json
  gameday run bad-deploy-pricing --set load.rate=120/s --set hold=20s --seed 7
  gameday run bad-deploy-pricing --dry-run"""
REAL_TOXIPROXY = (
    "links run on a real Toxiproxy, which knows no names: each deploy moves their upstreams and drops connections"
)
EXECUTABLE = click.Path(exists=True, dir_okay=False, executable=True)
PRECEDENCE = (130, 5, 4, 2, 1, 3, 0)


@dataclass(frozen=True)
class Options:
    """The command line of a run, beyond its scenarios."""

    substrate: Literal["auto", "docker", "process"]
    out: Path
    seed: int | None
    overrides: Mapping[str, str]
    responder: str | None
    as_json: bool
    toxiproxy: str | None


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
@click.option("--set", "overrides", multiple=True, callback=_pairs, metavar="KEY=VALUE", help="Override a value.")
@click.option("--responder", type=click.Choice(["auto", "none"]), help="In place of the scenario's.")
@click.option("--toxiproxy-server", "toxiproxy", type=EXECUTABLE, help="Run this Toxiproxy, not the embedded server.")
@click.option("--dry-run", is_flag=True, help="Check everything and say what would run; start nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON on standard output.")
def run(
    scenarios: tuple[str, ...],
    substrate: Literal["auto", "docker", "process"],
    out: Path,
    seed: int | None,
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
            click.echo(f"{scenario.name}: {path}: ok; about {_look_seconds(scenario)} s on {substrate}")
        return 0
    _writable(out)
    statuses = []
    for path, scenario in ready:
        statuses.append(_one(path, scenario, options))
        if statuses[-1] == 130:
            break
    return next(status for status in PRECEDENCE if status in statuses)


def _look_seconds(scenario: Scenario) -> int:
    from runner.cli.look import expected_seconds

    return round(expected_seconds(scenario))


def _read(scenarios: tuple[str, ...], options: Options) -> list[tuple[Path, Scenario]]:
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


def _one(path: Path, scenario: Scenario, options: Options) -> int:
    """One run, from its folder to its report."""
    from runner.substrates.choose import choose

    name, why = choose(options.substrate)
    run_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    folder = options.out / run_id
    for part in ("", "samples", "logs"):
        (folder / part).mkdir()
    (folder / "scenario.yaml").write_text(
        yaml.safe_dump(scenario.document(), sort_keys=False, allow_unicode=True), encoding="utf-8"
    )
    seed = secrets.randbelow(2**31) if options.seed is None else options.seed
    with active.registered(run_id, folder):
        _play(scenario, options, folder, {"id": run_id, "substrate": name, "why": why, "seed": seed, "path": path})
    shutil.rmtree(folder / "work", ignore_errors=True)
    return _conclude(folder, options)


def _play(scenario: Scenario, options: Options, folder: Path, about: Mapping[str, Any]) -> None:
    from runner.cli.wire import Settings, world
    from runner.clock import RunClock
    from runner.interpreter import Interpreter
    from runner.journal import Event, Journal

    clock = RunClock()
    journal = Journal(folder / "journal.jsonl")
    with _screen(folder, options) as screen:
        screen.event(journal.append(Event(0.0, "run.started", about["id"], _started(scenario, options, about, clock))))
        settings = Settings(about["id"], folder, about["seed"], about["substrate"], options.toxiproxy)
        interpreter = Interpreter(world(scenario, settings, clock, journal, screen))
        if options.toxiproxy and about["substrate"] == "process":
            screen.event(journal.append(Event(clock.now(), "note", "", {"text": REAL_TOXIPROXY, "by": "gameday"})))
        with _signals(interpreter.interrupt):
            interpreter.run()
    journal.close()


def _started(scenario: Scenario, options: Options, about: Mapping[str, Any], clock: Any) -> dict[str, Any]:
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "substrate": about["substrate"],
        "why": about["why"],
        "seed": about["seed"],
        "started": clock.started.isoformat(timespec="milliseconds"),
        "version": version("gameday-runner"),
        "host": {
            "system": f"{platform.system()} {platform.release()}",
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        },
        "command": _command(options, about),
        "responder": scenario.respond.by,
        "policy": scenario.respond.policy,
        "links": options.toxiproxy or "embedded",
    }


def _command(options: Options, about: Mapping[str, Any]) -> str:
    """The command line that repeats this run."""
    path: Path = about["path"]
    known = library.paths().get(path.stem)
    name = path.stem if known is not None and known == path else str(path)
    words = ["gameday", "run", name, "--substrate", about["substrate"], "--seed", str(about["seed"])]
    words += [word for key, value in options.overrides.items() for word in ("--set", f"{key}={value}")]
    words += ["--responder", options.responder] if options.responder else []
    words += ["--toxiproxy-server", options.toxiproxy] if options.toxiproxy else []
    return shlex.join(words)


@contextmanager
def _screen(folder: Path, options: Options) -> Iterator[Any]:
    from runner.samples import read_samples
    from runner.screen import LiveScreen, PlainScreen, recent

    console = Console(stderr=True)
    live = console.is_terminal and not options.as_json
    screen = LiveScreen(console, recent(lambda: read_samples(folder / "samples"))) if live else PlainScreen(console)
    try:
        yield screen
    finally:
        screen.close()


@contextmanager
def _signals(interrupt: Any) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the run in order; pressed again they change nothing, for taking down must not be cut."""

    def ask(number: int, frame: Any) -> None:
        interrupt(signal.Signals(number).name)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _conclude(folder: Path, options: Options) -> int:
    """Outcome and report, from what the run left on disk."""
    from reports.render import render_run
    from runner.measure import write_outcome

    try:
        outcome = write_outcome(folder)
        report = render_run(folder)
    except OSError as error:
        raise PortError(f"the outcome can't be written: {error}") from error
    if options.as_json:
        click.echo(json.dumps(outcome, indent=2))
    _summary(outcome, report)
    return int(outcome["exit_status"])


def _summary(outcome: Mapping[str, Any], report: Path) -> None:
    from runner.cli.summary import lines

    console = Console(file=sys.stderr, highlight=False)
    for line in lines(outcome, report):
        console.print(line, soft_wrap=True)
