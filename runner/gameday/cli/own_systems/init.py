"""`gameday init` and `gameday discover`: a way into a system of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from gameday.cli.options import FilePath

USUAL = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
LARGEST = 5_000_000
EPILOG = """\b
Examples:
  gameday init                                 in the folder of a Compose file
  gameday init --compose deploy/compose.yaml --out gameday
  gameday init --url http://127.0.0.1:8080 --openapi openapi.json
  gameday init --day game-day.yaml             the plan of a game day of two hours"""
DISCOVER_EPILOG = """\b
Examples:
  gameday discover                             in the folder of a Compose file
  gameday discover --compose deploy/compose.yaml"""
FIRST_PLAN = Path("game-day.yaml")

compose_option = click.option(
    "--compose",
    "compose",
    multiple=True,
    type=FilePath(exists=True, dir_okay=False, path_type=Path),
    help="A Compose file; repeatable. [default: the one in this folder]",
)


@click.command(epilog=EPILOG)
@compose_option
@click.option("--url", help="The system's URL, if it isn't a Compose project.")
@click.option(
    "--openapi",
    type=FilePath(exists=True, dir_okay=False, path_type=Path),
    help="An OpenAPI document (JSON or YAML), for the journeys.",
)
@click.option(
    "--out",
    type=FilePath(path_type=Path),
    default=Path("gameday"),
    show_default=True,
    help="Folder to write.",
)
@click.option("--force", is_flag=True, help="Replace scenarios that are there.")
@click.option(
    "--day", "day", is_flag=True, help=f"Write a game day's plan into FILE. [default: {FIRST_PLAN}]"
)
@click.option(
    "--from-tag",
    "tags",
    multiple=True,
    metavar="TAG",
    help="With --day: the scenarios' tag. [default: drill]",
)
@click.argument("file", type=FilePath(dir_okay=False, path_type=Path), required=False)
def init(
    compose: tuple[Path, ...],
    url: str | None,
    openapi: Path | None,
    out: Path,
    force: bool,
    day: bool,
    tags: tuple[str, ...],
    file: Path | None,
) -> int:
    """Write first scenarios for a Compose project or a URL, with comments, or a game day's plan. Nothing is started."""
    if day:
        from gameday.cli.game_days.day import write_first_plan

        if compose or url or openapi:
            raise click.UsageError("--day can't be combined with --compose, --url and --openapi")
        write_first_plan(file or FIRST_PLAN, tags)
        return 0
    if file or tags:
        raise click.UsageError("FILE and --from-tag need --day; a Compose file is named by --compose FILE")
    return write_scenarios(compose, url, openapi, out, force)


def write_scenarios(
    compose: tuple[Path, ...], url: str | None, openapi: Path | None, out: Path, force: bool
) -> int:
    """Write the scenarios that are proposed for a Compose project or a URL."""
    from gameday.execution import library
    from gameday.execution.own.proposed_scenarios import propose_for_project, propose_for_url, scenarios
    from gameday.recording import atomic_file
    from gameday.scenario.yaml_document import Invalid

    if compose and url:
        raise click.UsageError("--compose and --url can't be combined")
    files = compose or _usual_file(url)
    paths = _paths(openapi)
    if files:
        project = _project(files)
        try:
            proposal = propose_for_project(project, [_relative(file, out) for file in files], paths)
        except ValueError as error:
            raise click.ClickException(f"{files[0]}: {error}") from error
    else:
        target = url or click.prompt("URL of the system, such as http://127.0.0.1:8080")
        proposal = propose_for_url(target.rstrip("/"), paths)
    texts = scenarios(proposal)
    there = [name for name in texts if (out / name).exists()]
    if there and not force:
        raise click.ClickException(f"{out / there[0]} is there already; --force replaces it")
    out.mkdir(parents=True, exist_ok=True)
    try:
        for name, text in texts.items():
            atomic_file.write(out / name, text)
            library.read(out / name)
    except Invalid:
        for name in set(texts) - set(there):
            (out / name).unlink(missing_ok=True)
        raise
    for name in texts:
        click.echo(str(out / name))
    click.echo(f"next: gameday validate {out}/*.yaml && gameday run {out / next(iter(texts))}", err=True)
    return 0


@click.command(epilog=DISCOVER_EPILOG)
@compose_option
def discover(compose: tuple[Path, ...]) -> int:
    """List the services of a Compose project, their ports, and the links between them that its files show."""
    from gameday.execution.own.proposed_scenarios import busiest_of, entry_of, found_services

    files = compose or _usual_file(None)
    if not files:
        raise click.UsageError("there is no Compose file in this folder: name one with --compose")
    services = found_services(_project(files))
    entry = entry_of(services)
    for service in services:
        ports = f"  ports {', '.join(map(str, service.ports))}" if service.ports else ""
        peers = sorted({*service.depends_on, *service.links})
        click.echo(f"{service.name}  {service.image}{ports}{'  -> ' + ', '.join(peers) if peers else ''}")
    if entry is not None:
        click.echo(f"users enter at {entry.name}; busiest: {busiest_of(services, entry).name}", err=True)
    return 0


def _usual_file(url: str | None) -> tuple[Path, ...]:
    """Return the Compose file of the current folder, nothing if there is none or a URL is given."""
    return () if url else tuple(Path(name) for name in USUAL if Path(name).is_file())[:1]


def _relative(file: Path, out: Path) -> str:
    """Return the path of a file as a scenario in `out` names it."""
    import os

    return os.path.relpath(file.resolve(), out.resolve())


def _project(files: tuple[Path, ...]) -> Mapping[str, Any]:
    from gameday.scenario.own.own_system import ComposeFiles
    from gameday.substrates.compose.compose_program import read_project

    return read_project(ComposeFiles(files=tuple(str(file.resolve()) for file in files)), Path.cwd())


def _paths(openapi: Path | None) -> list[str]:
    """Return the paths that an OpenAPI document offers. Raise ClickException if it isn't one."""
    import yaml

    from gameday.execution.own.proposed_scenarios import paths_of

    if openapi is None:
        return []
    try:
        if openapi.stat().st_size > LARGEST:
            raise ValueError(f"is over {LARGEST:,} bytes long")
        document = yaml.safe_load(openapi.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise click.ClickException(f"{openapi} can't be read: {error}") from error
    paths = paths_of(document) if isinstance(document, Mapping) else []
    if not paths:
        raise click.ClickException(f"{openapi} has no path that can be fetched without parameters")
    return paths
