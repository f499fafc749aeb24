"""`gameday list`, `show`, `validate` and `schema`: scenarios as files. Nothing is started."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import click
import yaml
from rich.table import Table

from gameday.analysis.detection.scenario_warnings import warnings
from gameday.cli.options import json_option, tag_option
from gameday.console import rich_console
from gameday.execution import library
from gameday.execution.preparation import expected_seconds, meanings
from gameday.execution.suites.selection import scenario_files
from gameday.recording.printable_text import visible
from gameday.scenario.yaml_document import Invalid, Problem
from gameday.substrates import KINDS

SCHEMAS = ("scenario", "outcome", "trials", "comparison", "suite", "baseline", "matrix", "history")


@click.command("list", epilog="\b\nExamples:\n  gameday list\n  gameday list --tag ci --json")
@tag_option("Only scenarios with this tag.")
@json_option("the scenarios")
def list_(tags: Sequence[str], as_json: bool) -> None:
    """List the scenarios of the library, by family."""
    rows = _rows()
    known = {tag for row in rows for tag in row.tags}
    rows = [row for row in rows if not tags or set(tags) & set(row.tags)]
    if not rows:
        hint = f"tags are {', '.join(sorted(known))}"
        raise Invalid([Problem("--tag", 0, 0, f"no scenario has the tag {' or '.join(tags)}", hint)])
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    names = rich_console.names_column("scenario", (f"  {row.name}" for row in rows))
    about = rich_console.names_column("about", (f"{row.expected_s} s" for row in rows))
    table = Table(names, about, "title", box=None, header_style="bold", pad_edge=False)
    for family, members in itertools.groupby(rows, lambda row: row.family):
        table.add_row(f"[bold cyan]{family}[/]")
        for row in members:
            table.add_row(f"  {row.name}", f"{row.expected_s} s", row.title)
    rich_console.console().print(table, crop=False)


@dataclass(frozen=True)
class _Row:
    """A scenario in the list; `expected_s` is about how many seconds a run takes."""

    name: str
    family: str
    title: str
    tags: Sequence[str]
    expected_s: int


def _rows() -> list[_Row]:
    """Return a row for each scenario of the library."""
    rows = []
    for name, path in library.paths().items():
        scenario = library.read(path)
        about = round(expected_seconds(scenario))
        rows.append(_Row(name, path.parent.name, scenario.title, list(scenario.tags), about))
    return sorted(rows, key=lambda row: (row.family, row.name))


@click.command(epilog="\b\nExample:\n  gameday show bad-deploy-pricing")
@click.argument("scenario")
def show(scenario: str) -> None:
    """Print a scenario as it would run: every default, what its faults are on each substrate, and what it ships."""
    path = library.find(scenario)
    resolved = library.read(path)
    click.echo(f"# {path}")
    click.echo(yaml.safe_dump(resolved.document(), sort_keys=False, allow_unicode=True, width=100), nl=False)
    for line in meanings(resolved, KINDS):
        click.echo(f"# {line}")
    releases = library.catalogue()
    entries = () if resolved.system.is_own else resolved.timeline
    for name in (entry.spec.release for entry in entries if hasattr(entry.spec, "release")):
        spec = releases.spec(name)
        click.echo(f"\n# --- {name}: {visible(spec.summary)}\n{visible(releases.patch(name))}")
        if spec.migration:
            click.echo(
                f"# --- {name}: {spec.migration}, run on the primary database before the first instance is replaced"
            )
            click.echo(visible(releases.migration(name)))


@click.command(epilog="\b\nExamples:\n  gameday validate my-scenario.yaml\n  gameday validate scenarios/")
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO|FOLDER...")
def validate(scenarios: Sequence[str]) -> int:
    """Check scenarios and the releases they ship; report every error with file:line:column. Nothing is started.

    Warnings name figures that a run can't give. They don't change the exit status.
    """
    problems: list[Problem] = []
    for name in scenarios:
        try:
            files = scenario_files(name)
        except Invalid as error:
            problems += error.problems
            continue
        for path in files:
            try:
                scenario = library.read(path)
                library.topology(scenario)
                click.echo(f"{path}: ok")
                for warning in warnings(scenario):
                    click.echo(f"warning: {path}: {warning}", err=True)
            except Invalid as error:
                problems += error.problems
    for problem in problems:
        click.echo(f"error: {problem}", err=True)
    if problems:
        click.echo(f"{len(problems)} error{'s' if len(problems) > 1 else ''}", err=True)
    return 2 if problems else 0


@click.command(
    epilog="\b\nExamples:\n  gameday schema > scenario.schema.json\n  gameday schema outcome > docs/outcome.schema.json"
)
@click.argument("of", type=click.Choice(SCHEMAS), default="scenario", required=False)
def schema(of: str) -> None:
    """Print the JSON Schema of a scenario, for editors, or of a file that gameday writes."""
    if of != "scenario":
        from gameday.analysis.model.file_schemas import RESULT_FILES

        click.echo(RESULT_FILES[of].schema_text(), nl=False)
        return
    from gameday.execution.actions import ACTIONS
    from gameday.scenario import json_schema

    click.echo(json.dumps(json_schema(ACTIONS), indent=2, ensure_ascii=False))
