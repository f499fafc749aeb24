"""`gameday up` and `gameday down`: the system of a scenario by itself, with nothing done to it, to look around in.

No load, no fault, no report. It is a run like any other to `abort`, the reaper and `heal`.
"""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from gameday.cli.abort import end_run
from gameday.cli.options import out_option, substrate_option
from gameday.execution import active_runs, library
from gameday.execution.preparation import choose_substrate, ensure_writable
from gameday.execution.system_reuse import Signals
from gameday.execution.trial import Options, new_id
from gameday.reaper.reaper_process import Reaper
from gameday.system.system import System

EPILOG = """\b
Examples:
  gameday up                                   prints the address of a product's page
  gameday up region-lost --substrate docker
  gameday down                                 from another terminal, or Ctrl-C"""
LEFT = 5
POLL_S = 0.1
LOOK_AT = "/products/1"


@click.command(epilog=EPILOG)
@click.argument("scenario", default="good-release")
@substrate_option
@out_option
def up(scenario: str, substrate: str, out: Path) -> int:
    """Bring up the system that SCENARIO would run on, and keep it up; nothing else is done to it."""
    from gameday.execution.wiring import Settings, operator
    from gameday.recording.clock import RunClock
    from gameday.recording.journal import Journal
    from gameday.recording.journal_events import RunStarted

    found = library.read(library.find(scenario))
    library.topology(found)
    ensure_writable(out)
    chosen, why, _ = choose_substrate(Options(substrate, out, None, {}, None, False, None))
    run, clock, reaper = new_id(), RunClock(), Reaper()
    folder = out / run
    (folder / "logs").mkdir(parents=True)
    journal = Journal(folder / "journal.jsonl")
    journal.append(RunStarted(run, substrate=chosen, started=clock.started.isoformat()))
    asked = threading.Event()
    with (
        active_runs.registered(run, folder) as entry,
        Signals().caught() as signals,
        signals.to(lambda _: asked.set()),
    ):
        reaper.watch(run, folder, chosen, active_runs.entry_path(run))
        click.echo(f"{run}: on {chosen} ({why})", err=True)
        operating = operator(found, Settings(run, folder, 0, chosen), journal, clock, _say)
        try:
            _brought_up(operating.system, asked)
        finally:
            left = operating.take_down()
            shutil.rmtree(folder / "work", ignore_errors=True)
            if left:
                entry.stay()
                _say(f"left behind: {', '.join(left)}; to remove: gameday heal {folder}")
            journal.close()
    if not left:
        reaper.dismiss()
    return LEFT if left else 0


def _brought_up(system: System, asked: threading.Event) -> None:
    """Brings it up, says where it is, and waits; ends at once when asked to. Raises PortError."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="up")
    coming = pool.submit(system.bring_up)
    pool.shutdown(wait=False)
    while not coming.done() and not asked.wait(POLL_S):
        continue
    if asked.is_set():
        return
    coming.result()
    host, port = system.substrate.address(system.instances(system.kind_of("router"))[0])
    click.echo(f"http://{host}:{port}{LOOK_AT}")
    _say("up; Ctrl-C, or gameday down in another terminal, takes it down")
    asked.wait()


def _say(text: str) -> None:
    click.echo(text, err=True)


@click.command(epilog="\b\nExamples:\n  gameday down\n  gameday down 20260102-030405-ab12")
@click.argument("run", required=False)
def down(run: str | None) -> None:
    """Take down what `gameday up` brought up."""
    end_run(run)
