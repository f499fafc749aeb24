"""Runner of a game day: block after block, with the system kept up between scenarios that need the same one."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from gameday.analysis.outcome.run_verdict import ERROR, PRECEDENCE, worst
from gameday.execution import library
from gameday.execution.game_days.day_agenda import DayAgenda
from gameday.execution.game_days.day_results import write_results
from gameday.execution.game_days.day_state import BlockState, DayState, now
from gameday.execution.preparation import expected_seconds
from gameday.execution.system_reuse import Signals, SystemReuse, wanted
from gameday.execution.trial import Options, Trial, play
from gameday.scenario import Scenario
from gameday.scenario.game_days.game_day_plan import Block, GameDay
from gameday.scenario.yaml_document import Invalid

Play = Callable[..., Any]


def check_scenario(name: str) -> tuple[str, str, float]:
    """Return what is wrong with a plan's scenario, a hint, and the expected seconds of its run."""
    try:
        scenario = library.read(library.find(name))
    except Invalid as error:
        first = error.problems[0]
        return f"{name}: {first.message}", first.hint, 0.0
    if scenario.matrix:
        return f"{name} has a matrix", "a block is one run: name a scenario without one", 0.0
    return "", "", expected_seconds(scenario)


def scenario_of(block: Block) -> Scenario:
    """Return the scenario of a block, answered by people, with the block's hypothesis. Raise Invalid."""
    scenario = library.read(library.find(block.words))
    respond = scenario.respond.answered_by("human")
    changed: dict[str, Any] = {"respond": respond}
    if block.hypothesis:
        changed["hypothesis"] = block.hypothesis
    return scenario.model_copy(update=changed)


@dataclass
class DayRunner:
    """Runs the blocks that aren't done. `console` is the hub whose pages show them, `substrate` (name, reason).

    `secret` blocks keep their scenario off every page but the facilitator's. A block that was in progress if the process
    died begins anew; its first run stays listed.
    """

    plan: GameDay
    state: DayState
    agenda: DayAgenda
    options: Options
    console: Any
    substrate: tuple[str, str]
    play: Play = play

    def run(self) -> bool:
        """Run the day to its end; return False if a signal ended it before."""
        kept = SystemReuse()
        with Signals().caught() as signals:

            def stopped() -> bool:
                return signals.asked is not None

            try:
                for index in range(self.state.position, len(self.plan.blocks)):
                    self._show()
                    self.console.block = str(index)  # guesses are made before the block begins
                    if not self.agenda.wait_for(index, stopped):
                        break
                    self._run_block(index, kept, signals)
                    if signals.asked:
                        break
                else:
                    self._show()
                    if self.agenda.wait_for(len(self.plan.blocks), stopped):
                        self.state = replace(self.state, ended=now()).saved()
            finally:
                kept.finish()
                page = write_results(self.state.folder)
                click.echo(f"day      {page}", err=True)
        return signals.asked is None

    def exit_status(self) -> int:
        """Return the gravest exit status of the blocks' last runs, also of those before a restart.

        A run without an outcome is an error of the system.
        """
        last = [self.state.folder / block.runs[-1] for block in self.state.blocks if block.runs]
        return worst([_exit_status(folder) for folder in last])

    def _run_block(self, index: int, kept: SystemReuse, signals: Signals) -> None:
        """Run a block; one without a scenario is over once the next one starts."""
        block = self.plan.blocks[index]
        before = self.state.blocks[index]
        click.echo(
            f"day      block {index + 1} of {len(self.plan.blocks)}: {self.agenda.name(index)}", err=True
        )
        current = BlockState("current", now(), "", before.runs)
        self._set(index, current)
        if block.kind == "scenario":
            self._run_scenario(index, current, kept, signals)
            if signals.asked:
                return
        self._set(index, replace(self.state.blocks[index], state="done", ended=now()))

    def _run_scenario(self, index: int, current: BlockState, kept: SystemReuse, signals: Signals) -> None:
        block = self.plan.blocks[index]
        scenario = scenario_of(block)
        follows = next((each for each in self.plan.blocks[index + 1 :] if each.kind == "scenario"), None)
        kept.then = wanted(scenario_of(follows)) if follows else None
        self.console.secret = block.secret
        trial = Trial(
            library.find(block.words),
            scenario,
            secrets.randbelow(2**31 - 1000),
            *self.substrate,
            held=block.inject == "facilitator",
        )
        out = self.state.folder
        known = set(out.iterdir())
        try:
            self.play(trial, replace(self.options, console=self.console), out, kept, signals)
        finally:
            made = [path.name for path in sorted(out.iterdir()) if path not in known and _is_run(path)]
            self._set(index, replace(current, runs=(*current.runs, *made)))
            write_results(out)

    def _set(self, index: int, block: BlockState) -> None:
        self.state = self.state.with_block(index, block)
        self._show()

    def _show(self) -> None:
        self.agenda.state = self.state


def _exit_status(folder: Path) -> int:
    try:
        status = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))["exit_status"]
    except (OSError, ValueError, LookupError, TypeError):
        return ERROR
    return status if isinstance(status, int) and status in PRECEDENCE else ERROR


def _is_run(path: Path) -> bool:
    return (path / "journal.jsonl").is_file()
