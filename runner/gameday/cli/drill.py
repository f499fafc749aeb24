"""`gameday drill`: somebody on call answers for a fault that nobody told them of, and is timed; then automation does.

Until the end, the scenario and the moment of its fault are kept from terminal, process list, door and files (`seal`).
How a run is made is `play`; the page that sets person and automation side by side is `matrix`.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from gameday.analysis import Outcome
from gameday.analysis.outcome.run_verdict import INTERRUPTED, PASS
from gameday.cli.options import (
    dry_run_option,
    execution_options,
    json_option,
    page_to_option,
    read_duration,
    tag_option,
)
from gameday.execution import library
from gameday.execution.preparation import choose_substrate, ensure_writable
from gameday.execution.system_reuse import Signals, SystemReuse, wanted
from gameday.execution.trial import Options, Trial, new_id, play
from gameday.scenario import Scenario
from gameday.scenario.yaml_document import Invalid, Problem

EPILOG = """\b
Examples:
  gameday drill --surprise                     a scenario that you don't know, at a moment that you don't know
  gameday drill --surprise --tag region --within 30m --up-to 2h
  gameday drill bad-deploy-pricing --page-to slack=https://…
  gameday drill --surprise --dry-run           what may be drawn

\b
Whoever is on call works from another terminal:
  gameday status                               alerts, SLOs, changes and who shipped them, regions
  gameday ack
  gameday rollback pricing --as on-call
  gameday note "customers call in" --as support"""
RESPONSE = ("tta", "ttr", "ttfr")
"""What a scenario expects of these is meant for automation; of people something else is expected."""
WELL = "recovered"


def _expressions(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    from gameday.analysis.expressions.expectations import check

    for value in values:
        if why := check(value):
            raise click.BadParameter(why.replace("\n", "; "))
    return values


@click.command(epilog=EPILOG)
@click.argument("scenario", required=False)
@click.option("--surprise", is_flag=True, help="Draw one of the library's scenarios.")
@tag_option("Draw from scenarios with this tag. [default: drill]")
@click.option(
    "--within",
    callback=read_duration,
    default="2m",
    show_default=True,
    help="When the fault comes: at random.",
)
@click.option(
    "--up-to",
    callback=read_duration,
    default="1h",
    show_default=True,
    help="Given up so long after the fault.",
)
@click.option(
    "--expect", multiple=True, callback=_expressions, metavar="EXPR", help="Of the person: ttr < 15m."
)
@click.option(
    "--auto/--no-auto", "beside", default=True, show_default=True, help="Then automation does the same."
)
@page_to_option
@execution_options
@dry_run_option("Say what may be drawn, and what is expected; start nothing.")
@json_option("both outcomes")
@click.option("--envelope", type=int, hidden=True)
def drill(
    scenario: str | None,
    surprise: bool,
    tags: tuple[str, ...],
    within: float,
    up_to: float,
    expect: tuple[str, ...],
    beside: bool,
    page_to: tuple[Any, ...],
    substrate: Any,
    out: Path,
    toxiproxy: str | None,
    dry_run: bool,
    as_json: bool,
    envelope: int | None,
) -> int:
    """Time the one on call: SCENARIO, or one drawn by --surprise, at a random moment; nothing tells which or when.

    The page goes to this terminal, with a bell, and to --page-to. Wrong operations are carried out too, and counted. At
    the end: the times of the person, the same by automation, and a page with both.
    """
    scenario = _opened(envelope) if envelope is not None else scenario
    drawable = _drawable(scenario, surprise, tags or ("drill",))
    if dry_run:
        _told(drawable, expect)
        return PASS
    ensure_writable(out)
    if scenario and envelope is None:
        _hide(scenario)
    path, found = secrets.choice(drawable)
    options = Options(substrate, out, None, {}, "human", as_json, toxiproxy, None, page_to)
    return _made(path, found, for_people(found, expect, up_to), options, within, beside=beside)


def for_people(scenario: Scenario, expect: Sequence[str], up_to: float) -> Scenario:
    """The scenario with a person on call: given up after `up_to` seconds, and judged by what people can be held to."""
    from gameday.analysis.expressions.expectations import parse

    kept = [each for each in scenario.expect if not {path[0] for path in parse(each).used} & set(RESPONSE)]
    respond = scenario.respond.model_copy(update={"by": "human", "policy": None})
    changed = {"respond": respond, "give_up": up_to, "expect": tuple(expect or kept or [WELL])}
    return scenario.model_copy(update=changed)


def _made(
    path: Path, found: Scenario, person: Scenario, options: Options, within: float, *, beside: bool
) -> int:
    """The person's run, then automation's on the same system; the exit status of the person's."""
    chosen, why, options = choose_substrate(options)
    folder, seed = options.out / f"{new_id()}-drill", secrets.randbelow(2**31 - 1000)
    runs: dict[str, Outcome] = {}
    kept = SystemReuse()
    with Signals().caught() as signals:
        try:
            kept.then = wanted(found) if beside else None
            trial = Trial(path, person, seed, chosen, why, secret=within)
            runs["on-call"] = play(trial, options, folder, kept, signals)
            if beside and not signals.asked:
                kept.then = None
                click.echo("drill  now the same by automation, to set beside it", err=True)
                alone = replace(options, responder=None, page_to=())
                runs["automation"] = play(
                    Trial(path, _automated(found), seed, chosen, why), alone, folder, kept, signals
                )
        finally:
            kept.finish()
        _leave(folder, runs, as_json=options.as_json)
    return INTERRUPTED if signals.asked else runs["on-call"].exit_status


def _automated(scenario: Scenario) -> Scenario:
    """As it stands, or, where it has no automation of its own, with the one that knows regions and changes."""
    if scenario.respond.by == "auto":
        return scenario
    respond = scenario.respond.model_copy(update={"by": "auto", "policy": "failover-then-rollback"})
    return scenario.model_copy(update={"respond": respond})


def _leave(folder: Path, runs: Mapping[str, Outcome], *, as_json: bool) -> None:
    from gameday.execution.matrix_result import conclude

    if len(runs) > 1:
        conclude(
            folder,
            {name: folder / outcome.run.id for name, outcome in runs.items()},
            name="drill",
            on_stdout=not as_json,
        )
    if as_json:
        click.echo(json.dumps({name: outcome.document() for name, outcome in runs.items()}, indent=2))


def _drawable(scenario: str | None, surprise: bool, tags: Sequence[str]) -> list[tuple[Path, Scenario]]:
    """What may be run: the one that was named, or all that have one of the tags. Raises Invalid, UsageError."""
    if bool(scenario) == surprise:
        raise click.UsageError("name a SCENARIO, or let --surprise draw one")
    if scenario:
        path = library.find(scenario)
        found = library.read(path)
        library.topology(found)
        if why := _unfit(found):
            raise Invalid([Problem(str(path), 0, 0, *why)])
        return [(path, found)]
    named = [path for path in library.paths().values() if any(tag in path.read_text("utf-8") for tag in tags)]
    read = [(path, library.read(path)) for path in named]
    drawn = [(path, each) for path, each in read if set(each.tags) & set(tags) and not _unfit(each)]
    if not drawn:
        raise click.UsageError(f"no scenario for a drill has the tag {' or '.join(tags)}; see gameday list")
    return drawn


def _unfit(scenario: Scenario) -> tuple[str, str] | None:
    """Why it can't be a drill, and what to do instead."""
    if scenario.matrix:
        return "has a matrix", "a drill is one run: name a scenario without one"
    for entry in scenario.timeline:
        if entry.action.startswith("load."):
            hint = "the load's own plan would tell it; name another scenario"
            return f"has {entry.action}, which can't be kept secret", hint
    return None


def _told(drawable: Sequence[tuple[Path, Scenario]], expect: Sequence[str]) -> None:
    for path, found in drawable:
        expected = ", ".join(for_people(found, expect, found.give_up).expect)
        click.echo(f"{found.name}: {path}: ok; expected of the person: {expected}")


def _hide(scenario: str) -> None:
    """Begins again as a process whose command line doesn't name the scenario; it reads it from memory.

    Nothing to do where this isn't a process of its own, as in a test.
    """
    named = [each for each in sys.argv[1:] if each == scenario]
    if not named or sys.argv[1:] != sys.orig_argv[len(sys.orig_argv) - len(sys.argv) + 1 :]:
        return
    envelope = os.memfd_create("drill", 0)
    os.write(envelope, scenario.encode())
    before = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]
    rest = [each for each in sys.argv[1:] if each != scenario]
    os.execv(sys.executable, [*before, *rest, "--envelope", str(envelope)])  # noqa: S606  (it is this program)


def _opened(envelope: int) -> str:
    """The scenario that lies in it; it is gone then."""
    with open(envelope, "rb") as file:
        file.seek(0)
        return file.read().decode()
