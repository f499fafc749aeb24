"""Collection of what a system of one's own stores, for the audit: the ids that the scenario's command prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from gameday.host.user_command import CommandFailed, filled, run_command
from gameday.recording import atomic_file
from gameday.recording.journal_events import OrdersCollected
from gameday.scenario import Scenario
from gameday.scenario.own.own_system import STORED

Collect = Callable[[], OrdersCollected | None]


def collector(scenario: Scenario, folder: Path, bundled: Collect) -> Collect:
    """Return what collects the records for the audit: `bundled` for the storefront, else the scenario's own command.

    `folder` is the run's.
    """
    return (lambda: _collect(scenario, folder)) if scenario.system.is_own else bundled


def _collect(scenario: Scenario, folder: Path) -> OrdersCollected | None:
    """Run the audit's command and write its lines, one id each; None if the scenario has no audit."""
    audit = scenario.audit
    if audit is None:
        return None
    arguments = filled(audit.command.command, {"run": folder.name, "region": scenario.system.regions[0]})
    try:
        text = run_command(arguments, audit.command.timeout, Path(scenario.system.folder or "."))
    except CommandFailed as error:
        return OrdersCollected(file=None, orders=None, ledger=None, charges=None, stock=None, why=str(error))
    ids = [line.strip() for line in text.splitlines() if line.strip()]
    atomic_file.write(folder / STORED, "".join(f"{json.dumps(order)}\n" for order in ids))
    return OrdersCollected(file=STORED, orders=len(ids), ledger=None, charges=None, stock=None, why="")
