"""`gameday suite`: many scenarios one after the other, in trials, held against a baseline; the regression run of CI.

Which scenarios and in which order is `plan`, one trial is `play`; what they came to is `runner.measure.suite`, and what
is written of it `leave`. Here: what runs when, what is run again, and when to stop.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import click

from runner.cli.keep import Kept, Signals, wanted
from runner.cli.leave import Done, leave
from runner.cli.plan import Turn, selected, spoken, turns
from runner.cli.play import Options, Trial, new_id, play
from runner.cli.run import EXECUTABLE, _chosen, _writable
from runner.located import Invalid, Problem
from runner.measure.suite import Attempt, Entry
from runner.measure.verdict import INCONCLUSIVE, INTERRUPTED, PASS
from runner.ports import PortError
from runner.scenario.units import seconds

EPILOG = """\b
Examples:
  gameday suite --tag ci                       every scenario of the library with this tag
  gameday suite region scenarios/mine/         a family of the library, and a folder
  gameday suite --tag ci --repeat 6 --save-baseline baseline.json
  gameday suite --tag ci --repeat 6 --baseline baseline.json     exit 1 on a regression
  gameday suite --tag ci --retry-inconclusive 1 --max-duration 20m --fail-fast
  gameday suite bad-deploy region --pause 10m  a game day: a room talks in between
  gameday suite --tag ci --dry-run             what would run, in which order, for how long"""


def _seconds(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    try:
        return None if value is None else seconds(value)
    except ValueError as error:
        raise click.BadParameter(str(error).replace("\n", "; ")) from error


@dataclass(frozen=True)
class Rules:
    """`most` and `pause` in seconds; `retries` of an inconclusive trial, never of a failed one."""

    fail_fast: bool = False
    most: float | None = None
    pause: float | None = None
    retries: int = 0


@click.command(epilog=EPILOG)
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO|FOLDER]...")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only scenarios with it; several: with any of them.")
@click.option("--repeat", type=click.IntRange(1, 1000), default=1, help="Trials of each scenario, one seed each.")
@click.option("--fail-fast", is_flag=True, help="Begin nothing more after the first trial that failed.")
@click.option("--max-duration", "most", callback=_seconds, metavar="TIME", help="Begin nothing that would end later.")
@click.option("--pause", callback=_seconds, metavar="TIME", help="Between two scenarios, for a room to talk.")
@click.option("--retry-inconclusive", "retries", type=click.IntRange(0, 10), default=0, help="Times; never a failure.")
@click.option("--baseline", type=click.Path(dir_okay=False, path_type=Path), help="Fail where it became slower.")
@click.option(
    "--save-baseline", "save", type=click.Path(dir_okay=False, path_type=Path), help="Keep what was measured."
)
@click.option("--substrate", type=click.Choice(["auto", "docker", "process"]), default="auto", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs"), show_default=True, help="Where it goes.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Repeats the same arrivals; drawn and told unless set.")
@click.option("--toxiproxy-server", "toxiproxy", type=EXECUTABLE, help="Run this Toxiproxy, not the embedded server.")
@click.option("--dry-run", is_flag=True, help="Check everything and say what would run; start nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print suite.json on standard output.")
def suite(
    scenarios: tuple[str, ...],
    tags: tuple[str, ...],
    repeat: int,
    fail_fast: bool,
    most: float | None,
    pause: float | None,
    retries: int,
    baseline: Path | None,
    save: Path | None,
    substrate: Literal["auto", "docker", "process"],
    out: Path,
    seed: int | None,
    toxiproxy: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Run scenarios (paths, names, folders, families; the whole library unless named) one after the other.

    The system stays up between trials and between scenarios that want the same one. Writes suite.html, suite.json,
    suite.md and junit.xml into one folder; one exit status for all.
    """
    options = Options(substrate, out, seed, {}, None, as_json, toxiproxy)
    planned = turns(selected(scenarios, tags, options), repeat)
    base = None if baseline is None else _baseline(baseline)
    rules = Rules(fail_fast, most, pause, retries)
    if dry_run:
        _told(planned, repeat, rules)
        return PASS
    for place in (out, *([save.parent] if save else [])):
        _writable(place)
    substrate_, why, options = _chosen(options)
    drawn = secrets.randbelow(2**31 - 1000) if seed is None else seed
    with Signals().caught() as signals:
        series = Series(planned, rules, options, out / f"{new_id()}-suite", signals, (substrate_, why), drawn)
        try:
            series.run()
        finally:
            status = leave(series.done(), base, save, as_json=as_json)
    return INTERRUPTED if signals.asked else status


def _baseline(path: Path) -> tuple[Path, Mapping[str, Any]]:
    """Read before anything is started. Raises Invalid."""
    from runner.measure.baseline import read

    try:
        return path, read(path)
    except ValueError as error:
        hint = "a baseline is made by gameday suite --save-baseline"
        raise Invalid([Problem(str(path), 0, 0, str(error), hint)]) from error


def _told(planned: Sequence[Turn], repeat: int, rules: Rules) -> None:
    for turn in planned[::repeat]:
        times = f"{repeat} × " if repeat > 1 else ""
        click.echo(f"{turn.name}: {turn.chosen.path}: ok; about {times}{turn.expected:.0f} s")
    pauses = (rules.pause or 0.0) * (len(planned) // repeat - 1)
    total = sum(turn.expected for turn in planned) + pauses
    click.echo(f"about {spoken(total)} in all")
    if rules.most is not None and total > rules.most:
        click.echo(f"more than --max-duration {spoken(rules.most)}: what doesn't fit is left out, exit status 3")


@dataclass
class Series:
    """The trials of a suite as they are made. `done` may be asked for at any time, also after it was broken off."""

    planned: Sequence[Turn]
    rules: Rules
    options: Options
    folder: Path
    signals: Signals
    substrate: tuple[str, str]
    seed: int
    attempts: dict[str, list[Attempt]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    broken: str = ""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    _began: float = field(default_factory=time.monotonic)
    _expected: float = 0.0
    _paused: float = 0.0

    def run(self) -> None:
        """Makes every trial, or as many as may be begun."""
        kept = Kept()
        try:
            self._all(kept)
        except PortError as error:
            self.broken = str(error)
        finally:
            kept.finish()

    def done(self) -> Done:
        """What there is so far."""
        entries = [self._entry(turn) for turn in self.planned if turn.number == 0]
        return Done(self.folder, self._about(), entries, self.signals.asked is not None, self.broken)

    def _all(self, kept: Kept) -> None:
        for index, turn in enumerate(self.planned):
            if index and turn.number == 0 and self.rules.pause:
                self._pause(self.rules.pause, turn)
            if stop := self._stop(turn):
                self.missing = {each.name: stop for each in self.planned[index:]}
                return
            after = self.planned[index + 1 :]
            kept.then = wanted(after[0].chosen.scenario) if after else None
            self._say(index)
            self._trial(turn, kept)

    def _trial(self, turn: Turn, kept: Kept) -> None:
        """Again where it was inconclusive and may be made again: with the same seed, so that it is the same trial."""
        trial = Trial(turn.chosen.path, turn.chosen.scenario, self.seed + turn.number, *self.substrate)
        options = replace(self.options, variant=turn.chosen.variant)
        own = self.attempts.setdefault(turn.name, [])
        for retries in range(self.rules.retries, -1, -1):
            self._expected += turn.expected
            outcome = play(trial, options, self.folder / turn.home, kept, self.signals)
            again = retries > 0 and outcome["exit_status"] == INCONCLUSIVE and not self._stop(turn)
            own.append(self._attempt(turn, outcome, again))
            self.done().keep()
            if not again:
                return
            click.echo(f"suite  {turn.name} was inconclusive, so it is run again", err=True)

    def _attempt(self, turn: Turn, outcome: Mapping[str, Any], again: bool) -> Attempt:
        from runner.measure.baseline import ground

        folder = turn.home / str(outcome["run"]["id"])
        try:
            found = ground(self.folder / folder, outcome)
        except (OSError, ValueError, LookupError):  # a run that broke off may have left nothing to read
            found = {}
        return Attempt(outcome, folder.as_posix(), found, again)

    def _entry(self, turn: Turn) -> Entry:
        scenario, own = turn.chosen.scenario, self.attempts.get(turn.name, [])
        trials = sum(each.name == turn.name for each in self.planned)
        variants = {each.name for each in self.planned if each.chosen.path == turn.chosen.path and each.chosen.variant}
        counted = [each for each in own if not each.retried]
        report = Path(counted[0].folder, "report.html") if counted else None
        missing = self.missing.get(turn.name) or (self.broken if len(counted) < trials else "")
        return Entry(
            scenario.name,
            scenario.title,
            _shown(turn.chosen.path),
            trials,
            own,
            variant=turn.chosen.variant,
            tags=scenario.tags,
            report=(turn.home / "trials.html" if len(counted) > 1 else report).as_posix() if report else None,
            matrix=(turn.home.parent / "matrix.html").as_posix() if variants & self.attempts.keys() else None,
            missing=missing,
        )

    def _about(self) -> dict[str, Any]:
        made = [each.outcome["run"] for own in self.attempts.values() for each in own]
        return {
            "id": self.folder.name,
            "started": self.started.isoformat(timespec="seconds"),
            "duration_s": round(time.monotonic() - self._began, 3),
            "version": version("gameday-runner"),
            "host": next((run["host"] for run in made if run.get("host")), None),
            "substrate": self.substrate[0],
            "why": self.substrate[1],
            "seed": self.seed,
        }

    def _stop(self, turn: Turn) -> str:
        """Why nothing more may begin; empty while it may."""
        if self.signals.asked:
            return f"interrupted by {self.signals.asked}"
        made = [each.outcome for own in self.attempts.values() for each in own]
        if self.rules.fail_fast and any(each["exit_status"] not in (PASS, INCONCLUSIVE) for each in made):
            return "an earlier trial failed (--fail-fast)"
        most = self.rules.most
        if most is not None and time.monotonic() - self._began + turn.expected > most:
            return f"it would have ended after --max-duration, {spoken(most)}"
        return ""

    def _pause(self, most: float, turn: Turn) -> None:
        """Ends early on a signal."""
        click.echo(f"suite  {spoken(most)} of pause before {turn.name}", err=True)
        over, began = threading.Event(), time.monotonic()
        with self.signals.to(lambda _: over.set()):
            over.wait(most)
        self._paused += time.monotonic() - began

    def _say(self, index: int) -> None:
        """Which trial it is, and the time left, by how long the earlier ones took against what was expected."""
        turn, rest = self.planned[index], self.planned[index:]
        spent = time.monotonic() - self._began - self._paused
        pace = spent / self._expected if self._expected else 1.0
        left = pace * sum(each.expected for each in rest)
        left += (self.rules.pause or 0.0) * sum(each.number == 0 for each in rest[1:])
        trials = sum(each.name == turn.name for each in self.planned)
        which = f", trial {turn.number + 1} of {trials}" if trials > 1 else ""
        click.echo(
            f"suite  {index + 1} of {len(self.planned)}: {turn.name}{which}; about {spoken(left)} left", err=True
        )


def _shown(path: Path) -> str:
    """From the working directory, where it is below it: what CI servers link to."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)
