"""A run that three roles follow at once in Chromium: what each sees, does and receives on the wire.

The browser is Debian's, driven by Playwright; without either the tests are skipped.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.axe import serious_faults
from tests.support.paths import GOLDEN
from tests.support.waiting import until
from tests.support.whole_runs import GAMEDAY

pytestmark = [pytest.mark.e2e, pytest.mark.browser]
CLOSE_S = 0.3
"""How near the run's stamps are to the browser's."""
STAMP_CLICKS = "window.clicks = []; addEventListener('click', () => clicks.push(Date.now() / 1000), true)"
CHROMIUM = shutil.which("chromium")
SECRETS = ("bad-deploy", "pricing change breaks", "lowest_cents", "empty list", "The failing share")
"""Texts of the scenario, its fault, the release's defect and the hypothesis, which only the facilitator may receive."""


@pytest.fixture
def browser() -> Iterator[Any]:
    """Return a Chromium of its own."""
    if CHROMIUM is None:
        pytest.skip("chromium isn't installed")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Console:
    """A command with a console, in a process of its own."""

    def __init__(self, out: Path, *arguments: str) -> None:
        self.out = out
        self.log = out.parent / "console.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen([*GAMEDAY, *arguments], stdout=log, stderr=log)

    def links(self) -> dict[str, str]:
        """Return role → link, once they are printed."""
        end = time.monotonic() + 60
        while True:
            links = dict(re.findall(r"console  (\S+)\s+(http\S+)", self.log.read_text()))
            if "scribe" in links:
                return links
            assert time.monotonic() < end, self.log.read_text()
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)

    def outcome(self) -> dict[str, Any]:
        """Return the outcome of the run, once the command is over."""
        self.process.wait(120)
        (path,) = self.out.glob("*/outcome.json")
        result: dict[str, Any] = json.loads(path.read_text())
        return result


@pytest.fixture
def console(room: Path) -> Iterator[Callable[..., Console]]:
    """Return a function that starts a command with a console, which is ended with the test."""
    started: list[Console] = []

    def start(*arguments: str) -> Console:
        started.append(Console(room / "runs", *arguments))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.send_signal(signal.SIGINT)
            each.process.wait(60)


def opened(browser: Any, link: str, width: int = 1400) -> tuple[Any, list[str]]:
    """Open a page; return it, and a list that fills with everything it receives."""
    page = browser.new_page(viewport={"width": width, "height": 1000})
    page.add_init_script(STAMP_CLICKS)
    received: list[str] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.eventSourceMessageReceived", lambda event: received.append(event["data"]))
    received.append(page.goto(link).text())
    return page, received


def test_a_run_followed_by_three_roles(browser: Any, console: Callable[..., Console], room: Path) -> None:
    """The on-call acknowledges and rolls back by clicking; the stamps of the outcome are those of the clicks.

    What the on-call and the observer received holds neither scenario, nor fault, nor the release's defect.
    """
    shown = console("run", "bad-deploy-pricing", "--console", "--responder", "human", "--substrate", "process",
                    "--set", "steadyState.for=4s", "--set", "hold=3s", "--seed", "11", "--out", str(room / "runs"))  # fmt: skip
    links = shown.links()
    _, told = opened(browser, links["facilitator"])
    on_call, heard = opened(browser, links["on-call"])
    observer, seen = opened(browser, links["observer"], 1920)
    on_call.get_by_role("button", name=re.compile("^Acknowledge")).first.wait_for(timeout=90_000)
    on_call.get_by_role("button", name=re.compile("^Acknowledge")).first.click()
    on_call.get_by_role("button", name="Roll back pricing").first.click()
    on_call.get_by_role("button", name="Yes, do it").click()
    acknowledged, _, rolled_back = on_call.evaluate("clicks")
    observer.locator(".face.hurt, .face.calm, .face.recovered").wait_for(timeout=20_000)
    on_call.get_by_text("on-call has it").first.wait_for(timeout=20_000)
    outcome = shown.outcome()
    begun = _begun(shown.out)
    assert outcome["operations"][-1]["by"] == "on-call"
    assert outcome["clocks"]["ack"] + begun == pytest.approx(acknowledged, abs=CLOSE_S)
    assert outcome["operations"][-1]["t"] + begun == pytest.approx(rolled_back, abs=CLOSE_S)
    assert any("lowest_cents" in text for text in told)
    for text in SECRETS:
        assert not any(text in piece for piece in (*heard, *seen)), text


def test_pages_have_no_serious_fault_and_need_no_mouse(browser: Any, console: Callable[..., Console]) -> None:
    """axe-core finds nothing serious on any role's page, light or dark; a replay is stopped and wound by the keyboard."""
    links = console("replay", str(GOLDEN), "--speed", "60").links()
    for theme in ("light", "dark"):
        for link in links.values():
            page = browser.new_page(color_scheme=theme)
            page.goto(link)
            page.locator('#link[data-state="live"]').wait_for()
            assert serious_faults(page) == []
            page.close()
    page = browser.new_page()
    page.goto(links["on-call"])
    page.locator('#link[data-state="live"]').wait_for()
    for _ in range(2):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "play"
    if page.locator("#play").inner_text() == "Pause":
        page.keyboard.press("Enter")
    page.locator("#play", has_text="Play").wait_for()
    page.locator("#seek").focus()
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    page.locator("#seek-at", has_text="00:00 of").wait_for()


def _begun(out: Path) -> float:
    from datetime import datetime

    (journal,) = out.glob("*/journal.jsonl")
    first = json.loads(journal.read_text().splitlines()[0])
    return datetime.fromisoformat(first["data"]["started"]).timestamp()


PLAN = """\
apiVersion: gameday/v1
kind: GameDay
name: first-hour
title: A first hour
goals: [Take a bad change back within five minutes]
length: 1h
participants: {facilitator: [Ada], on-call: [Ben], scribe: [Cleo]}
blocks:
  - briefing: Who does what
    for: 10m
  - scenario: bad-deploy-pricing
    for: 20m
    inject: facilitator
    hypothesis: We page before a customer calls.
    poll: What will break, and for how long?
  - debrief: What do we change?
    for: 20m
"""


@pytest.mark.full
@pytest.mark.timeout(300)
def test_a_game_day_whose_runner_is_restarted(
    browser: Any, console: Callable[..., Console], room: Path
) -> None:
    """Three blocks with four roles; after the scenario the command is ended and given again, and goes on with the debrief.

    The day's page has the guess, the measured times, the decision and the action item.
    """
    plan = room / "first-hour.yaml"
    plan.write_text(PLAN, encoding="utf-8")
    command = ("day", str(plan), "--substrate", "process", "--out", str(room / "runs"))
    first = console(*command)
    links = first.links()
    facilitator, _ = opened(browser, links["facilitator"])
    scribe, _ = opened(browser, links["scribe"])
    on_call, _ = opened(browser, links["on-call"])
    _start(facilitator, "Who does what")
    scribe.locator('[data-form="guess"] [name="who"]').fill("Ben")
    scribe.locator('[data-form="guess"] [name="text"]').fill("Checkout fails")
    scribe.locator('[data-form="guess"] [name="minutes"]').fill("2")
    scribe.get_by_role("button", name="Add the guess").click()
    _start(facilitator, "scenario 1")
    facilitator.locator('[data-control="inject"][data-main="1"]').click(timeout=90_000)
    on_call.get_by_role("button", name=re.compile("^Acknowledge")).first.click(timeout=60_000)
    on_call.get_by_role("button", name="Roll back pricing").first.click()
    on_call.get_by_role("button", name="Yes, do it").click()
    facilitator.get_by_role("button", name=re.compile("^Start: .*What do we change")).wait_for(timeout=90_000)
    first.process.send_signal(signal.SIGINT)
    first.process.wait(60)

    second = console(*command)
    links = second.links()
    facilitator, _ = opened(browser, links["facilitator"])
    scribe, _ = opened(browser, links["scribe"])
    _start(facilitator, "What do we change?")
    scribe.locator('[data-form="decision"] [name="text"]').fill("Prices are checked before a release ships")
    scribe.get_by_role("button", name="Record").click()
    scribe.locator('[data-form="action"] [name="text"]').fill("Add a contract test for pricing")
    scribe.locator('[data-form="action"] [name="owner"]').fill("Ben")
    scribe.get_by_role("button", name="Add the action item").click()
    scribe.get_by_text("Add a contract test for pricing").first.wait_for()
    _start(facilitator, "the end of the day")
    until(lambda: second.process.poll() is not None, "the end of the day", 60)
    (page,) = room.rglob("day.html")
    text = page.read_text(encoding="utf-8")
    wanted = (
        "Checkout fails",
        "We page before a customer calls.",
        "Prices are checked",
        "Add a contract test for pricing",
    )
    assert [words for words in wanted if words not in text] == []
    assert len(list(room.rglob("outcome.json"))) == 1


def _start(facilitator: Any, block: str) -> None:
    facilitator.get_by_role("button", name=re.compile(f"^Start: .*{re.escape(block)}")).click(timeout=60_000)
