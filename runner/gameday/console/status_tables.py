"""Status of a run as tables for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gameday.console import rich_console

Row = Mapping[str, Any]
OPTIONAL = ("suspects",)
"""Tables that are left out if they are empty."""
TONES = {
    **dict.fromkeys(("ok", "done", "up"), "green"),
    **dict.fromkeys(("breach", "failed", "refused", "down"), "red"),
    **dict.fromkeys(("unknown", "running", "accepted", "rolled-back", "drained"), "yellow"),
}


def show(status: Mapping[str, Any]) -> None:
    """Print the answer of the operators' API to /v1/status."""
    console = rich_console.console()
    now = float(status["now"])
    console.print(
        Text(f"run {status['run']}  {status['phase']}, {_span(now)} since its start"), soft_wrap=True
    )
    if status.get("runbook"):
        console.print(Text(f"runbook {status['runbook']}"), soft_wrap=True)
    for title, name, columns in _tables(now):
        if name in OPTIONAL and not status.get(name):
            continue
        _section(title, status.get(name, ()), columns, console)


Columns = Sequence[tuple[str, Callable[[Row], Any]]]


def _tables(now: float) -> Sequence[tuple[str, str, Columns]]:
    age: Callable[[Row], str] = lambda row: f"{_span(now - row['t'])} ago"  # noqa: E731  (a column, like the others)
    return (
        ("Pages", "alerts", (("id", _of("id")), ("since", age), ("SLO", _of("slo")), ("", _page))),
        (
            "SLOs",
            "slos",
            (("SLO", _of("name")), ("state", _of("state")), ("objective", _objective), ("bad", _bad)),
        ),
        (
            "Changes",
            "changes",
            (("id", _of("id")), ("when", age), ("state", _of("state")), ("by", _author), ("", _change)),
        ),
        (
            "Suspects",
            "suspects",
            (("id", _of("change")), ("odds", _odds), ("release", _of("release")), ("", _evidence)),
        ),
        ("Regions", "regions", (("region", _of("region")), ("state", _health), ("database", _database))),
        (
            "Operations",
            "operations",
            (("id", _of("id")), ("state", _of("state")), ("by", _of("by")), ("", _operation)),
        ),
    )


def _section(title: str, rows: Sequence[Row], columns: Columns, console: Console) -> None:
    console.print()
    if not rows:
        console.print(Text(f"{title}: none", style="dim"))
        return
    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, header_style="dim", pad_edge=False
    )
    for heading, _ in columns:
        table.add_column(heading, overflow="fold", no_wrap=heading not in ("", "by"))
    for row in rows:
        table.add_row(*(_cell(str(value(row))) for _, value in columns))
    console.print(table)


def _cell(text: str) -> Text:
    return Text(text, style=TONES.get(text, ""))


def _of(name: str) -> Callable[[Row], Any]:
    return lambda row: row[name]


def _page(row: Row) -> str:
    where = f" [{row['region']}]" if row["region"] else ""
    state = f"acknowledged by {row['acknowledged_by']}" if row["acknowledged_by"] else "not acknowledged"
    return f"{row['summary']}{where}; {state}"


def _objective(row: Row) -> str:
    return f"{100 * float(row['objective']):.6g}%"


def _bad(row: Row) -> str:
    return f"{row['bad']} of {row['requests']}"


def _author(row: Row) -> str:
    """Return the author of a change; of a rollback, who ordered it."""
    return str(row["by"] if row["rollback_of"] else row["author"] or row["by"])


def _change(row: Row) -> str:
    back = f" (rolls {row['rollback_of']} back)" if row["rollback_of"] else ""
    return f"{row['service']} {row['previous']} -> {row['release']}: {row['summary']}{back}"


def _odds(row: Row) -> str:
    return f"{100 * float(row['odds']):.0f} %"


def _evidence(row: Row) -> str:
    """Return how many requests with the change were bad, and without it."""
    return f"bad: {row['bad']} of {row['requests']} with it, {row['bad_without']} of {row['requests_without']} without"


def _health(row: Row) -> str:
    return "drained" if row["drained"] else "up" if row["up"] else "down"


def _database(row: Row) -> str:
    return ("primary" if row["primary"] else "standby") + ("" if row["database"] else ", unreachable")


def _operation(row: Row) -> str:
    text = f": {row['text']}" if row["text"] else ""
    why = f" ({row['why']})" if row["why"] else ""
    return f"{row['name']} {row['target']}".strip() + text + why


def _span(seconds: float) -> str:
    """Return a duration such as 12 s, 3 min 4 s or 1 h 2 min."""
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
