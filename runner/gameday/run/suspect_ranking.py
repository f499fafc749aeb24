"""Ranking of suspects during a run: at each page and then with every SLO check, from the samples so far.

Off unless the scenario asks for it. A ranking reads the samples of the last minutes, so those between pages are made in
the thread of the SLO check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gameday.operations import Alert, Change, Suspect
from gameday.ports import View
from gameday.recording.journal_events import SuspectsRanked
from gameday.run.run_context import RunContext
from gameday.run.run_state import State
from gameday.slo.suspects import Window, suspects

RECENT_S = 300.0
"""A page counts the changes of the last so many seconds."""
TOLD_ODDS = 0.5
"""A page names the likeliest change from these odds on."""


class SuspectRanking:
    """The suspects of one run. Thread-safe: `ranked` is replaced as a whole."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self.active = context.scenario.respond.ranks_suspects
        self.ranked: tuple[float | None, Sequence[Suspect]] = (None, ())
        """When the suspects were last ranked, and the suspects."""

    def refresh(self, state: State, now: float) -> None:
        """Rank anew if a page is open; journal a ranking whose order or odds have changed. Blocks."""
        if not self.active or state.steady_from is None or not state.alerts:
            return
        slos, feed = self._context.scenario.slos, self._context.deployer.feed()
        ranking = suspects(feed, slos, self._context.samples(), Window(state.steady_from, now))
        _, before = self.ranked
        self.ranked = now, ranking
        if _rounded(ranking) != _rounded(before):
            odds = tuple({"change": one.change, "odds": round(one.odds, 3)} for one in ranking)
            self._context.journal.append(SuspectsRanked(suspects=odds).at(self._context.clock.now()))

    def added(self, view: View) -> View:
        """Return the view with the last ranking."""
        ranked, ranking = self.ranked
        return replace(view, suspects=ranking, ranked=ranked)

    def with_suspects(self, alert: Alert, state: State) -> Alert:
        """Return the alert with the changes in flight, ranked, in its summary; as it is if that is off."""
        if not self.active:
            return alert
        self.refresh(state, alert.t)
        text = sentence(self._context.deployer.feed(), self.ranked[1], alert.t)
        return replace(alert, summary=f"{alert.summary}; {text}") if text else alert


def sentence(changes: Sequence[Change], ranked: Sequence[Suspect], now: float) -> str:
    """Return what a page says: `2 changes in the last 5 min; most likely pricing-1.1.0, mid-level author (97 %)`."""
    recent = [change for change in changes if change.rollback_of is None and change.t > now - RECENT_S]
    if not recent:
        return ""
    count = f"{len(recent)} change{'' if len(recent) == 1 else 's'} in the last {RECENT_S / 60:g} min"
    if not ranked or ranked[0].odds < TOLD_ODDS:
        return f"{count}, none of them a likely cause yet"
    best = ranked[0]
    by = f" by {best.author}" if best.author else ""
    return f"{count}; most likely {best.release}{by} ({100 * best.odds:.0f} %)"


def _rounded(ranked: Sequence[Suspect]) -> list[tuple[str, float]]:
    return [(one.change, round(one.odds, 1)) for one in ranked]
