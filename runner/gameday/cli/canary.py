"""The commands that steer a canary by hand, through the operators' API."""

from __future__ import annotations

import click

from gameday.cli.operate import operation_options, request_operation


@click.command(epilog="\b\nExample:\n  gameday canary-promote pricing --as release-manager")
@click.argument("service")
@click.option("--change", metavar="ID", help="The change. [default: the latest canary of SERVICE]")
@operation_options
def promote(
    service: str, change: str | None, run: str | None, as_json: bool, role: str | None, wait: bool
) -> int:
    """Let the canary of SERVICE go on to its next step, whatever its analysis says."""
    return request_operation(_fields("canary-promote", service, change), run, as_json, role, wait)


@click.command(epilog="\b\nExample:\n  gameday canary-pause pricing")
@click.argument("service")
@click.option("--change", metavar="ID", help="The change. [default: the latest canary of SERVICE]")
@operation_options
def pause(
    service: str, change: str | None, run: str | None, as_json: bool, role: str | None, wait: bool
) -> int:
    """Hold the canary of SERVICE at its present share until somebody promotes or aborts it."""
    return request_operation(_fields("canary-pause", service, change), run, as_json, role, wait)


@click.command(epilog="\b\nExample:\n  gameday canary-abort pricing")
@click.argument("service")
@click.option("--change", metavar="ID", help="The change. [default: the latest canary of SERVICE]")
@operation_options
def abort(
    service: str, change: str | None, run: str | None, as_json: bool, role: str | None, wait: bool
) -> int:
    """Take all users from the canary of SERVICE, and remove it."""
    return request_operation(_fields("canary-abort", service, change), run, as_json, role, wait)


def _fields(name: str, service: str, change: str | None) -> dict[str, str | None]:
    return {"name": name, "target": service, "change": change}
