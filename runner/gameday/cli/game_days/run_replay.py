"""`gameday replay`: a recorded run on the live page, for a debrief."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from gameday.cli.options import FilePath, console_host_option, console_port_option
from gameday.scenario.yaml_document import Invalid, Problem

EPILOG = """\b
Examples:
  gameday replay runs/20260102-030405-ab12
  gameday replay runs/20260102-030405-ab12 --speed 10
The page has the facilitator's view and those of the other roles; it plays, stops, and goes to any moment."""


@click.command(epilog=EPILOG)
@click.argument("run", type=FilePath(path_type=Path))
@click.option(
    "--speed", type=click.Choice(["1", "10", "60"]), default="1", show_default=True, help="How fast it plays."
)
@console_host_option
@console_port_option
def replay(run: Path, speed: str, console_host: str, console_port: int) -> int:
    """Show a run that is over on the live page, from its folder RUN, until Ctrl-C."""
    from gameday.execution.live_console.replay_source import ReplaySource
    from gameday.execution.live_console.serving import served

    try:
        source = ReplaySource(run, float(speed))
    except (OSError, ValueError) as error:
        hint = "name the folder of a run, which has journal.jsonl and scenario.yaml"
        raise Invalid([Problem(str(run), 0, 0, f"can't be replayed: {error}", hint)]) from error
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    with served(source, console_host, console_port):
        click.echo("replay   Ctrl-C ends it", err=True)
        done.wait()
    return 0
