"""`gameday calibrate`: the error of the clocks on this machine, as a table and as calibration.json."""

from __future__ import annotations

import json
import secrets
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from gameday.cli.options import json_option, out_option, seed_option, substrate_option
from gameday.console import rich_console
from gameday.console.standard_streams import result_console
from gameday.execution import active_runs
from gameday.ports import PortError
from gameday.scenario.yaml_document import Invalid, Problem

EPILOG = """\b
Examples:
  gameday calibrate                            60 outages, some four minutes
  gameday calibrate --substrate docker --json
  gameday calibrate --outages 5                a quick look; not kept for later runs"""
DEFAULT = 60
EVERY = 10  # outages, between two lines where there is no terminal
CLOCKS = (("effect", "effect"), ("recovered", "recovered"), ("detection_lag", "detection lag"))
SPREAD = ("median", "p95", "max")


@click.command(epilog=EPILOG)
@substrate_option
@click.option(
    "--outages", type=click.IntRange(1, 10_000), default=DEFAULT, show_default=True, help="Number of outages."
)
@out_option
@seed_option
@json_option("the result")
def calibrate(substrate: str, outages: int, out: Path, seed: int | None, as_json: bool) -> int:
    """Measure the error of each clock on outages whose start and length are known exactly."""
    from gameday.calibrate import Calibration, Interrupted, Settings, expected_seconds
    from gameday.substrates.substrate_choice import choose

    name, why = choose(substrate)
    run = f"calibration-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    folder = _create_folder(out / run)
    chosen = secrets.randbelow(2**31) if seed is None else seed
    with _screen(outages) as screen, active_runs.registered(run, folder):
        screen.say(f"{run}: {outages} outages in about {expected_seconds(outages):.0f} s, on {name}: {why}")
        calibration = Calibration(Settings(run, folder, chosen, name), outages, why, screen)
        try:
            with _signals(calibration.stopping.set):
                calibration.run()
        except Interrupted:
            screen.say(
                f"interrupted ({folder})"
                if calibration.left
                else f"interrupted; everything is down ({folder})"
            )
            return 130
        except PortError as error:
            if not calibration.left:
                raise
            screen.say(f"error: {error}")
            return 5
    return max(_conclude(folder, as_json), 5 if calibration.left else 0)


def _conclude(folder: Path, as_json: bool) -> int:
    """Write, keep and print the result; return the exit status."""
    from gameday.calibrate import LEAST, coarse, keep, problems, read_findings, write

    result = read_findings(folder)
    path = write(folder, result)
    kept = keep(active_runs.state(), result)
    reasons = problems(result)
    if as_json:
        click.echo(json.dumps(result, indent=2))
    console = result_console(on_stdout=not as_json)
    console.print(_table(result))
    few = f"fewer than {LEAST} outages" if result["n"] < LEAST else "it isn't reliable"
    for line in (
        *_sentences(result),
        *(f"[red]not reliable:[/] {escape(reason)}" for reason in reasons),
        *(f"[yellow]{escape(warning)}[/]" for warning in coarse(result)),
        escape(f"written to {path}"),
        escape(f"kept for later runs at {kept}") if kept else f"not kept for later runs: {few}",
    ):
        console.print(line, soft_wrap=True)
    return 3 if reasons else 0


def _table(result: Mapping[str, Any]) -> Table:
    """Return the errors in milliseconds, beside those of statistics in buckets of one second."""
    of = f"{result['measured']} of {result['n']} outages measured, {result['rate']:g} requests/s, {result['substrate']}"
    caption = "1s: what Locust's own statistics, in buckets of one second, would have said"
    table = Table("error, ms", *SPREAD, *(f"1s: {name}" for name in SPREAD), box=box.SIMPLE)
    table.title, table.title_justify = of, "left"
    table.caption, table.caption_justify = caption, "left"
    for column in table.columns[1:]:
        column.justify = "right"
    for key, name in CLOCKS:
        table.add_row(name, *_cells(result["error_s"][key]), *_cells(result["buckets"].get(key)))
    return table


def _cells(spread: Mapping[str, float] | None) -> list[str]:
    return [f"{spread[name] * 1000:.0f}" if spread else "–" for name in SPREAD]


def _sentences(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield sentences on what the errors are made of."""
    for key in ("effect", "recovered"):
        spacing, beyond = result["spacing_s"][key], result["beyond_spacing_s"][key]
        if spacing and beyond:
            yield (
                f"{key}: gaps between requests make p95 {spacing['p95'] * 1000:.0f} ms of it; without them it is "
                f"{beyond['p95'] * 1000:.1f} ms, median with sign {beyond['bias'] * 1000:+.1f} ms"
            )
    ground = {
        "a page takes": "base_p50_s",
        "sent late by p95": "send_late_p95_s",
        "seen late by p95": "lag_p95_s",
    }
    known = {name: result[key] for name, key in ground.items() if result[key] is not None}
    yield "; ".join(f"{name} {value * 1000:.1f} ms" for name, value in known.items())


class _Screen:
    """Progress on standard error: a bar on a terminal, a line every few outages elsewhere."""

    def __init__(self, console: Console, outages: int) -> None:
        self._console = console
        self._outages = outages
        columns = (TextColumn("outage"), MofNCompleteColumn(), BarColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("outages", total=outages)

    def __enter__(self) -> _Screen:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        self._console.print(escape(text), soft_wrap=True)

    def done(self, outages: int) -> None:
        self._bar.update(self._task, completed=outages)
        if not self._console.is_terminal and (outages % EVERY == 0 or outages == self._outages):
            self.say(f"outage {outages} of {self._outages}")


def _screen(outages: int) -> _Screen:
    return _Screen(rich_console.console(stderr=True, highlight=False), outages)


def _create_folder(folder: Path) -> Path:
    """Create the folder of a calibration. Raise Invalid if it can't be written."""
    try:
        for part in ("samples", "logs"):
            (folder / part).mkdir(parents=True)
    except OSError as error:
        hint = "name a folder that you can write with --out"
        raise Invalid([Problem(str(folder), 0, 0, f"can't be written: {error.strerror}", hint)]) from error
    return folder


@contextmanager
def _signals(stop: Any) -> Iterator[None]:
    """Call `stop` on Ctrl-C, SIGTERM and SIGHUP, however often they come, so that the teardown is never cut short."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: stop()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
