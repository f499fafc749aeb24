"""`gameday run`: one scenario or several, once or in repeated trials."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from gameday.analysis.detection.scenario_warnings import warnings
from gameday.cli.options import (
    RESPONDER,
    allow_target_option,
    console_options,
    dry_run_option,
    execution_options,
    json_option,
    page_to_option,
    repeat_option,
    seed_option,
    variant_option,
)
from gameday.execution.live_console.shown_run import console_of
from gameday.execution.preparation import (
    ensure_writable,
    expected_seconds,
    link_server,
    meanings,
    read_scenarios,
)
from gameday.execution.trial import Options
from gameday.execution.trial_series import TrialSeries
from gameday.scenario import OVERRIDABLE
from gameday.substrates import KINDS

EPILOG = """\b
Examples:
  gameday run bad-deploy-pricing
  gameday run scenarios/bad-deploy/wrong-prices.yaml --responder none
  gameday run good-release bad-deploy-pricing --out /tmp/runs --json
  gameday run bad-deploy-pricing --set load.rate=120/s --set hold=20s --seed 7
  gameday run bad-deploy-pricing --repeat 10
  gameday run before.yaml after.yaml --repeat 10 --interleave
  gameday run payments-slow                    every variant of its matrix, and a page that compares them
  gameday run payments-slow --variant without
  gameday run bad-deploy-pricing --dry-run"""


def _read_overrides(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    for value in values:
        if "=" not in value:
            raise click.BadParameter(f"{value!r} isn't key=value; keys: {', '.join(OVERRIDABLE)}")
    return dict(value.partition("=")[::2] for value in values)


@click.command(epilog=EPILOG)
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO...")
@execution_options
@seed_option
@repeat_option
@click.option("--interleave", is_flag=True, help="Run several scenarios in turn, trial by trial: A B A B.")
@variant_option
@click.option(
    "--set",
    "overrides",
    multiple=True,
    callback=_read_overrides,
    metavar="KEY=VALUE",
    help="Override a value.",
)
@click.option(
    "--responder", type=RESPONDER, help="Replace the scenario's; human and external use the operators' API."
)
@page_to_option
@allow_target_option
@console_options
@dry_run_option("Check everything and say what would run; start nothing.")
@json_option("outcomes (or trials)")
def run(
    scenarios: tuple[str, ...],
    substrate: Any,
    repeat: int,
    interleave: bool,
    dry_run: bool,
    console: bool,
    console_host: str,
    console_port: int,
    **given: Any,
) -> int:
    """Run SCENARIO (a path, or a name from `gameday list`): system up, load, fault, response, report, system down."""
    options = Options(substrate=substrate, **given)
    selected = read_scenarios(scenarios, options)
    if dry_run:
        for choice in selected:
            seconds = round(expected_seconds(choice.scenario)) * repeat
            where = f"{substrate}, links: {link_server(options)}"
            click.echo(f"{choice.scenario.name}: {choice.path}: ok; about {seconds} s on {where}")
            for line in meanings(choice.scenario, KINDS if substrate == "auto" else [substrate]):
                click.echo(f"  {line}")
            for warning in warnings(choice.scenario):
                click.echo(f"warning: {choice.path}: {warning}", err=True)
        return 0
    ensure_writable(options.out)
    with console_of(console, console_host, console_port) as hub:
        shown = replace(options, console=hub)
        status, _ = TrialSeries(selected, shown, repeat, interleave).execute()
    return status
