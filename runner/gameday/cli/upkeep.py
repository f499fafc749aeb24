"""`gameday doctor` and `prune`: what this machine can run, and the disk space that old runs take."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click
from rich.table import Table

from gameday.cli.options import FilePath, dry_run_option, json_option, read_duration
from gameday.console import rich_console
from gameday.scenario.yaml_document import Invalid, Problem

PRUNE_EPILOG = """\b
Examples:
  gameday prune --keep 30d --dry-run       what would be freed
  gameday prune --keep 30d                 runs that began over 30 days ago
  gameday prune --keep 20 /srv/gamedays    all but the newest 20
  gameday prune --keep 30d --no-cache

\b
Exit status: 0 done, 5 something couldn't be removed."""
LEFT = 5


@click.command(epilog="\b\nExample:\n  gameday doctor")
@json_option("the checks")
def doctor(as_json: bool) -> int:
    """Check what this machine can run, and what is missing."""
    from gameday.execution import machine_checks

    checks = machine_checks.checks()
    if as_json:
        rows = [
            {"check": check.name, "ok": check.ok, "needed": check.needed, "says": check.says}
            for check in checks
        ]
        click.echo(json.dumps(rows, indent=2))
    else:
        table = Table("", "check", "result", box=None, header_style="bold")
        for check in checks:
            mark = "[green]ok[/]" if check.ok else "[red]missing[/]" if check.needed else "[yellow]no[/]"
            table.add_row(mark, check.name, check.says)
        rich_console.console().print(table)
    return 0 if all(check.ok for check in checks if check.needed) else 4


def _keep(context: click.Context, parameter: click.Parameter, value: str) -> int | float:
    if value.isascii() and value.isdigit():
        return int(value)
    seconds = read_duration(context, parameter, value)
    assert seconds is not None
    return seconds


@click.command(epilog=PRUNE_EPILOG)
@click.argument("folder", type=FilePath(path_type=Path), default=Path("runs"), required=False)
@click.option(
    "--keep",
    required=True,
    callback=_keep,
    metavar="30d|N",
    help="Keep the runs of this time, or the newest N.",
)
@click.option(
    "--cache/--no-cache",
    default=True,
    show_default=True,
    help="Also templates of other versions in the cache.",
)
@dry_run_option("Say what would be freed; remove nothing.")
def prune(folder: Path, keep: int | float, cache: bool, dry_run: bool) -> int:
    """Remove old runs and suites in FOLDER (by default runs), and templates of databases that no present version uses.

    Runs in progress stay, and so do runs that `gameday heal` still needs. Nothing else in FOLDER is touched.
    """
    from gameday.execution.database_template import template_key
    from gameday.execution.disk_use.old_entries import cache_entries, choose, run_entries
    from gameday.host.cache_folder import cache_folder

    try:
        runs = run_entries(folder)
    except OSError as error:
        hint = "name the folder that gameday run --out wrote to"
        raise Invalid([Problem(str(folder), 0, 0, f"can't be listed: {error.strerror}", hint)]) from error
    for entry in runs:
        if entry.kept:
            click.echo(f"kept       {entry.path}: {entry.kept}", err=True)
    old = choose(runs, keep, time.time())
    stale = list(cache_entries(cache_folder(), template_key())) if cache else []
    freed = left = 0
    for entry in (*old, *stale):
        try:
            if not dry_run:
                entry.remove()
        except OSError as error:
            left += 1
            click.echo(f"left       {entry.path}: {error.strerror}", err=True)
            continue
        freed += entry.size
        click.echo(f"{'would free' if dry_run else 'freed':<10} {_megabytes(entry.size):>9}  {entry.path}")
    verb = "would be freed" if dry_run else "freed"
    parts = f"{len(old)} of {len(runs)} runs and suites" + (f", {len(stale)} of the cache" if cache else "")
    click.echo(f"{_megabytes(freed)} {verb}: {parts}")
    return LEFT if left else 0


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
