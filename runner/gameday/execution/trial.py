"""One run, from its folder to its report."""

from __future__ import annotations

import functools
import importlib
import os
import platform
import secrets
import shlex
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from gameday.console import rich_console
from gameday.execution import active_runs, library
from gameday.execution.live_console.shown_run import shown
from gameday.execution.own.target_guard import own_substrate, refuse_public_target
from gameday.execution.system_reuse import Signals, SystemReuse, wanted
from gameday.ports import PortError
from gameday.recording import atomic_file
from gameday.recording.atomic_file import full, unwritable
from gameday.recording.journal_events import Note, RunStarted
from gameday.recording.sealed_files import Seal, unseal
from gameday.scenario import Scenario
from gameday_reports.live.system_layout import FILE as LAYOUT_FILE
from gameday_reports.live.system_layout import SystemLayout

if TYPE_CHECKING:
    from gameday.analysis import Outcome

REAL_TOXIPROXY = "links run on a real Toxiproxy, which knows no names: each deploy moves their upstreams and drops connections"


NEEDED_AFTER = (
    "asyncpg",
    "gameday.analysis",
    "gameday.console.run_summary",
    "gameday_reports.run_page.render",
)


@dataclass(frozen=True)
class Options:
    """The command line of a run, beyond its scenarios."""

    substrate: str
    out: Path
    seed: int | None
    overrides: Mapping[str, str]
    responder: str | None
    as_json: bool
    toxiproxy: str | None
    variant: str | None = None
    page_to: tuple[Any, ...] = ()
    """Receivers of pages: `gameday.paging.target.Target`s."""
    part: bool = False
    """Each run is part of a whole, such as a suite: its summary is progress, and only the whole is a result."""
    allow_target: tuple[str, ...] = ()
    """Public hosts that load may go to."""
    console: Any = None
    """The `live_console.console_hub.ConsoleHub` that shows each run; None if there is none."""

    @property
    def results_on_stdout(self) -> bool:
        """Return True if the summary of a run goes to standard output."""
        return not (self.as_json or self.part)


@dataclass(frozen=True)
class Trial:
    """One run to be made: the scenario, where it came from, its seed, and the substrate chosen for it.

    `secret`: the seconds within which a drill's timeline begins at random, unknown to everyone; None for other runs.
    """

    path: Path
    scenario: Scenario
    seed: int
    substrate: str
    why: str
    secret: float | None = None
    held: bool = False
    """The timeline waits for the facilitator, once the steady state was met."""


def new_id() -> str:
    """Return a new run id: UTC time and four hexadecimal digits."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def play(trial: Trial, options: Options, out: Path, kept: SystemReuse, signals: Signals) -> Outcome:
    """Make the run in a new folder of `out` and return its outcome. Raise PortError if the folder can't be written."""
    _import_what_follows()
    refuse_public_target(trial.scenario, trial.path, options.allow_target)
    if trial.scenario.system.is_own:
        substrate, why = own_substrate(trial.scenario.system)
        trial = replace(trial, substrate=substrate, why=why)
    run_id = new_id()
    folder = out / run_id
    try:
        seal = _prepare(trial, folder)
        with active_runs.registered(run_id, folder) as entry:
            kept.reaper.watch(
                run_id, folder, trial.substrate, active_runs.entry_path(run_id), active_runs.key_path(run_id)
            )
            try:
                _run(trial, options, folder, kept, signals, seal, entry)
            finally:
                unseal(folder)
        kept.release()
        return _conclude(folder, on_stdout=options.results_on_stdout)
    except OSError as error:
        again = _again(folder) if full(error) else ""
        raise PortError(f"{unwritable(error, folder)}{again}") from error


def _import_what_follows() -> None:
    """Import what a finished run needs: a package that is broken or shadowed must not cost a run its outcome."""
    for name in NEEDED_AFTER:
        importlib.import_module(name)


def _prepare(trial: Trial, folder: Path) -> Seal | None:
    """Create the run's folder with the resolved scenario and this machine's calibration, if any; return a drill's seal."""
    for part in ("", "samples", "logs"):
        (folder / part).mkdir(parents=True)
    text = yaml.safe_dump(trial.scenario.document(), sort_keys=False, allow_unicode=True)
    seal = None if trial.secret is None else Seal(folder)
    if seal:
        seal.write(folder / "scenario.yaml", text)
    else:
        atomic_file.write(folder / "scenario.yaml", text)
    layout = SystemLayout.of_topology(library.topology(trial.scenario), trial.scenario.system.entry_service)
    atomic_file.write(folder / LAYOUT_FILE, layout.text())
    calibration = active_runs.state() / f"calibration-{trial.substrate}.json"
    if calibration.is_file():
        shutil.copyfile(calibration, folder / "calibration.json")
    return seal


def _run(
    trial: Trial,
    options: Options,
    folder: Path,
    kept: SystemReuse,
    signals: Signals,
    seal: Seal | None,
    entry: active_runs.Entry,
) -> None:
    """Run the trial; keep `entry` if something was left. Raise OSError if the journal's end can't be written."""
    from gameday.execution import on_call
    from gameday.execution.own.own_wiring import own_operator
    from gameday.execution.wiring import operator, world
    from gameday.recording.clock import RunClock
    from gameday.recording.samples import read_samples
    from gameday.run.interpreter import Interpreter

    clock, scenario = RunClock(), trial.scenario
    settings = _settings(trial, options, folder)
    with _screen(trial, folder, options) as screen, shown(options.console, folder, scenario, clock) as live:
        journal = _journal(folder, live.listener(screen.event), seal)
        started = clock.started.isoformat(timespec="milliseconds")
        journal.append(_started(trial, options, folder.name, started))
        if options.toxiproxy:
            journal.append(Note(text=REAL_TOXIPROXY, by="gameday", t=clock.now()))

        def progress(text: str) -> None:
            screen.event(Note(text=text, by="gameday", t=clock.now()))

        def make(*parts: Any) -> Any:
            if scenario.system.is_own:
                return own_operator(scenario, settings.run, folder, *parts)
            return operator(scenario, settings, *parts)

        operating = kept.operator(wanted(scenario), make, folder / "work", journal, clock, progress)
        pages = on_call.PageDelivery(folder.name, scenario, options.page_to, kept.reaper, journal, clock)
        interpreter = Interpreter(
            world(scenario, settings, clock, journal, screen, pages, operating, kept.down)
        )
        live.interpreter = interpreter
        samples = functools.partial(read_samples, folder / "samples")
        kept.reaper.pulse = interpreter.turning
        try:
            with on_call.operator_api(folder.name, interpreter, samples):
                with signals.to(interpreter.interrupt):
                    if interpreter.run().left:
                        entry.stay()
        finally:
            pages.close()
            journal.close()
        library.keep_releases(operating.feed(), folder / "releases")


def _again(folder: Path) -> str:
    """Return what to type once the disk has room; "" if there is no journal to close."""
    if not (folder / "journal.jsonl").is_file():
        return ""
    named = shlex.quote(str(folder))
    return f"\nthen: gameday heal {named} && gameday report {named}"


def _settings(trial: Trial, options: Options, folder: Path) -> Any:
    from gameday.execution.wiring import JITTER, Settings

    within = JITTER if trial.secret is None else trial.secret
    secret = trial.secret is not None
    return Settings(
        folder.name, folder, trial.seed, trial.substrate, options.toxiproxy, within, secret, trial.held
    )


def _journal(folder: Path, listener: Any, seal: Seal | None) -> Any:
    from gameday.recording.journal import Journal

    path = folder / "journal.jsonl"
    return Journal(seal.path(path), listener, seal.line) if seal else Journal(path, listener)


def _started(trial: Trial, options: Options, run: str, started: str) -> RunStarted:
    """Return the first event of the run's journal, with the time of the machine's probe."""
    from gameday.host.machine_probe import probe

    scenario = trial.scenario
    return RunStarted(
        run,
        scenario=scenario.name,
        title=scenario.title,
        substrate=trial.substrate,
        why=trial.why,
        seed=trial.seed,
        started=started,
        version=version("gameday-runner"),
        host=f"{platform.system()} {platform.release()} on {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}",
        command=_command(trial, options),
        responder=scenario.respond.by,
        policy=scenario.respond.policy,
        links=options.toxiproxy or "embedded",
        probe_s=probe(),
    )


def _command(trial: Trial, options: Options) -> str:
    """Return the command line that repeats this run."""
    bundled = library.paths().get(trial.path.stem) == trial.path
    words = ["gameday", "run", trial.path.stem if bundled else str(trial.path)]
    words += [] if trial.scenario.system.is_own else ["--substrate", trial.substrate]
    words += ["--seed", str(trial.seed)]
    variant = trial.scenario.name.removeprefix(f"{trial.path.stem}-")
    words += ["--variant", variant] if bundled and variant != trial.scenario.name else []
    words += [word for key, value in options.overrides.items() for word in ("--set", f"{key}={value}")]
    words += ["--responder", options.responder] if options.responder else []
    words += ["--toxiproxy-server", options.toxiproxy] if options.toxiproxy else []
    return shlex.join(words)


@contextmanager
def _screen(trial: Trial, folder: Path, options: Options) -> Iterator[Any]:
    from gameday.console.progress import LiveScreen, OnCallScreen, PlainScreen, recent_load
    from gameday.recording.samples import read_samples

    console = rich_console.console(stderr=True)
    screen: PlainScreen | LiveScreen = PlainScreen(console)
    if trial.secret is not None:
        screen = OnCallScreen(console, trial.scenario.runbook)
    elif console.is_terminal and not options.as_json:
        screen = LiveScreen(console, recent_load(lambda: read_samples(folder / "samples")))
    try:
        yield screen
    finally:
        screen.close()


def _conclude(folder: Path, *, on_stdout: bool = True) -> Outcome:
    """Write outcome, report and review from what the run left on disk, and print the last lines."""
    from gameday.analysis import write_outcome
    from gameday.console.run_summary import lines, review_lines
    from gameday.console.standard_streams import result_console
    from gameday_reports.charts.drawing_process import DRAWING
    from gameday_reports.run_page.render import report_run

    DRAWING.start()
    outcome = write_outcome(folder)
    report, review = report_run(folder)
    console = result_console(on_stdout=on_stdout)
    for line in (*lines(outcome, report), *review_lines(review.path, review.kept)):
        console.print(line, soft_wrap=True)
    return outcome
