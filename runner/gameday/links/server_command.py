"""Command line of a link server: the embedded one, or a real `toxiproxy-server`. Starting it is the substrate's."""

from __future__ import annotations

import pathlib
import shutil

from gameday.host.child_python import child_command

_REAL_NAME = "toxiproxy-server"


def server_command(
    toxiproxy_server: str | None, host: str, port: int, names: pathlib.Path | None
) -> list[str]:
    """Return the argv of a link server whose API listens on `host:port`; `toxiproxy_server` is a real one's path, or None.

    `names` is the embedded server's names table; a real one has none (see `follows_names`).
    """
    if toxiproxy_server is not None:
        return [toxiproxy_server, "-host", host, "-port", str(port)]
    argv = child_command("-m", "gameday.links.server", "--host", host, "--port", str(port))
    return argv if names is None else [*argv, "--names", str(names)]


def find_real() -> str | None:
    """Return the path of a real Toxiproxy server on PATH, or None if there is none."""
    return shutil.which(_REAL_NAME)


def follows_names(toxiproxy_server: str | None) -> bool:
    """Return True if the server resolves upstreams by a name table, so that a deploy needn't touch its proxies."""
    return toxiproxy_server is None
