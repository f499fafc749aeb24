"""`gameday day` and `gameday init --day`: a game day by its plan, and a first plan."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from pathlib import Path

import click

from gameday.cli.options import (
    console_host_option,
    console_port_option,
    dry_run_option,
    execution_options,
    page_to_option,
)
from gameday.scenario.game_days.game_day_plan import GameDay
from gameday.scenario.yaml_document import Invalid, Problem

EPILOG = """\b
Examples:
  gameday day rollback-hour                    a bundled plan; see gameday day --list
  gameday day plan.yaml
  gameday day plan.yaml --dry-run              check it, and print the agenda
The facilitator's page starts each block; so does Enter in this terminal. After a restart the same command goes on
with the block that comes next."""


@click.command(epilog=EPILOG)
@click.argument("plan", required=False)
@click.option("--list", "list_plans", is_flag=True, help="List the bundled plans.")
@click.option("--new", is_flag=True, help="Begin a new day, also if one of this plan didn't end.")
@page_to_option
@console_host_option
@console_port_option
@execution_options
@dry_run_option("Check the plan and print its agenda; start nothing.")
def day(
    plan: str | None,
    list_plans: bool,
    new: bool,
    page_to: tuple[object, ...],
    console_host: str,
    console_port: int,
    substrate: str,
    out: Path,
    toxiproxy: str | None,
    dry_run: bool,
) -> int:
    """Run a game day: the agenda of PLAN (a path, or the name of a bundled plan), with a live page for each role."""
    from gameday.execution.trial import Options

    if list_plans:
        _print_plans()
        return 0
    if plan is None:
        raise click.UsageError("name a PLAN, or list the bundled ones with --list")
    read = _read(plan)
    if dry_run:
        _print_agenda(read)
        return 0
    options = Options(substrate, out, None, {}, "human", False, toxiproxy, None, page_to, part=True)
    return _run(read, options, new, console_host, console_port)


def _run(plan: GameDay, options: object, new: bool, host: str, port: int) -> int:
    from gameday.analysis.outcome.run_verdict import INTERRUPTED
    from gameday.execution import library
    from gameday.execution.game_days.day_agenda import DayAgenda
    from gameday.execution.game_days.day_runner import DayRunner
    from gameday.execution.game_days.day_state import begin_day, unfinished
    from gameday.execution.live_console.console_hub import ConsoleHub
    from gameday.execution.live_console.room_record import FILE, RoomRecord
    from gameday.execution.live_console.serving import served
    from gameday.execution.preparation import choose_substrate, ensure_writable
    from gameday.execution.trial import Options, new_id

    assert isinstance(options, Options)
    ensure_writable(options.out)
    chosen, why, options = choose_substrate(options)
    state = None if new else unfinished(plan, options.out)
    if state is not None:
        click.echo(
            f"day      going on with {state.folder}: {state.position} blocks are over (--new begins anew)",
            err=True,
        )
    state = state or begin_day(plan, options.out / f"{new_id()}-day")
    record = RoomRecord(state.folder / FILE)
    titles = {
        block.words: library.read(library.find(block.words)).title
        for block in plan.blocks
        if block.kind == "scenario"
    }
    agenda = DayAgenda(plan, record, lambda name: titles[name])
    hub = ConsoleHub(title=plan.title, room=agenda.room, day_command=agenda.command, record=record)
    with served(hub, host, port):
        _take_enter(agenda)
        runner = DayRunner(plan, state, agenda, replace(options, out=state.folder), hub, (chosen, why))
        return runner.exit_status() if runner.run() else INTERRUPTED


def _take_enter(agenda: object) -> None:
    """Let Enter in a terminal start what waits."""
    from gameday.execution.game_days.day_agenda import DayAgenda
    from gameday.operator_api.live_console.page_source import CommandRefused

    assert isinstance(agenda, DayAgenda)
    if not sys.stdin.isatty():
        return

    def work() -> None:
        for _ in sys.stdin:
            try:
                agenda.start()
            except CommandRefused as error:
                click.echo(f"day      {error}", err=True)

    threading.Thread(target=work, name="enter", daemon=True).start()


def _plans() -> dict[str, Path]:
    from gameday.topology import bundled

    return {path.stem: path for path in sorted(bundled.days().glob("*.yaml"))}


def _read(plan: str) -> GameDay:
    """Return a plan by its path or its name. Raise Invalid."""
    from gameday.execution.game_days.day_runner import check_scenario
    from gameday.scenario.game_days.game_day_plan import read_plan
    from gameday.scenario.yaml_document import nearest

    path = Path(plan)
    if not path.exists() and path.suffix not in (".yaml", ".yml") and len(path.parts) == 1:
        known = _plans()
        if plan not in known:
            raise Invalid([Problem(plan, 0, 0, "no such file or bundled plan", nearest(plan, known))])
        path = known[plan]
    return read_plan(path, check_scenario)


def _print_plans() -> None:
    for name in _plans():
        plan = _read(name)
        click.echo(f"{name}: {plan.title} ({plan.length / 60:.0f} min)")


def _print_agenda(plan: GameDay) -> None:
    click.echo(
        f"{plan.title}: ok, {sum(block.for_ for block in plan.blocks) / 60:.0f} of {plan.length / 60:.0f} min"
    )
    for block in plan.blocks:
        start = "" if block.start == "ready" else f", {block.start}"
        click.echo(f"  {block.for_ / 60:3.0f} min  {block.kind}: {block.words}{start}")


def write_first_plan(file: Path, tags: tuple[str, ...]) -> None:
    """Write the plan of a game day of two hours, with scenarios that have one of `tags` (`drill` if there is none).

    Raise Invalid if the file is there already.
    """
    from gameday.execution.game_days.first_plan import first_plan
    from gameday.recording import atomic_file

    if file.exists():
        raise Invalid([Problem(str(file), 0, 0, "exists already", "name another file")])
    atomic_file.write(file, first_plan(tags or ("drill",)))
    click.echo(f"wrote {file}: fill in who takes part, then gameday day {file}")
