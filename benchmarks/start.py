"""Time from the command to the first answered request, and time of the teardown.

    python benchmarks/start.py [--runs 3] [--docker]

`gameday run` is timed as a process of its own, from its start (imports, scenario, releases, system)
until the shop answers a product page, and from SIGTERM until its end (load stopped, system down,
outcome and report written). With --docker, `docker-compose up -d` and `down` of the same compose
files are timed in turn, and the ratio is printed. Machines are noisy: quote ratios of medians.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from gameday.topology import bundled

PATIENCE_S = 180.0
ASK_S = 30.0
POLL_S = 0.02

Timing = tuple[float, float]
"""Seconds from the command to the first answer, and seconds to take everything down."""


def answered(url: str, alive: Callable[[], bool] = lambda: True, timeout: float = PATIENCE_S) -> None:
    """Wait until the shop answers a product page."""
    until = time.monotonic() + timeout
    while True:
        try:
            with urllib.request.urlopen(f"{url}/products/1", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            if time.monotonic() > until or not alive():
                raise
            time.sleep(POLL_S)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def ours(substrate: str) -> Timing:
    """Time the README's first scenario, ended as soon as its shop answers."""
    port = free_port()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        Path(name).chmod(0o755)  # Postgres runs as another user if the benchmark runs as root
        command = [sys.executable, "-m", "gameday", "run", "bad-deploy-pricing", "--substrate", substrate]
        command += ["--out", name, "--set", f"system.port={port}"]
        began = time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                answered(f"http://127.0.0.1:{port}", lambda: process.poll() is None)
                up = time.monotonic() - began
                began = time.monotonic()
                process.send_signal(signal.SIGTERM)
                status = process.wait(PATIENCE_S)
            finally:
                process.kill()
        assert status == 130, f"gameday run ended with {status}"
        return up, time.monotonic() - began


def compose(number: int) -> Timing:
    """Time the same stack started by docker-compose, without links: two regions, then the edge."""
    files = bundled.compose()
    regions = ("us-east", "eu-west")
    projects = [(f"bench{number}-{region}", "region.yaml", {"REGION": region}) for region in regions]
    projects.append((f"bench{number}-edge", "edge.yaml", {}))
    environment = {**os.environ, "IMAGE": image()}

    def compose_each(*words: str) -> None:
        running = [
            subprocess.Popen(
                ["docker-compose", "-p", project, "-f", str(files / file), *words],
                env={**environment, **extra},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for project, file, extra in projects
        ]
        assert all(process.wait(PATIENCE_S) == 0 for process in running)

    subprocess.run(
        ["docker", "network", "create", "backbone"], check=True, stdout=subprocess.DEVNULL, timeout=ASK_S
    )
    began = time.monotonic()
    try:
        compose_each("up", "-d")
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
            timeout=ASK_S,
        )
        answered(f"http://{shown.stdout.strip()}:8000")
        up = time.monotonic() - began
    finally:
        began = time.monotonic()
        compose_each("down", "-v", "-t", "1")
        down = time.monotonic() - began
        subprocess.run(
            ["docker", "network", "rm", "backbone"], check=True, stdout=subprocess.DEVNULL, timeout=ASK_S
        )
    return up, down


def image() -> str:
    """Return the image that the Docker substrate built, by its name."""
    command = ["docker", "images", "-q", "gameday/storefront"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=ASK_S)
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
    peers: dict[str, Callable[[int], Timing]] = {"process": lambda n: ours("process")}
    if arguments.docker:
        assert shutil.which("docker-compose"), "docker-compose isn't installed"
        peers |= {"docker": lambda n: ours("docker"), "docker-compose": compose}
    timings: dict[str, list[Timing]] = {name: [] for name in peers}
    for number in range(arguments.runs + 1):
        for name, run in peers.items():
            timing = run(number)
            if number:  # the first of each fills caches: template, image, byte code
                timings[name].append(timing)
    medians = {name: show(name, seconds) for name, seconds in timings.items()}
    if arguments.docker:
        up, down = (medians["docker"][i] / medians["docker-compose"][i] for i in (0, 1))
        print(f"docker / docker-compose: first answer {up:.2f}x, down {down:.2f}x")


if __name__ == "__main__":
    main()
