"""Table of the commands, grouped by use, and the click group that imports a command only when it is called.

The help lists the summaries of the table, so that it imports no command: `gameday --help` stays fast.
"""

from __future__ import annotations

import difflib
import importlib
from dataclasses import dataclass

import click

EPILOG = """\b
Examples:
  gameday run bad-deploy-pricing               the main command: needs no Docker
  gameday run bad-deploy-pricing --substrate docker
  gameday run my-scenario.yaml --set load.rate=120/s --out /tmp/runs
  gameday suite --tag ci --repeat 6            several scenarios; one page, junit.xml, one exit status
  gameday validate scenarios/**/*.yaml         every error, with file:line:column
  gameday report runs/20260102-030405-ab12     the report again, from disk alone
  gameday abort                                end the run in progress

\b
Exit status: 0 pass, 1 failed expectation or never recovered, 2 usage or invalid
scenario, 3 inconclusive, 4 tool or substrate failed, 5 something left behind,
130 interrupted and cleaned up."""
CLOSE = 0.6
"""How similar a name must be to be suggested."""


@dataclass(frozen=True)
class CommandEntry:
    """A command: its object as `module:name` below `gameday.cli`, and its line in the help."""

    object: str
    summary: str

    def load(self) -> click.Command:
        """Import the command."""
        module, _, name = self.object.partition(":")
        command: click.Command = getattr(importlib.import_module(f"gameday.cli.{module}"), name)
        command.short_help = self.summary
        return command


SECTIONS = {
    "Run": {
        "run": CommandEntry("run:run", "Run scenarios: system up, load, fault, response, report."),
        "suite": CommandEntry(
            "suite:suite", "Run many scenarios in trials, and compare them with a baseline."
        ),
        "drill": CommandEntry("drill:drill", "Time the on-call, who knows neither the fault nor its moment."),
        "day": CommandEntry("game_days.day:day", "Run a game day: an agenda of scenarios, with live pages."),
        "up": CommandEntry("up:up", "Bring up the system of a scenario, without a fault."),
        "down": CommandEntry("up:down", "Tear down what `gameday up` brought up."),
        "abort": CommandEntry("abort:abort", "End a run in progress, from any terminal."),
    },
    "Operate": {
        "status": CommandEntry(
            "operate:status", "Show alerts, SLOs, changes, regions and operations of a run."
        ),
        "ack": CommandEntry("operate:ack", "Acknowledge a page, or every page."),
        "rollback": CommandEntry("operate:rollback", "Roll back a change of a service."),
        "failover": CommandEntry("operate:failover", "Send no more traffic to a region."),
        "promote": CommandEntry("operate:promote", "Let the database of a region take the writes."),
        "rejoin": CommandEntry(
            "operate:rejoin", "Bring a region back: its database follows, traffic returns."
        ),
        "restart": CommandEntry("operate:restart", "Kill and start every instance of a service."),
        "flag": CommandEntry("operate:flag", "Switch a feature flag."),
        "note": CommandEntry("operate:note", "Put a line on the timeline of a run."),
        "diagnose": CommandEntry("operate:diagnose", "Name the cause; the review scores it."),
        "canary": CommandEntry("operate:canary", "Promote, pause or abort a canary."),
    },
    "Analyse": {
        "replay": CommandEntry(
            "game_days.run_replay:replay", "Show a recorded run on the live page, for a debrief."
        ),
        "report": CommandEntry("report:report", "Make outcome, report and review of a run again, from disk."),
        "compare": CommandEntry("compare:compare", "Compare two sets of runs: is the new one worse?"),
        "trace": CommandEntry(
            "guardrails.trace_command:trace", "Trace a change of a run from prompt to incident."
        ),
        "history": CommandEntry("history:history", "Show the trend of every scenario, by quarter."),
    },
    "Maintain": {
        "init": CommandEntry(
            "own_systems.init:init", "Write first scenarios for your own system, or a first game day."
        ),
        "discover": CommandEntry(
            "own_systems.init:discover", "List the services of a Compose project, and their links."
        ),
        "list": CommandEntry("scenarios:list_", "List the scenarios of the library."),
        "show": CommandEntry("scenarios:show", "Print a scenario with every default, and the diff it ships."),
        "validate": CommandEntry("scenarios:validate", "Check scenarios and the releases they ship."),
        "gate": CommandEntry(
            "guardrails.gate_command:gate", "Run the gates on commits of your own repository."
        ),
        "policy": CommandEntry(
            "guardrails.policy_command:policy", "Test the policies of changes: every rule has examples."
        ),
        "schema": CommandEntry("scenarios:schema", "Print the JSON Schema of scenarios, or of result files."),
        "doctor": CommandEntry("upkeep:doctor", "Check what this machine can run, and what is missing."),
        "calibrate": CommandEntry("calibrate:calibrate", "Measure the error of this machine's clocks."),
        "heal": CommandEntry("heal:heal", "Remove what killed runs left behind."),
        "prune": CommandEntry("upkeep:prune", "Remove old runs, and what the cache no longer needs."),
    },
}
"""Section of the help → name → command."""
COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


class Commands(click.Group):
    """The commands of the table, and one for each operation that a plug-in registers."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from gameday.registries import OPERATIONS, OWN

        plugins = {name for name in OPERATIONS if OPERATIONS.source(name) != OWN}
        return [*COMMANDS, *sorted(plugins - set(COMMANDS))]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that `args` name. Load the plug-in of an operation only if its command is called."""
        from gameday.registries import OPERATIONS

        name = args[0] if args else ""
        if name in COMMANDS or name.startswith("-"):
            return super().resolve_command(ctx, args)
        if name in OPERATIONS:
            from gameday.cli.operate import plugin_command

            return name, plugin_command(name), args[1:]
        close = difflib.get_close_matches(name, self.list_commands(ctx), 1, CLOSE)
        hint = f"did you mean {close[0]}?" if close else "gameday --help lists the commands."
        return ctx.fail(f"No such command {name!r}; {hint}")

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command by its name; for a plug-in's operation one that has only the line of the help."""
        if name in COMMANDS:
            return COMMANDS[name].load()
        from gameday.registries import OPERATIONS

        source = OPERATIONS.source(name)
        return click.Command(name, short_help=f"Operation of {source}.") if source else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section."""
        width = max(map(len, COMMANDS))
        plugins = [name for name in self.list_commands(ctx) if name not in COMMANDS]
        for title, entries in SECTIONS.items():
            rows = [(name.ljust(width), entry.summary) for name, entry in entries.items()]
            if title == "Operate":
                commands = [(name, self.get_command(ctx, name)) for name in plugins]
                rows += [(name, command.get_short_help_str()) for name, command in commands if command]
            with formatter.section(title):
                formatter.write_dl(rows)


@click.group(
    cls=Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="gameday-runner", prog_name="gameday")
def gameday() -> None:
    """Chaos and rollback game days: how long until you know, how long until users are well, and was an order lost?"""
