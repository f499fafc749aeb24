"""`gameday gate`: the gates that need no system, on a range of commits of a user's own repository."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from gameday.changes.repository.finding_formats import markdown, sarif, workflow_commands
from gameday.changes.repository.git_commands import Repository
from gameday.changes.repository.repository_gates import ALL, Options, check_range
from gameday.recording import atomic_file
from gameday.recording.printable_text import visible


@click.command(
    epilog="\b\nExamples:\n  gameday gate --base main --head HEAD\n"
    "  gameday gate --base origin/main --sarif gates.sarif --approved-by @pricing-owner"
)
@click.option(
    "--base", default="main", show_default=True, help="The commit that the change is to be merged into."
)
@click.option("--head", default="HEAD", show_default=True, help="The change.")
@click.option(
    "--repository", default=".", type=click.Path(file_okay=False), help="A folder of the repository."
)
@click.option("--gate", "gates", multiple=True, type=click.Choice(ALL), help="Only this gate; repeatable.")
@click.option(
    "--approved-by", "approvers", multiple=True, metavar="OWNER", help="Someone who approved it; repeatable."
)
@click.option("--max-lines", default=1000, show_default=True, help="Lines that may change; 0: any number.")
@click.option(
    "--sarif", "sarif_file", type=click.Path(dir_okay=False), help="Write SARIF 2.1.0 to this file."
)
@click.option(
    "--markdown", "markdown_file", type=click.Path(dir_okay=False), help="Write Markdown to this file."
)
def gate(
    base: str,
    head: str,
    repository: str,
    gates: Sequence[str],
    approvers: Sequence[str],
    max_lines: int,
    sarif_file: str | None,
    markdown_file: str | None,
) -> int:
    """Check the commits between two revisions: AI trailers, owners, secrets, code, dependencies, policies, size.

    Exit status 0 if every gate passes, 1 if one finds something, 2 if a revision, owner or policy is wrong, 4 if git fails.
    """
    options = Options(gates or ALL, approvers, max_lines)
    result = check_range(Repository(Path(repository)), base, head, options)
    for name, finding in result.findings:
        click.echo(
            visible(f"{finding}  [{name}]") + (f"\n    hint: {visible(finding.hint)}" if finding.hint else "")
        )
    if os.environ.get("GITHUB_ACTIONS"):
        for line in workflow_commands(result):
            click.echo(line)
    if sarif_file:
        atomic_file.write_json(Path(sarif_file), sarif(result))
    if markdown_file:
        atomic_file.write(Path(markdown_file), markdown(result))
    stopping = [evaluation.gate for evaluation in result.evaluations if evaluation.stops]
    about = f"{result.commits} commits, {result.files} files, {result.lines:,} lines"
    click.echo(f"{about}: " + (f"stopped by {', '.join(stopping)}" if stopping else "every gate passes"))
    return 1 if stopping else 0
