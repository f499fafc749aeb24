"""`gameday heal`: remove by hand what runs left behind whose runner is gone.

A run whose runner is alive is never touched. It is known by process id and start time, by its claim on this machine,
and by the parent of its processes. The reaper's modules remove what is left.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import click

from gameday.cli.options import dry_run_option, page_to_option
from gameday.console.leftover_commands import removal_command
from gameday.execution import active_runs
from gameday.execution.open_pages import resolve_open_pages
from gameday.paging.target import Target
from gameday.ports import PortError
from gameday.reaper.journal_closing import close, finished
from gameday.reaper.leftovers import clear
from gameday.reaper.runner_claim import claimed
from gameday.recording.journal import read_journal
from gameday.recording.journal_events import RunStarted, from_event
from gameday.recording.sealed_files import sealed, unseal
from gameday.registries import ExtensionError
from gameday.substrates import KINDS
from gameday.substrates.process.process_kind import WORK
from gameday.substrates.process.run_processes import belonging, orphaned
from gameday.substrates.substrate_kind import Cleared, Remains, Traces, count

EPILOG = """\b
Examples:
  gameday heal                               every run whose runner is gone
  gameday heal --dry-run                     what that would be
  gameday heal 20260102-030405-ab12          this one, by its id
  gameday heal runs/20260102-030405-ab12     or by its folder, which also ends its journal
  gameday heal --revert-only                 revert faults on links; leave the systems up
  gameday heal --all                         also labelled containers of runs that nothing else is known of

\b
Exit status: 0 nothing is left, 5 something is, with the command that removes it."""
PATIENCE_S = 30.0
WHY = "the runner vanished; healed by hand"
LEFT = 5


@dataclass(frozen=True)
class Survey:
    """Traces of runs on this machine. `adopted`: run → whether its processes lost their parent."""

    entries: dict[str, tuple[active_runs.Active, Path]]
    adopted: dict[str, bool]
    remains: dict[str, Remains]
    """By kind of substrate, what is labelled there; a kind that can't be asked is missing."""
    living: set[str] = field(default_factory=set)

    @classmethod
    def take(cls) -> Survey:
        entries = _entries()
        remains = dict(_surveyed())
        adopted = orphaned()
        known = {*entries, *adopted, *(run for runs in remains.values() for run in runs)}
        living = {
            run for run in known if claimed(run) or (run in entries and active_runs.lives(entries[run][0]))
        }
        return cls(entries, adopted, remains, living)

    def healable(self, *, everything: bool) -> list[str]:
        """Return the runs that certainly have no runner; with `everything` also labelled runs
        without any sign of a runner."""
        sure = {*self.entries, *(run for run, alone in self.adopted.items() if alone)}
        if everything:
            sure |= {run for kind in self.remains if KINDS[kind].is_local() for run in self.unknown(kind)}
        return sorted(sure - self.living)

    def unknown(self, kind: str) -> list[str]:
        """Return runs that are labelled on a substrate while nothing else says whether their runner lives."""
        return sorted(set(self.remains[kind]) - set(self.entries) - set(self.adopted) - self.living)

    def labelled(self, run: str) -> list[str]:
        """Return what is labelled with a run, in words: `6 containers`."""
        return [words for runs in self.remains.values() if run in runs for words in _counted(runs, run)]


@click.command(epilog=EPILOG)
@click.argument("run", required=False)
@click.option("--all", "everything", is_flag=True, help="Also runs of which only labels are known.")
@click.option(
    "--revert-only", is_flag=True, help="Only revert faults that still act on links; keep systems up."
)
@dry_run_option("Say what would be removed; remove nothing.")
@page_to_option
def heal(
    run: str | None, everything: bool, revert_only: bool, dry_run: bool, page_to: tuple[Target, ...]
) -> int:
    """Remove what runs left whose runner was killed: processes, containers, networks, volumes, work folders.

    With receivers of pages, also resolve the pages of these runs that are still open there.
    """
    survey = Survey.take()
    chosen = [_named(run, survey)] if run else survey.healable(everything=everything)
    traces = [_traces(run if run and len(chosen) == 1 else name, name, survey) for name in chosen]
    if revert_only:
        if dry_run:
            raise click.UsageError("--revert-only and --dry-run can't be combined")
        return LEFT if _revert(traces) else 0
    if dry_run:
        for trace in traces:
            _show(trace.run, "would be removed", _present(trace, survey))
    left = False if dry_run else _heal(traces, survey)
    if not dry_run:
        _forget_tokens(survey)
        left = resolve_open_pages(traces, page_to) or left
    kinds = [] if run else list(survey.remains)
    unknown = [(kind, name) for kind in kinds for name in survey.unknown(kind) if name not in chosen]
    for kind, name in unknown:
        things = ", ".join(_counted(survey.remains[kind], name))
        click.echo(f"{name}: {things} on {KINDS[kind].place}; nothing says whether its runner lives")
        click.echo(f"  to remove  gameday heal {name}")
    if not traces and not unknown:
        click.echo("nothing is left of any run whose runner is gone")
    return LEFT if left or unknown else 0


def _heal(traces: Sequence[Traces], survey: Survey) -> bool:
    """Clear the runs and close their journals; return True if something is left.

    A drill's journal is opened first, since it names the substrate, and with it what there is to undo.
    """
    for trace in traces:
        _open(trace)
    traces = [replace(trace, substrate=trace.substrate or _substrate(trace.folder)) for trace in traces]
    kinds = {*survey.remains, *(trace.substrate for trace in traces)}
    results = clear(traces, kinds=kinds, patience=PATIENCE_S) if traces else {}
    for trace in traces:
        cleared = results[trace.run]
        closed = trace.folder is not None and finished(trace.folder) is False
        if trace.folder and (closed or cleared.removed):
            closed = close(trace.folder, WHY, cleared, by="gameday heal") and closed
        if trace.entry and not cleared.left:
            trace.entry.unlink(missing_ok=True)
        _show(trace.run, "removed", cleared.removed)
        if closed:
            click.echo(f"  journal    ended; gameday report {shlex.quote(str(trace.folder))}")
        _print_leftovers(trace.run, cleared)
    return any(cleared.left for cleared in results.values())


def _forget_tokens(survey: Survey) -> None:
    """Remove the tokens of runs that nothing else is known of: their runner is gone, and with it all they open."""
    for path in active_runs.api_folder().glob("*.json"):
        if path.stem not in survey.living and not claimed(path.stem):
            path.unlink(missing_ok=True)


def _revert(runs: Sequence[Traces]) -> bool:
    """Revert the active faults of the runs, in their running systems; return True if one is left."""
    from gameday.execution.fault_revert import RevertResult, revert_faults

    left = False
    for traces in runs:
        try:
            result = (
                revert_faults(traces.folder)
                if traces.folder
                else RevertResult(left=["no run folder is known"])
            )
        except PortError as error:
            result = RevertResult(left=[str(error)])
        click.echo(f"{traces.run}: reverted: {', '.join(result.reverted) or 'nothing'}")
        for words in result.left:
            click.echo(f"  left       {words}", err=True)
        left = left or bool(result.left)
    if not runs:
        click.echo("no run is known whose runner is gone")
    return left


def _open(traces: Traces) -> None:
    """Open a drill's sealed files as far as possible."""
    try:
        if traces.folder:
            unseal(traces.folder)
    except OSError as error:
        click.echo(f"{traces.run}: {error}", err=True)


def _show(run: str, what: str, things: Sequence[str]) -> None:
    click.echo(f"{run}: {what}: {', '.join(things) or 'nothing, there is nothing left'}")


def _print_leftovers(run: str, cleared: Cleared) -> None:
    for leftover in cleared.left:
        click.echo(f"  left       {leftover}", err=True)
        click.echo(f"  to remove  {removal_command(run, leftover)}", err=True)


def _named(run: str, survey: Survey) -> str:
    """Return the id of a run given by id or folder. Raise ClickException if its runner is alive or
    it is unknown."""
    name = Path(run).resolve().name if Path(run).is_dir() else run
    if name in survey.living or claimed(name):
        pid = f" (pid {survey.entries[name][0].pid})" if name in survey.entries else ""
        raise click.ClickException(f"the runner of {name} lives{pid}; to end it: gameday abort {name}")
    known = name in {*survey.entries, *survey.adopted} or bool(survey.labelled(name))
    if not known and _folder(run, name, survey) is None:
        raise click.ClickException(f"nothing is known of a run {run!r}; it may also be named by its folder")
    return name


def _traces(given: str, run: str, survey: Survey) -> Traces:
    folder = _folder(given, run, survey)
    entry = survey.entries[run][1] if run in survey.entries else None
    listed = entry is not None and folder == Path(survey.entries[run][0].folder).resolve()
    return Traces(run, folder, _substrate(folder), entry, active_runs.key_path(run), recorded_here=listed)


def _folder(given: str, run: str, survey: Survey) -> Path | None:
    """Return the folder of a run: as named, as listed, or below the default folder; None if there is none."""
    listed = [Path(survey.entries[run][0].folder)] if run in survey.entries else []
    for folder in (Path(given), *listed, Path("runs") / run):
        path = folder.resolve()
        if path.name == run and _is_runs(path):
            return path
    return None


def _is_runs(folder: Path) -> bool:
    """Return whether a folder is a run's: by its journal, or by its name and its `work`. No other folder is touched."""
    try:
        first = next(read_journal(folder / "journal.jsonl"), None)
    except (OSError, ValueError):
        first = None
    named = re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{4}", folder.name) is not None
    kept = (folder / WORK).is_dir() or sealed(folder)
    return (first is not None and first.subject == folder.name) or (named and kept)


def _substrate(folder: Path | None) -> str:
    """Return the substrate that the journal names, "" if it names none."""
    try:
        events = map(from_event, read_journal(folder / "journal.jsonl") if folder else ())
        return next((event.substrate for event in events if isinstance(event, RunStarted)), "")
    except (OSError, ValueError):
        return ""


def _present(traces: Traces, survey: Survey) -> list[str]:
    """Return what is left of a run now, as texts."""
    count = len(belonging(traces.run))
    leftovers = [f"{count} process{'es' if count > 1 else ''}"] if count else []
    leftovers += survey.labelled(traces.run)
    return [*leftovers, f"{WORK}/"] if traces.folder and (traces.folder / WORK).exists() else leftovers


def _surveyed() -> Iterator[tuple[str, Remains]]:
    """Yield what each kind of substrate holds of any run; leave out kinds that can't be asked."""
    for name in KINDS:
        with suppress(PortError, ExtensionError):
            survey = KINDS[name].survey
            if survey is not None:
                yield name, survey()


def _counted(remains: Remains, run: str) -> list[str]:
    return [count(number, kind, f"{kind}s") for kind, number in remains[run].items()]


def _entries() -> dict[str, tuple[active_runs.Active, Path]]:
    """Return the runs that are listed for this user, alive or not: run → its entry and the entry's file."""
    entries = {}
    for path in sorted(active_runs.folder().glob("*.json")):
        if entry := active_runs.read(path):
            entries[entry.run] = (entry, path)
    return entries
