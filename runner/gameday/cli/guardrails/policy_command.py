"""`gameday policy test`: compile the rules of policy files and run their examples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from gameday.changes.gates.admission import POLICIES
from gameday.changes.gates.policy_rules import read_rules
from gameday.topology import bundled


@click.command(epilog="\b\nExamples:\n  gameday policy test\n  gameday policy test policies/")
@click.argument("action", type=click.Choice(["test"]))
@click.argument("paths", nargs=-1, metavar="[FILE|FOLDER]...")
def policy(action: str, paths: Sequence[str]) -> None:
    """Check that every rule compiles, isn't constant, and judges its examples right; the bundled ones by default.

    Exit status 2 if one doesn't, with every problem at its file, line and column.
    """
    rules = read_rules([Path(path) for path in paths] or [bundled.compose() / POLICIES])
    for rule in rules:
        examples = len(rule.spec.examples)
        click.echo(f"{rule.file}:{rule.line}: {rule.spec.name}: {examples} examples ok")
