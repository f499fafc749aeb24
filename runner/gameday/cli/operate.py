"""The commands of the on-call: see a run in progress and act on it, from any terminal, through the operators' API."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from gameday.cli.options import json_option
from gameday.execution import active_runs
from gameday.operations import OperationKind
from gameday.operator_api.api_client import ApiClient, ApiRejected, ApiUnavailable
from gameday.operator_api.credentials import read_credentials
from gameday.registries import OPERATIONS

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
PATIENCE_S = 600.0
"""How long a command waits for its operation to finish."""


def _run_options(function: F) -> F:
    """Add the options of every command here: `--run`, `--json`."""
    run = click.option("--run", metavar="RUN", help="The run; needed only if several are in progress.")
    return run(json_option("the answer")(function))


def _change_option(function: F) -> F:
    """Add the option of commands about one change: `--change`."""
    return click.option("--change", metavar="ID", help="The change. [default: the latest of SERVICE]")(
        function
    )


def _operation_options(function: F) -> F:
    """Add the options of every command that requests an operation: `--as`, `--wait`, `--run`, `--json`."""
    wait = click.option(
        "--wait/--no-wait", default=True, show_default=True, help="Wait for the operation to finish."
    )
    role = click.option(
        "--as", "role", metavar="ROLE", help="The role that asks. [default: $GAMEDAY_ROLE, or on-call]"
    )
    return wait(role(_run_options(function)))


@click.command(epilog="\b\nExamples:\n  gameday status\n  gameday status --json | jq .alerts")
@_run_options
def status(run: str | None, as_json: bool) -> None:
    """Show what the on-call sees: alerts, SLOs, changes, regions, operations."""
    answer = _call(lambda client: client.status(), run)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    else:
        from gameday.console import status_tables  # loads rich, which other commands don't need

        status_tables.show(answer)


@click.command(epilog="\b\nExamples:\n  gameday ack\n  gameday ack a2 --as database-on-call")
@click.argument("alert", required=False)
@_operation_options
def ack(alert: str | None, run: str | None, as_json: bool, role: str | None, wait: bool) -> int:
    """Acknowledge the named page, or every one that isn't acknowledged yet."""
    alerts = [alert] if alert else _unacknowledged(run)
    return max(_request({"name": "ack", "target": alert}, run, as_json, role, wait) for alert in alerts)


def _unacknowledged(run: str | None) -> list[str]:
    answer = _call(lambda client: client.status(), run)
    pages = [str(alert["id"]) for alert in answer["alerts"] if not alert["acknowledged_by"]]
    if not pages:
        raise click.ClickException("no page is waiting for an acknowledgement")
    return pages


@click.command(
    epilog="\b\nExamples:\n  gameday rollback pricing\n  gameday rollback pricing --change c2 --as payments-lead"
)
@click.argument("service")
@_change_option
@_operation_options
def rollback(
    service: str, change: str | None, run: str | None, as_json: bool, role: str | None, wait: bool
) -> int:
    """Roll back a change of SERVICE."""
    return _request({"name": "rollback", "target": service, "change": change}, run, as_json, role, wait)


@click.command(
    epilog="\b\nExamples:\n  gameday canary promote pricing\n  gameday canary abort pricing --as release-manager"
)
@click.argument("action", type=click.Choice(("promote", "pause", "abort")))
@click.argument("service")
@_change_option
@_operation_options
def canary(
    action: str,
    service: str,
    change: str | None,
    run: str | None,
    as_json: bool,
    role: str | None,
    wait: bool,
) -> int:
    """Let the canary of SERVICE go on to its next step, hold it at its share, or take it back."""
    return _request(
        {"name": f"canary-{action}", "target": service, "change": change}, run, as_json, role, wait
    )


@click.command(epilog="\b\nExample:\n  gameday failover us-east")
@click.argument("region")
@_operation_options
def failover(region: str, run: str | None, as_json: bool, role: str | None, wait: bool) -> int:
    """Send no more traffic to REGION."""
    return _request({"name": "failover", "target": region}, run, as_json, role, wait)


@click.command(epilog="\b\nExamples:\n  gameday promote eu-west\n  gameday promote")
@click.argument("region", required=False)
@_operation_options
def promote(region: str | None, run: str | None, as_json: bool, role: str | None, wait: bool) -> int:
    """Let the database of REGION take the writes; without REGION, the standby that is furthest ahead."""
    return _request({"name": "promote", "target": region}, run, as_json, role, wait)


@click.command(epilog="\b\nExample:\n  gameday rejoin us-east")
@click.argument("region")
@_operation_options
def rejoin(region: str, run: str | None, as_json: bool, role: str | None, wait: bool) -> int:
    """Bring REGION back: its database follows the primary, and traffic returns."""
    return _request({"name": "rejoin", "target": region}, run, as_json, role, wait)


@click.command(epilog="\b\nExample:\n  gameday restart checkout")
@click.argument("service")
@_operation_options
def restart(service: str, run: str | None, as_json: bool, role: str | None, wait: bool) -> int:
    """Kill every instance of SERVICE, and start it again."""
    return _request({"name": "restart", "target": service}, run, as_json, role, wait)


@click.command(epilog="\b\nExamples:\n  gameday flag recommendations=off\n  gameday flag recommendations=on")
@click.argument("setting", metavar="NAME=on|off")
@_operation_options
def flag(setting: str, run: str | None, as_json: bool, role: str | None, wait: bool) -> int:
    """Switch a feature flag, in every instance that supports flags."""
    return _request({"name": "flag", "target": setting}, run, as_json, role, wait)


@click.command(
    epilog='\b\nExamples:\n  gameday diagnose c1\n  gameday diagnose pricing --why "only its new release fails"'
)
@click.argument("culprit", metavar="CHANGE|SERVICE")
@click.option("--why", metavar="TEXT", help="What speaks for it.")
@_operation_options
def diagnose(
    culprit: str, why: str | None, run: str | None, as_json: bool, role: str | None, wait: bool
) -> int:
    """Name the cause of the outage, a change or a service; time and rightness are in the outcome."""
    return _request({"name": "diagnose", "target": culprit, "text": why}, run, as_json, role, wait)


@click.command(epilog='\b\nExample:\n  gameday note "customers call in" --as support')
@click.argument("text")
@_operation_options
def note(text: str, run: str | None, as_json: bool, role: str | None, wait: bool) -> int:
    """Put a line on the timeline of the run."""
    return _request({"name": "note", "text": text}, run, as_json, role, wait)


def plugin_command(name: str) -> click.Command:
    """Return the command of an operation that a plug-in registers. Raise ExtensionError if the plug-in is broken."""
    kind: OperationKind = OPERATIONS[name]

    def command(run: str | None, as_json: bool, role: str | None, wait: bool, **words: str | None) -> int:
        return _request({"name": name, **words}, run, as_json, role, wait)

    command = _operation_options(command)
    if kind.needs_text:
        command = click.argument("text")(command)
    elif kind.target:
        command = click.argument("target", required=kind.needs_target)(command)
    about = f"{kind.summary} TARGET is {kind.target}." if kind.target else kind.summary
    return click.command(name, help=about)(command)


def _request(
    fields: Mapping[str, str | None], run: str | None, as_json: bool, role: str | None, wait: bool
) -> int:
    """Request an operation and print its result.

    Return 0 if it is done, or was requested with --no-wait; 1 if it failed, was refused or is still running.
    """
    role = role or os.environ.get("GAMEDAY_ROLE")

    def request(client: ApiClient) -> Mapping[str, Any]:
        number = client.request_operation({**fields, "as": role})
        if wait:
            return client.wait_for_operation(number, PATIENCE_S)
        return {
            "id": number,
            "name": fields["name"],
            "target": fields.get("target") or "",
            "state": "accepted",
        }

    operation = _call(request, run)
    if as_json:
        click.echo(json.dumps(operation))
    else:
        about = " ".join(str(operation[key]) for key in ("name", "target") if operation[key])
        why = f": {operation['why']}" if operation.get("why") else ""
        click.echo(f"{operation['id']}  {about}: {operation['state']}{why}")
    return 0 if operation["state"] == "done" or not wait else 1


def _call(work: Callable[[ApiClient], T], run: str | None) -> T:
    """Return what `work` gets from the API of the chosen run. Raise ClickException, or PortError if the run hangs."""
    chosen = _choose_run(run)
    try:
        credentials = read_credentials(active_runs.key_path(chosen))
    except (OSError, ValueError) as error:
        raise click.ClickException(f"run {chosen} has no operators' API that you may use") from error
    try:
        return work(ApiClient(credentials))
    except ApiRejected as rejection:
        raise click.ClickException(str(rejection)) from rejection
    except ApiUnavailable as error:
        if chosen not in {active.run for active in active_runs.runs()}:
            raise click.ClickException(f"run {chosen} has ended") from error
        from gameday.ports import PortError  # loads numpy, which no other path here needs

        raise PortError(str(error)) from error


def _choose_run(run: str | None) -> str:
    """Return the run that is meant, and delete the credentials of dead runs. Raise ClickException if it isn't clear."""
    runs = [active.run for active in active_runs.runs()]
    for path in active_runs.api_folder().glob("*.json"):
        if path.stem not in runs:
            path.unlink(missing_ok=True)
    serving = [name for name in runs if active_runs.key_path(name).is_file()]
    if run is not None and run not in runs:
        others = f"; in progress: {', '.join(runs)}" if runs else ""
        raise click.ClickException(f"no run {run!r} in progress{others}")
    if run is None and not runs:
        raise click.ClickException("no run in progress; `gameday run` or `gameday drill` starts one")
    if run is None and len(serving) > 1:
        raise click.ClickException(f"several runs are in progress; name one with --run: {', '.join(serving)}")
    return run or (serving or runs)[0]
