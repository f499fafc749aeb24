"""Programs of Prometheus and Alertmanager on PATH, by the names that upstream and Debian give them."""

from __future__ import annotations

import shutil

NAMES = {"Prometheus": ("prometheus",), "Alertmanager": ("alertmanager", "prometheus-alertmanager")}
HINT = "apt-get install prometheus prometheus-alertmanager, or put both programs on PATH"


def find(program: str) -> str | None:
    """Return the path of Prometheus or Alertmanager, None if it isn't on PATH."""
    return next((path for name in NAMES[program] if (path := shutil.which(name))), None)


def missing() -> list[str]:
    """Return the programs that aren't on PATH, each with the names that were looked for."""
    return [f"{program} ({' or '.join(names)})" for program, names in NAMES.items() if find(program) is None]
