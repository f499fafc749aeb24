"""Commands that remove what a run left behind, for people to type."""

from __future__ import annotations

import shlex

COMMANDS = {
    "process": "kill -9",
    "container": "docker rm --force --volumes",
    "network": "docker network rm",
    "volume": "docker volume rm --force",
    "image": "docker image rm --force",
}


def removal_command(run: str, left: str) -> str:
    """Return the command that removes one leftover of a run, such as `container abc: why`.

    A network whose engine miscounts its endpoints can be removed only after a restart of the engine.
    """
    kind, _, name = left.partition(" ")
    if "active endpoints" in left:
        return f"gameday heal {run}  (after a restart of the Docker engine)"
    if left.startswith("/"):
        return f"sudo rm -r {shlex.quote(left)}"
    return f"{COMMANDS[kind]} {name.split(':')[0]}" if kind in COMMANDS else f"gameday heal {run}"
