"""`gameday doctor`: what this machine can run. The checks are in `execution.machine_checks`."""

from __future__ import annotations

import json

import click
from rich.table import Table

from gameday.cli.options import json_option
from gameday.console import rich_console


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
