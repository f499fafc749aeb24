"""`gameday up` and `gameday down`: the system of a scenario without load, fault or report, to look around in.

For `abort`, `heal` and the reaper it is a run like any other.
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
PAGE = "/products/1"


@click.command(epilog=EPILOG)
@click.argument("scenario", default="good-release")
@substrate_option
@out_option
def up(scenario: str, substrate: str, out: Path) -> int:
    """Bring up the system that SCENARIO would run on, and keep it up without load or fault."""
    from gameday.execution.wiring import Settings, operator
    from gameday.recording.clock import RunClock
    from gameday.recording.journal import Journal
    from gameday.recording.journal_events import RunStarted

    resolved = library.read(library.find(scenario))
    if resolved.system.is_own:
        raise click.UsageError(
            "up is for the storefront: a system of your own is brought up by its own means"
        )
    library.topology(resolved)
    ensure_writable(out)
    chosen, why, _ = choose_substrate(Options(substrate, out, None, {}, None, False, None))
    run, clock, reaper = new_id(), RunClock(), Reaper()
    folder = out / run
    (folder / "logs").mkdir(parents=True)
    journal = Journal(folder / "journal.jsonl")
    journal.append(RunStarted(run, substrate=chosen, started=clock.started.isoformat()))
    stop = threading.Event()
    with (
        active_runs.registered(run, folder) as entry,
        Signals().caught() as signals,
        signals.to(lambda _: stop.set()),
    ):
        reaper.watch(run, folder, chosen, active_runs.entry_path(run))
        click.echo(f"{run}: on {chosen} ({why})", err=True)
        operating = operator(resolved, Settings(run, folder, 0, chosen), journal, clock, _print)
        try:
            _bring_up(operating.system, stop)
        finally:
            left = operating.take_down()
            shutil.rmtree(folder / "work", ignore_errors=True)
            if left:
                entry.stay()
                _print(f"left behind: {', '.join(left)}; to remove: gameday heal {folder}")
            journal.close()
    if not left:
        reaper.dismiss()
    return LEFT if left else 0


def _bring_up(system: System, stop: threading.Event) -> None:
    """Bring the system up, print its address, and wait for `stop`, which also ends the start. Raise PortError."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="up")
    start = pool.submit(system.bring_up)
    pool.shutdown(wait=False)
    while not start.done() and not stop.wait(POLL_S):
        continue
    if stop.is_set():
        return
    start.result()
    host, port = system.substrate.entrance()
    click.echo(f"http://{host}:{port}{PAGE}")
    _print("up; Ctrl-C, or gameday down in another terminal, tears it down")
    stop.wait()


def _print(text: str) -> None:
    click.echo(text, err=True)


@click.command(epilog="\b\nExamples:\n  gameday down\n  gameday down 20260102-030405-ab12")
@click.argument("run", required=False)
def down(run: str | None) -> None:
    """Tear down what `gameday up` brought up."""
    end_run(run)
