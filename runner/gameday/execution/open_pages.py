"""Resolving of pages that runs left open at their receivers, for `gameday heal`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from gameday.paging.delivery import Pager
from gameday.paging.payloads import Action, Page
from gameday.paging.target import Target
from gameday.reaper.journal_closing import open_pages, record_resolved
from gameday.substrates.substrate_kind import Traces

BY = "gameday heal"
PATIENCE_S = 30.0


def resolve_open_pages(runs: Sequence[Traces], targets: Sequence[Target]) -> bool:
    """Resolve the open pages of runs at the receivers and journal it; return True if one is still open.

    Without receivers only name the pages: addresses of receivers are secrets, which are in no file of a run.
    """
    left = False
    for traces in runs:
        alerts = open_pages(traces.folder) if traces.folder else []
        if not alerts or traces.folder is None:
            continue
        if not targets:
            click.echo(f"{traces.run}: pages still open: {', '.join(alerts)}", err=True)
            click.echo("  to resolve  the same command with --page-to RECEIVER", err=True)
            left = True
            continue
        failures = _resolve(traces.run, alerts, targets)
        for alert in alerts:
            if alert not in failures:
                record_resolved(traces.folder, alert, by=BY)
        resolved = [alert for alert in alerts if alert not in failures]
        click.echo(f"{traces.run}: pages resolved: {', '.join(resolved) or 'none'}")
        for alert, why in failures.items():
            click.echo(f"  left       page {alert}: {why}", err=True)
        left = left or bool(failures)
    return left


def _resolve(run: str, alerts: Sequence[str], targets: Sequence[Target]) -> dict[str, str]:
    """Resolve pages at every receiver; return alert → why it is still open."""
    failures: dict[str, str] = {}
    done: set[tuple[str, Target]] = set()

    def report(alert: str, action: Action, to: Target, why: str | None) -> None:
        done.add((alert, to))
        if why is not None:
            failures[alert] = f"{to.shown}: {why}"

    pager = Pager(targets, report)
    for alert in alerts:
        pager.resolve(Page(run, alert, "the game day is over", "", ""))
    pager.close(PATIENCE_S)
    for alert in alerts:
        for target in targets:
            if (alert, target) not in done:
                failures.setdefault(alert, f"{target.shown}: not done in time")
    return failures
