"""gameday_reports.pages.compare_page: the page says what the comparison found, draws every trial, and holds nothing from outside."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Any

import pytest

from gameday.analysis.model.comparison_model import Comparison
from gameday_reports.pages import compare_page as module
from gameday_reports.pages.compare_page import render_compare
from tests.support.documents import compare
from tests.support.html_page import HOSTILE, SHOWN, Page
from tests.support.nonempty_all import nonempty_all
from tests.support.outcomes import outcome, phased, trials

TEN = [10.0, 10.4, 9.7, 11.2, 9.1, 10.9, 9.9, 10.2, 11.5, 8.8]
SLOWER = [round(1.5 * each, 3) for each in TEN]


def side(ttrs: list[float], name: str = "bad-deploy", run: str = "r") -> dict[str, list[dict[str, Any]]]:
    return {name: [outcome(f"{run}{i}", name, ttr=ttr, ttd=1 + i / 10) for i, ttr in enumerate(ttrs)]}


def html_of(comparison: Mapping[str, Any], tmp_path: Path) -> str:
    return render_compare(Comparison.model_validate(comparison), tmp_path / "compare.html").read_text(
        encoding="utf-8"
    )


def page_of(comparison: Mapping[str, Any], tmp_path: Path) -> Page:
    page = Page(html_of(comparison, tmp_path))
    assert not page.open
    return page


def circles(html: str, drawing: str, layer: str) -> list[float]:
    """Where the dots of a layer stand, px from the plot's left edge."""
    svg = re.search(rf'<svg [^>]*class="chart wide"[^>]*aria-label="{drawing}.*?</svg>', html, re.DOTALL)
    assert svg is not None
    group = re.search(rf'<g class="[^"]*\b{layer}_marks".*?</g>', svg[0], re.DOTALL)
    return [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', group[0])] if group else []


def test_a_regression_is_said_and_shown(tmp_path: Path) -> None:
    """Verdict, the reason, both medians with their intervals, the shift, p, and what could have been found."""
    comparison = compare(side(TEN), side(SLOWER, run="n"))
    page = page_of(comparison, tmp_path)
    shown = page.text()
    assert page.text("p").count("Regression") == 1
    assert comparison["reasons"][0] in shown
    assert page.text("strong") == "10.10 s15.15 s+5.10 s"
    for words in (
        "97.9 % [9.10\u00a0s,\u00a011.20\u00a0s], 10 trials",
        "95.7 % [+3.95\u00a0s,\u00a0+6.20\u00a0s]",
        "+50.5 % of base’s median",
    ):
        assert words in shown
    cells = page.text("td", "th")
    for words in (
        "p over all tests",
        "under 0.0001",
        "Least increase found in 80 % of such comparisons",
    ):
        assert words in cells
    assert "r9" in shown
    assert "n9" in shown


def test_every_trial_is_a_dot_in_its_place(tmp_path: Path) -> None:
    """Ten a side; their places are to one another as their values are."""
    html = html_of(compare(side(TEN), side(SLOWER)), tmp_path)
    base, new = (circles(html, "Time to recover", f"dots{row}") for row in (0, 1))
    assert len(base) == len(new) == 10
    assert [b / a for a, b in zip(base, new, strict=True)] == pytest.approx([1.5] * 10, rel=1e-3)
    assert len(circles(html, "Time to detect", "dots0")) == 10


def test_a_trial_that_never_recovered_is_an_open_dot_on_a_rail(tmp_path: Path) -> None:
    """Beside the axis, named "never", in the colour of its side; without such trials there is no rail."""
    html = html_of(compare(side(TEN), side([*TEN[:8], inf, inf])), tmp_path)
    on_axis, on_rail = circles(html, "Time to recover", "dots1"), circles(html, "Time to recover", "open1")
    assert (len(on_axis), len(on_rail)) == (8, 2)
    assert min(on_rail) > max(on_axis)
    assert circles(html, "Time to recover", "open0") == []
    assert '<td class="n">0 of 10</td><td class="n">2 of 10</td>' in html
    assert html.count(">never</text>") == 2
    assert ">never</text>" not in html_of(compare(side(TEN), side(TEN)), tmp_path)


def test_a_metric_is_marked_unless_it_is_tested(tmp_path: Path) -> None:
    """A reader must not take a shift of a metric for a verdict: with TTR missing on a side, it isn't tested."""
    tested = page_of(compare(side(TEN), side(TEN)), tmp_path).text("span")
    alone = compare(side(TEN), {"bad-deploy": trials([None] * 10)})
    assert "not tested" not in tested
    assert page_of(alone, tmp_path).text("span").count("not tested") == 1


def test_the_phase_that_became_slower_is_named_with_two_runs(tmp_path: Path) -> None:
    """Phases have drawings and columns of their own; the sentence names the operation and the runs to open."""
    result = compare({"x": phased(TEN, 1.0, "b")}, {"x": phased(TEN, 2.0, "n")})
    shown = page_of(result, tmp_path).text()
    assert "Rollback 0.7 s slower (+100 %), TTR 0.7 s slower (+31 %); " in shown
    assert "Open b7 of base and n7 of new." in shown
    assert "Time of the operation" in shown
    assert "rollback, tested" in shown


def test_too_few_trials_say_what_it_takes(tmp_path: Path) -> None:
    """How many a side, and how many more of each."""
    shown = page_of(compare(side(TEN[:3]), side([50.0, 51.0])), tmp_path).text()
    assert "Can’t be judged" in shown
    assert "takes 5 a side: 2 more for base and 3 more for new." in shown
    assert "none, with so few trials" in shown


def test_no_regression_says_what_would_have_been_found(tmp_path: Path) -> None:
    """Its own minimal detectable effect, so that a pass isn't taken for more than it is."""
    comparison = compare(side(TEN), side(TEN))
    least = comparison["scenarios"][0]["metrics"]["ttr_s"]["detectable"]
    shown = page_of(comparison, tmp_path).text()
    assert "No regression" in shown
    assert (
        f"an increase of {100 * least:.1f} % or more would have been found in 80 % of such comparisons"
        in shown
    )


def test_several_scenarios_have_an_overview_with_links(tmp_path: Path) -> None:
    """One row each that leads to its section; scenarios of one side only are told apart."""
    base = {**side(TEN, "one"), **side(TEN, "two"), **side(TEN, "gone")}
    new = {**side(TEN, "one"), **side(SLOWER, "two"), **side(TEN, "fresh")}
    page = page_of(compare(base, new), tmp_path)
    targets = [(link["href"] or "").removeprefix("#") for link in page.all("a")]
    assert targets == ["scenario-0", "scenario-1"]
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert set(targets) <= set(ids)
    assert len(ids) == len(set(ids))
    assert "gone has no run in new" in page.text("li")
    assert "fresh has no run in base" in page.text("li")


def test_the_same_comparison_gives_the_same_bytes(tmp_path: Path) -> None:
    """Again in this process, and in a new one."""
    comparison = compare(side(TEN), side([*TEN[:9], inf]))
    first = html_of(comparison, tmp_path)
    assert html_of(comparison, tmp_path) == first
    code = "import json, sys, pathlib; from gameday_reports.pages.compare_page import render_compare; \
        from gameday.analysis.model.comparison_model import Comparison; \
        render_compare(Comparison.model_validate(json.load(sys.stdin)), pathlib.Path(sys.argv[1]))"
    other = tmp_path / "other.html"
    told = json.dumps(comparison, allow_nan=False).encode()
    subprocess.run([sys.executable, "-c", code, str(other)], input=told, check=True, timeout=100)
    assert other.read_text(encoding="utf-8") == first


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    """Scenario, run, reason: none can become markup or a script. A verdict is one of those that there are."""
    comparison = compare(side(TEN, HOSTILE, HOSTILE), side(SLOWER, HOSTILE, HOSTILE))
    comparison["missing"] = {"base": [HOSTILE], "new": [HOSTILE]}
    with pytest.raises(ValueError, match="verdict"):
        html_of({**comparison, "verdict": HOSTILE}, tmp_path)
    page = page_of(comparison, tmp_path)
    assert not page.all("script")
    assert not page.all("img")
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert page.all("body")[0]["class"] == "fail"
    assert page.text().count(SHOWN) > 5
    assert page.text("h1").startswith(SHOWN)


@pytest.mark.parametrize("what", ["empty", "nulls", "unmeasured", "infinite"])
def test_whatever_is_missing_or_infinite_has_a_page(what: str, tmp_path: Path) -> None:
    """Words in place of every number, and nothing empty or undefined."""
    full = compare(side(TEN), side([*TEN[:9], inf]))
    endless = compare(side([*TEN[:9], inf]), side([inf] * 10))
    unmeasured = {"x": trials([None, None], "x")}
    by_name: dict[str, Mapping[str, Any]] = {
        "empty": {**full, "scenarios": [{"scenario": "", "verdict": "no-regression"}], "reasons": None},
        "nulls": {**full, "scenarios": [{**full["scenarios"][0], "metrics": {"ttr_s": {}, "ttd_s": {}}}]},
        "unmeasured": compare(unmeasured, unmeasured),
        "infinite": endless,
    }
    page = page_of(by_name[what], tmp_path)
    shown = page.text()
    assert not re.search(r"\b(None|nan|inf|null|undefined|Infinity)\b", shown)
    assert not [data for tag, data in page.texts if tag in ("td", "strong", "dd") and not data.strip()]


def test_the_page_fetches_nothing_and_runs_nothing(tmp_path: Path) -> None:
    """No script, no address, and a policy that allows neither."""
    page = page_of(compare(side(TEN), side(SLOWER)), tmp_path)
    assert not page.all("script")
    for tag, attributes in page.elements:
        assert not {"src", "srcset", "data", "xlink:href", "action"} & attributes.keys()
        assert not re.search(r"url\((?!#)", attributes.get("style") or "")
        if "href" in attributes:
            assert (attributes["href"] or "").startswith("#" if tag == "a" else "data:,")
    (policy,) = [meta["content"] or "" for meta in page.all("meta") if meta.get("http-equiv")]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_the_page_can_be_read_aloud(tmp_path: Path) -> None:
    """One main heading, no level skipped, drawings said in words, scopes on table headings."""
    page = page_of(compare(side(TEN), side(SLOWER)), tmp_path)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert nonempty_all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert page.all("svg")
    assert nonempty_all("median" in (svg.get("aria-label") or "") for svg in page.all("svg"))
    assert page.all("th")
    assert nonempty_all(th.get("scope") for th in page.all("th"))


def test_a_page_that_would_grow_too_large_draws_the_gravest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the room for drawings the page says that it leaves them out; the tables stay, and so does the worst."""
    monkeypatch.setattr(module, "ROOM", 30_000)
    base, new = {**side(TEN, "a"), **side(TEN, "z")}, {**side(TEN, "a"), **side(SLOWER, "z")}
    html = html_of(compare(base, new), tmp_path)
    assert (
        'aria-label="Time to recover of every trial. base: median 10.10 s'
        in html[html.index('id="scenario-1"') :]
    )
    assert "Not drawn" in html[html.index('id="scenario-0"') : html.index('id="scenario-1"')]
    assert html.count("Least increase found") == 2
    assert len(html.encode()) < 1_500_000
