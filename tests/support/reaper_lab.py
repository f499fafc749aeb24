"""A runner to be killed, with a reaper, a run folder, and processes of the run of every kind that
is hard to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from gameday.recording.journal import Event, Journal, read_journal
from gameday.substrates.process.process_tree import outlasting, strays, sweep
from gameday.substrates.process.runtime_folder import existing, make, runtime_folder
from tests.support.journals import typed_event
from tests.support.paths import SOURCE_PATH

PATIENCE_S = 30.0
CHILD = """
import signal, subprocess, sys
grandchild = "import signal; signal.signal(signal.SIGTERM, signal.Handlers.{}); print(1, flush=True); signal.pause()"
subprocess.Popen([sys.executable, "-c", grandchild], stdout=subprocess.PIPE, start_new_session=True).stdout.readline()
print("ready", flush=True)
signal.pause()
"""
RUNNER = """
import json, os, signal, subprocess, sys
from pathlib import Path
from gameday.reaper.reaper_process import Reaper
told = json.loads(sys.argv[1])
reaper = Reaper(look_s=told["look_s"], beat_s=told["beat_s"])
for each in told["runs"]:
    reaper.watch(each["run"], Path(each["folder"]), told["substrate"], Path(each["entry"]), Path(each["key"]))
for key, url in told["owed"].items():
    reaper.leave_request(key, url, {"event_action": "resolve"}, {"X-Key": key})
for key in told["paid"]:
    reaper.cancel_request(key)
for key, url in told["pages"].items():
    reaper.leave_request(key, url, {"event_action": "resolve"}, run=told["runs"][0]["run"], alert=key)
for key in told["refused"]:
    reaper.make_later(key)
for each in told["runs"]:
    children = []
    for _ in range(2):
        environment = {**os.environ, "GAMEDAY_RUN": each["run"]}
        command = [sys.executable, "-c", told["child"]]
        children.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, start_new_session=True))
        children[-1].stdout.readline()
    children[-1].send_signal(signal.SIGSTOP)
print(reaper.pid, flush=True)
for line in sys.stdin:
    if line == "pid\\n":
        print(reaper.pid, flush=True)
    if line == "hang\\n":
        reaper.pulse = lambda: False
        print("hangs", flush=True)
    if line == "dismiss\\n":
        reaper.dismiss()
        print("dismissed", flush=True)
    if line == "fail\\n":
        with reaper:
            raise SystemExit(4)
"""


@dataclass
class Run:
    """A run's folders with a truncated journal, its entry in the list of runs, and the operators'
    token."""

    root: Path
    id: str = field(default_factory=lambda: f"test-{uuid.uuid4().hex[:8]}")

    def __post_init__(self) -> None:
        self.work.mkdir(parents=True)
        (self.work / "names.json").write_text("{}")
        self.entry.parent.mkdir(parents=True, exist_ok=True)
        self.entry.write_text(
            json.dumps({"run": self.id, "pid": 1, "created": 0.0, "folder": str(self.folder)})
        )
        self.key.parent.mkdir(parents=True, exist_ok=True)
        self.key.write_text("{}")
        journal = Journal(self.folder / "journal.jsonl")
        started = datetime.now(UTC).isoformat(timespec="milliseconds")
        journal.append(typed_event(0.0, "run.started", self.id, {"started": started, "substrate": "process"}))
        journal.append(typed_event(0.0, "phase", "up"))
        journal.append(
            typed_event(0.1, "fault.intended", "f1", {"kind": "link.down", "target": "a", "undo": {}})
        )
        journal.close()
        with (self.folder / "journal.jsonl").open("a") as file:
            file.write('{"t":0.2,"kind":"po')

    @property
    def folder(self) -> Path:
        return self.root / self.id

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def entry(self) -> Path:
        return self.root / "state" / "gameday" / "active" / f"{self.id}.json"

    def make_runtime_folder(self) -> None:
        """Make the folder below the system's temporary folder, with a file in it."""
        make(runtime_folder(self.id))
        (runtime_folder(self.id) / "pgpass").touch()

    @property
    def key(self) -> Path:
        return self.root / "state" / "gameday" / "doors" / f"{self.id}.json"

    def page(self, *alerts: str) -> None:
        """Put delivered pages into the journal, before its half-written last line."""
        journal = self.folder / "journal.jsonl"
        whole, _, rest = journal.read_text().rpartition("\n")
        events = (typed_event(0.2, "page.delivered", alert, {"to": "json at 127.0.0.1"}) for alert in alerts)
        journal.write_text("\n".join((whole, *(event.to_event().line() for event in events), rest)))

    def events(self, kind: str) -> list[Event]:
        return [event for event in read_journal(self.folder / "journal.jsonl") if event.kind == kind]

    def gone(self) -> bool:
        """Return whether the run left nothing behind and its journal says so."""
        cleanup = [event.data for event in self.events("cleanup")]
        clean = cleanup == [{"clean": True, "left": []}] and self.events("phase")[-1].subject == "done"
        paths = [self.work, self.entry, self.key, *existing(self.id)]
        return clean and not strays(self.id) and not any(path.exists() for path in paths)


@dataclass
class Runner:
    """The runner's process, and its `reaper`'s."""

    process: subprocess.Popen[str]
    reaper: psutil.Process

    def ask(self, command: str) -> str:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def await_reaper(self) -> None:
        """Wait until the reaper has ended."""
        assert outlasting([self.reaper], PATIENCE_S) == []


@contextmanager
def runner(
    *runs: Run,
    look_s: float = 10.0,
    beat_s: float = 2.0,
    substrate: str = "process",
    owed: Mapping[str, str] | None = None,
    paid: Sequence[str] = (),
    pages: Mapping[str, str] | None = None,
    refused: Sequence[str] = (),
    deaf: bool = False,
) -> Iterator[Runner]:
    """Start a runner with four processes a run, `deaf` ones among them; end what is left of it when
    the test ends."""
    by_name: dict[str, Any] = {
        "runs": [
            {"run": run.id, "folder": str(run.folder), "entry": str(run.entry), "key": str(run.key)}
            for run in runs
        ],
        "look_s": look_s,
        "beat_s": beat_s,
        "substrate": substrate,
        "owed": dict(owed or {}),
        "paid": list(paid),
        "pages": dict(pages or {}),
        "refused": list(refused),
        "child": CHILD.replace("{}", "SIG_IGN" if deaf else "SIG_DFL"),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", RUNNER, json.dumps(by_name)],
        env={**os.environ, "PYTHONPATH": SOURCE_PATH},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        yield Runner(process, psutil.Process(int(process.stdout.readline())))
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()
        for run in runs:
            assert sweep(run.id, 0) == []
