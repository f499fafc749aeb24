"""The operators' side: see a run that goes on, and act on it, from any terminal, through its door.

What an operation does is left to the run; how the door is spoken to, to `gameday.operator_api.api_client`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from gameday.execution import active_runs
from gameday.operations import OperationKind
from gameday.operator_api.api_client import ApiClient, ApiRejected, ApiUnavailable
from gameday.operator_api.credentials import read_credentials
from gameday.registries import OPERATIONS

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
PATIENCE = 600.0
"""How long `--wait` waits for an operation, seconds."""


def _shared(function: F) -> F:
    """The options of every command here."""
    function = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")(function)
    return click.option("--run", metavar="RUN", help="Which run; needed only where several go on.")(function)


def _acting(function: F) -> F:
    """The options of every command that does something."""
    wait = click.option(
        "--wait/--no-wait", default=True, show_default=True, help="Until it is done or has failed."
    )
    role = click.option(
        "--as", "role", metavar="ROLE", help="In whose name. [default: $GAMEDAY_ROLE, or on-call]"
    )
    return wait(role(_shared(function)))


@click.command(epilog="\b\nExamples:\n  gameday status\n  gameday status --json | jq .alerts")
@_shared
def status(run: str | None, as_json: bool) -> None:
    """What somebody on call sees: alerts, SLOs, changes, regions, operations."""
    seen = _spoken(lambda client: client.status(), run)
    if as_json:
        click.echo(json.dumps(seen, indent=2))
    else:
        from gameday.console import (
            status_tables,  # rich takes its time to load, and an acknowledgement is in a hurry
        )

        status_tables.show(seen)


@click.command(epilog="\b\nExamples:\n  gameday ack\n  gameday ack a2 --as database-on-call")
@click.argument("alert", required=False)
@_acting
def ack(alert: str | None, run: str | None, as_json: bool, role: str | None, wait: bool) -> int:
    """Take a page: the one named, or every one that nobody has taken yet."""
    named = [alert] if alert else _untaken(run)
    return max(_order({"name": "ack", "target": each}, run, as_json, role, wait) for each in named)


def _untaken(run: str | None) -> list[str]:
    seen = _spoken(lambda client: client.status(), run)
    pages = [str(each["id"]) for each in seen["alerts"] if not each["acknowledged_by"]]
    if not pages:
        raise click.ClickException("no page waits to be taken")
    return pages


@click.command(
    epilog="\b\nExamples:\n  gameday rollback pricing\n  gameday rollback pricing --change c2 --as payments-lead"
)
@click.argument("service")
@click.option("--change", metavar="ID", help="Which change, of several. [default: the latest that stands]")
@_acting
def rollback(
    service: str, change: str | None, run: str | None, as_json: bool, role: str | None, wait: bool
) -> int:
    """Take a change of SERVICE back."""
    return _order({"name": "rollback", "target": service, "change": change}, run, as_json, role, wait)


@click.command(epilog="\b\nExample:\n  gameday failover us-east")
@click.argument("region")
@_acting
def failover(region: str, run: str | None, as_json: bool, role: str | None, wait: bool) -> int:
    """Send no more traffic to REGION."""
    return _order({"name": "failover", "target": region}, run, as_json, role, wait)


@click.command(epilog="\b\nExamples:\n  gameday promote eu-west\n  gameday promote")
@click.argument("region", required=False)
@_acting
def promote(region: str | None, run: str | None, as_json: bool, role: str | None, wait: bool) -> int:
    """Let the database of REGION take the writes; without REGION, the one that is furthest ahead."""
    return _order({"name": "promote", "target": region}, run, as_json, role, wait)


@click.command(epilog="\b\nExample:\n  gameday rejoin us-east")
@click.argument("region")
@_acting
def rejoin(region: str, run: str | None, as_json: bool, role: str | None, wait: bool) -> int:
    """Take REGION in again: its database follows the primary, and traffic returns."""
    return _order({"name": "rejoin", "target": region}, run, as_json, role, wait)


@click.command(epilog="\b\nExample:\n  gameday restart checkout")
@click.argument("service")
@_acting
def restart(service: str, run: str | None, as_json: bool, role: str | None, wait: bool) -> int:
    """Kill every instance of SERVICE, and start it again."""
    return _order({"name": "restart", "target": service}, run, as_json, role, wait)


@click.command(epilog="\b\nExamples:\n  gameday flag recommendations=off\n  gameday flag recommendations=on")
@click.argument("setting", metavar="NAME=on|off")
@_acting
def flag(setting: str, run: str | None, as_json: bool, role: str | None, wait: bool) -> int:
    """Switch a feature flag, in every instance that has flags."""
    return _order({"name": "flag", "target": setting}, run, as_json, role, wait)


@click.command(epilog='\b\nExample:\n  gameday note "customers call in" --as support')
@click.argument("text")
@_acting
def note(text: str, run: str | None, as_json: bool, role: str | None, wait: bool) -> int:
    """Put a line on the timeline of the run."""
    return _order({"name": "note", "text": text}, run, as_json, role, wait)


def plugin_command(name: str) -> click.Command:
    """Return the command of an operation that a plug-in registers. Raise ExtensionError if the plug-in is broken."""
    kind: OperationKind = OPERATIONS[name]

    def command(run: str | None, as_json: bool, role: str | None, wait: bool, **words: str | None) -> int:
        return _order({"name": name, **words}, run, as_json, role, wait)

    command = _acting(command)
    if kind.needs_text:
        command = click.argument("text")(command)
    elif kind.target:
        command = click.argument("target", required=kind.needs_target)(command)
    about = f"{kind.summary} TARGET is {kind.target}." if kind.target else kind.summary
    return click.command(name, help=about)(command)


def _order(
    fields: Mapping[str, str | None], run: str | None, as_json: bool, role: str | None, wait: bool
) -> int:
    """Asks for it and says what became of it: 0 done, or asked for with --no-wait; 1 failed, refused or still going."""
    role = role or os.environ.get("GAMEDAY_ROLE")

    def ordered(client: ApiClient) -> Mapping[str, Any]:
        number = client.request_operation({**fields, "as": role})
        asked = {
            "id": number,
            "name": fields["name"],
            "target": fields.get("target") or "",
            "state": "accepted",
        }
        return client.wait_for_operation(number, PATIENCE) if wait else asked

    found = _spoken(ordered, run)
    if as_json:
        click.echo(json.dumps(found))
    else:
        about = " ".join(str(found[key]) for key in ("name", "target") if found[key])
        click.echo(
            f"{found['id']}  {about}: {found['state']}" + (f": {found['why']}" if found.get("why") else "")
        )
    return 0 if found["state"] == "done" or not wait else 1


def _spoken(work: Callable[[ApiClient], T], run: str | None) -> T:
    """What `work` gets from the door of the run that is meant."""
    chosen = _chosen(run)
    try:
        key = read_credentials(active_runs.api_folder() / f"{chosen}.json")
    except (OSError, ValueError) as error:
        raise click.ClickException(f"run {chosen} has no operators' door that you could use") from error
    try:
        return work(ApiClient(key))
    except ApiRejected as refused:
        raise click.ClickException(str(refused)) from refused
    except ApiUnavailable as gone:
        if chosen not in {each.run for each in active_runs.runs()}:
            raise click.ClickException(f"run {chosen} has ended") from gone
        from gameday.ports import PortError  # likewise

        raise PortError(str(gone)) from gone


def _chosen(run: str | None) -> str:
    """The run that is meant; a click error where there is none, or several. Doors of dead runs are cleared away."""
    runs = [each.run for each in active_runs.runs()]
    for path in active_runs.api_folder().glob("*.json"):
        if path.stem not in runs:
            path.unlink(missing_ok=True)
    open_ = [each for each in runs if (active_runs.api_folder() / f"{each}.json").is_file()]
    if run is not None and run not in runs:
        there = f"; there is {', '.join(runs)}" if runs else ""
        raise click.ClickException(f"no run {run!r} goes on now{there}")
    if run is None and not runs:
        raise click.ClickException("no run goes on now; `gameday run` or `gameday drill` starts one")
    if run is None and len(open_) > 1:
        raise click.ClickException(f"several runs go on; name one with --run: {', '.join(open_)}")
    return run or (open_ or runs)[0]
