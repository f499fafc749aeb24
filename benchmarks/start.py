"""How long from the command to the first answered request, and how long to take everything down.

    python benchmarks/start.py [--runs 3] [--docker]

Each substrate is timed through the same operator that a run uses; with --docker, `docker-compose up -d` and `down` of
the same compose files stand beside it, in turn, and the ratio is printed. Machines are noisy: quote ratios of medians.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from runner import bundled
from runner.cli import library
from runner.cli.wire import Settings, operator
from runner.clock import RunClock
from runner.journal import Journal

Timing = tuple[float, float]
"""Seconds from the command to the first answer, and seconds to take everything down."""


def answered(url: str, timeout: float = 120.0) -> None:
    """Returns once the shop answers a product page."""
    until = time.monotonic() + timeout
    while True:
        try:
            with urllib.request.urlopen(f"{url}/products/1", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def ours(substrate: str, number: int) -> Timing:
    scenario = library.read(library.find("bad-deploy-pricing"))
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "logs").mkdir()
        journal = Journal(folder / "journal.jsonl")
        began = time.monotonic()
        settings = Settings(f"bench-{os.getpid()}-{number}", folder, 1, substrate)
        system = operator(scenario, settings, journal, RunClock())
        try:
            system.bring_up()
            host, port = system.edge()
            answered(f"http://{host}:{port}")
            up = time.monotonic() - began
        finally:
            began = time.monotonic()
            left = system.take_down()
            journal.close()
        assert not left, left
        return up, time.monotonic() - began


def compose(number: int) -> Timing:
    """The same stack by hand, without links: two regions, then the edge."""
    files = bundled.compose()
    regions = ("us-east", "eu-west")
    projects = [(f"bench{number}-{region}", "region.yaml", {"REGION": region}) for region in regions]
    projects.append((f"bench{number}-edge", "edge.yaml", {}))
    environment = {**os.environ, "IMAGE": image()}

    def each(*words: str) -> None:
        running = [
            subprocess.Popen(
                ["docker-compose", "-p", project, "-f", str(files / file), *words],
                env={**environment, **extra},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for project, file, extra in projects
        ]
        assert all(process.wait(timeout=180) == 0 for process in running)

    subprocess.run(["docker", "network", "create", "backbone"], check=True, stdout=subprocess.DEVNULL)
    began = time.monotonic()
    try:
        each("up", "-d")
        shown = subprocess.run(
            [
                "docker",
                "inspect",
                "-f",
                "{{.NetworkSettings.Networks.backbone.IPAddress}}",
                f"{projects[-1][0]}_edge_1",
            ],
            check=True,
            capture_output=True,
            text=True,
        )
        answered(f"http://{shown.stdout.strip()}:8000")
        up = time.monotonic() - began
    finally:
        began = time.monotonic()
        each("down", "-v", "-t", "1")
        down = time.monotonic() - began
        subprocess.run(["docker", "network", "rm", "backbone"], check=True, stdout=subprocess.DEVNULL)
    return up, down


def image() -> str:
    """The image that the docker substrate built, found by its name."""
    shown = subprocess.run(["docker", "images", "-q", "gameday/storefront"], check=True, capture_output=True, text=True)
    return shown.stdout.split()[0]


def show(name: str, timings: list[Timing]) -> Timing:
    up = statistics.median(timing[0] for timing in timings)
    down = statistics.median(timing[1] for timing in timings)
    print(f"{name:16} first answer {up:6.2f} s   down {down:6.2f} s   (median of {len(timings)})", flush=True)
    return up, down


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--docker", action="store_true", help="also Docker, beside docker-compose")
    arguments = parser.parse_args()
    peers: dict[str, Callable[[int], Timing]] = {"process": lambda n: ours("process", n)}
    if arguments.docker:
        assert shutil.which("docker-compose"), "docker-compose isn't installed"
        peers |= {"docker": lambda n: ours("docker", n), "docker-compose": compose}
    timings: dict[str, list[Timing]] = {name: [] for name in peers}
    for number in range(arguments.runs + 1):
        for name, run in peers.items():
            timing = run(number)
            if number:  # the first of each fills caches: template, image, byte code
                timings[name].append(timing)
    medians = {name: show(name, found) for name, found in timings.items()}
    if arguments.docker:
        up, down = (medians["docker"][i] / medians["docker-compose"][i] for i in (0, 1))
        print(f"docker / docker-compose: first answer {up:.2f}x, down {down:.2f}x")


if __name__ == "__main__":
    main()
