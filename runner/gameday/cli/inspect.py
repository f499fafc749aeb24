"""The commands that start nothing: list, show, validate, schema, doctor, report, abort."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console
from rich.table import Table

from gameday.execution import active_runs, library
from gameday.execution.preparation import expected_seconds
from gameday.scenario.yaml_document import Invalid, Problem


@click.command("list", epilog="\b\nExamples:\n  gameday list\n  gameday list --tag ci --json")
@click.option("--tag", help="Only scenarios with this tag.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def list_(tag: str | None, as_json: bool) -> None:
    """Scenarios of the library, by family."""
    rows = []
    for name, path in library.paths().items():
        scenario = library.read(path)
        if tag is None or tag in scenario.tags:
            about = {
                "name": name,
                "family": path.parent.name,
                "title": scenario.title,
                "tags": list(scenario.tags),
            }
            rows.append({**about, "expected_s": round(expected_seconds(scenario))})
    rows.sort(key=lambda row: (row["family"], row["name"]))
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    table = Table("scenario", "about", "title", box=None, header_style="bold", pad_edge=False)
    for family, members in itertools.groupby(rows, lambda row: str(row["family"])):
        table.add_row(f"[bold cyan]{family}[/]")
        for row in members:
            table.add_row(f"  {row['name']}", f"{row['expected_s']} s", str(row["title"]))
    Console().print(table)


@click.command(epilog="\b\nExample:\n  gameday show bad-deploy-pricing")
@click.argument("scenario")
def show(scenario: str) -> None:
    """A scenario as it would run: every default filled in, and the diff it ships."""
    path = library.find(scenario)
    found = library.read(path)
    click.echo(f"# {path}")
    click.echo(yaml.safe_dump(found.document(), sort_keys=False, allow_unicode=True, width=100), nl=False)
    releases = library.catalogue()
    for name in (entry.spec.release for entry in found.timeline if hasattr(entry.spec, "release")):
        click.echo(f"\n# --- {name}: {releases.spec(name).summary}\n{releases.patch(name)}")


@click.command(epilog="\b\nExample:\n  gameday validate scenarios/*/*.yaml")
@click.argument("scenarios", nargs=-1, required=True)
def validate(scenarios: tuple[str, ...]) -> int:
    """Check scenarios and the releases they ship; every error with file:line:column. Starts nothing."""
    problems: list[Problem] = []
    for each in scenarios:
        try:
            path = library.find(each)
            library.topology(library.read(path))
            click.echo(f"{path}: ok")
        except Invalid as error:
            problems += error.problems
    for problem in problems:
        click.echo(f"error: {problem}", err=True)
    if problems:
        click.echo(f"{len(problems)} error{'s' if len(problems) > 1 else ''}", err=True)
    return 2 if problems else 0


SCHEMAS = ("scenario", "outcome", "trials", "comparison", "suite", "baseline", "matrix", "history")


@click.command(
    epilog="\b\nExamples:\n  gameday schema > scenario.schema.json\n  gameday schema outcome > docs/outcome.schema.json"
)
@click.argument("of", type=click.Choice(SCHEMAS), default="scenario", required=False)
def schema(of: str) -> None:
    """The JSON Schema of a scenario, for editors, or of a file that gameday writes."""
    if of != "scenario":
        from gameday.analysis.model.file_schemas import RESULT_FILES

        click.echo(RESULT_FILES[of].schema_text(), nl=False)
        return
    from gameday.execution.actions import ACTIONS
    from gameday.scenario import json_schema

    click.echo(json.dumps(json_schema(ACTIONS), indent=2, ensure_ascii=False))


@click.command(epilog="\b\nExample:\n  gameday report runs/20260102-030405-ab12")
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
def report(run: Path) -> None:
    """Make outcome, report and review of a run again, from what is on disk alone.

    A review.md that somebody has edited is kept; the new draft goes beside it.
    """
    from gameday.analysis import write_outcome
    from gameday_reports.run_page.render import report_run

    for needed in ("journal.jsonl", "scenario.yaml"):
        if not (run / needed).is_file():
            raise Invalid(
                [Problem(str(run / needed), 0, 0, "isn't there", "name the folder of a run, runs/<run-id>")]
            )
    try:
        write_outcome(run)
        page, review = report_run(run)
    except Invalid:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, OSError) as error:
        why = f"can't be measured: {type(error).__name__}: {error}"
        raise Invalid([Problem(str(run), 0, 0, why, "a file of it is damaged")]) from error
    click.echo(str(page))
    click.echo(f"review: {review.path}", err=True)
    for each in review.kept:
        click.echo(f"{each.name} was edited and is kept as it is", err=True)


@click.command(epilog="\b\nExamples:\n  gameday abort\n  gameday abort 20260102-030405-ab12")
@click.argument("run", required=False)
def abort(run: str | None) -> None:
    """End a run that goes on now, from any terminal: faults reverted, system down, exit status 130 there."""
    end(run)


def end(run: str | None) -> None:
    """Asks the run, or the only one that goes on, to end. Raises a click error where none is meant."""
    runs = active_runs.runs()
    chosen = [each for each in runs if run in (None, each.run)]
    if not chosen:
        what = f"run {run!r}" if run else "run"
        raise click.ClickException(f"no {what} goes on now" + (f"; there is {_names(runs)}" if runs else ""))
    if len(chosen) > 1:
        raise click.ClickException(f"several runs go on; name one of {_names(runs)}")
    if active_runs.end(chosen[0]):
        click.echo(f"asked {chosen[0].run} to end; it takes everything down now ({chosen[0].folder})")


def _names(runs: list[active_runs.Active]) -> str:
    return ", ".join(each.run for each in runs)


@click.command(epilog="\b\nExample:\n  gameday doctor")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def doctor(as_json: bool) -> int:
    """What this machine can run, and what is missing."""
    from gameday.execution import doctor

    checks = doctor.checks()
    if as_json:
        rows: list[dict[str, Any]] = [
            {"check": c.name, "ok": c.ok, "needed": c.needed, "says": c.says} for c in checks
        ]
        click.echo(json.dumps(rows, indent=2))
    else:
        table = Table("", "check", "says", box=None, header_style="bold")
        for check in checks:
            mark = "[green]ok[/]" if check.ok else "[red]missing[/]" if check.needed else "[yellow]no[/]"
            table.add_row(mark, check.name, check.says)
        Console().print(table)
    return 0 if all(check.ok for check in checks if check.needed) else 4
