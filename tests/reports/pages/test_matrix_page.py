"""gameday_reports.pages.matrix_page: variants side by side, in words, in a table, and as strips on one time axis."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from gameday.analysis.model.matrix_model import Matrix, Variant
from gameday.analysis.model.time_models import DURATIONS
from gameday_reports.charts.small_multiples import BEFORE_S, shown
from gameday_reports.pages.matrix_page import render_matrix
from gameday_reports.run_page.run_data import read
from gameday_reports.text import matrix_text
from tests.support.documents import matrix
from tests.support.html_page import HOSTILE, SHOWN, Page
from tests.support.sample_matrix import pair

SAMPLE: dict[str, Any] = {
    "run": "r",
    "scenario": "s",
    "verdict": "pass",
    "exit_status": 0,
    **{f"{name}_state": "not_measured" for name in DURATIONS},
    "settings": {},
    "ttr_s": 5.0,
    "ttr_state": "measured",
    "audit": {"lost": 0},
    "slos": [],
}

UNJUDGED = {"verdict": "inconclusive", "exit_status": 3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("matrix")


@pytest.fixture(scope="module")
def runs(folder: Path) -> dict[str, Path]:
    return pair(folder)


@pytest.fixture(scope="module")
def found(runs: Mapping[str, Path]) -> dict[str, Any]:
    return matrix(runs)


def rendered(content: Mapping[str, Any], runs: Mapping[str, Path], path: Path) -> str:
    return render_matrix(Matrix.model_validate(content), runs, path).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def html(found: Mapping[str, Any], runs: Mapping[str, Path], folder: Path) -> str:
    return rendered(found, runs, folder / "matrix.html")


def variant(name: str, **keys: Any) -> dict[str, Any]:
    return {"name": name, **SAMPLE, **keys}


def sentences(variants: Sequence[Mapping[str, Any]]) -> list[str]:
    return matrix_text.sentences([Variant.model_validate(each) for each in variants])


def slo(verdict: str, ratio: float | None = 0.38, sli: str = "availability") -> list[dict[str, Any]]:
    about = {"name": "browse", "journey": "browse", "sli": sli, "outage_s": 21.0, "outage_bad_ratio": ratio}
    return [{**about, "verdict": verdict}]


def test_what_the_guardrails_bought_is_said_in_a_sentence() -> None:
    """Named by what is on in it alone; the other by how bad it was, and for how long."""
    on = {"guardrails.breaker": True, "guardrails.retryBudget": True, "load.rate": "60/s"}
    variants = [variant("with", settings=on, slos=slo("ok")), variant("without", slos=slo("breach"))]
    assert sentences(variants) == [
        "browse: with breaker and retry budget, it stayed within its objective; "
        "without, 38.0 % of browse requests failed for 21.00 s."
    ]


@pytest.mark.parametrize(
    ("sli", "words"), [("latency", "were too slow for"), ("correctness", "were answered wrongly for")]
)
def test_slow_and_wrong_answers_are_called_so(sli: str, words: str) -> None:
    """Only unavailability is failure."""
    (said,) = sentences([variant("a", slos=slo("ok")), variant("b", slos=slo("breach", sli=sli))])
    assert words in said


def test_variants_that_came_to_the_same_are_named_together() -> None:
    """Of three, two that held."""
    held = [variant(name, slos=slo("ok")) for name in ("a", "b")]
    (said,) = sentences([*held, variant("c", slos=slo("unknown"))])
    assert said == "browse: a and b, it stayed within its objective; c, it can’t be judged."


def test_orders_and_recovery_are_told_where_they_differ() -> None:
    """Never, not hurt, not audited: each has its words."""
    never = variant("async", ttr_s=None, ttr_state="censored", audit={"lost": 7, "acknowledged": 531})
    never |= {"ttr_censored_at": 61.0, "clocks": {"effect": 21.0}}
    told = sentences(
        [variant("sync", audit={"lost": 0, "acknowledged": 1}), never, variant("none", audit={})]
    )
    assert told == [
        "Users: sync and none, they were well again after 5.00 s; "
        "async, they never were well again (censored after 40.00 s).",
        "Acknowledged orders: sync, none of 1 order lost; async, 7 of 531 orders lost; none, they weren’t audited.",
    ]
    assert sentences([variant("a"), variant("b", ttr_s=None, ttr_state="no_effect")]) == [
        "Users: a, they were well again after 5.00 s; b, they were never hurt."
    ]


def test_what_is_the_same_in_all_is_not_told() -> None:
    """Though the times differ a little, as those of any two runs do."""
    assert (
        sentences([variant("a", slos=slo("breach")), variant("b", slos=slo("breach", 0.4), ttr_s=5.1)]) == []
    )
    assert sentences([]) == []


def test_the_page_sets_the_variants_side_by_side(html: str) -> None:
    """A column each that leads to its report; settings, figures, badges."""
    page = Page(html)
    assert not page.open
    assert [link["href"] for link in page.all("a")] == ["r1/report.html", "r2/report.html"]
    assert "with breaker and bulkhead, it stayed within its objective" in page.text("li")
    cells = page.text("td")
    for words in ("on", "off", "20.20 s", "21.00 s", "52.6 %: 221 of 420", "for 29.90 s"):
        assert words in cells
    assert {"passed", "failed", "ok", "breach", "holds", "does not hold"} <= set(
        re.findall(r'badge \w+">(.*?)<', html)
    )
    assert "Failed" in page.text("p")


def strips(html: str, size: str) -> list[dict[str, str]]:
    """Attributes of every drawing of a size, in order."""
    return [
        dict(re.findall(r'([\w-]+)="([^"]*)"', svg))
        for svg in re.findall(r"<svg [^>]*>", html)
        if f'class="chart {size}"' in svg
    ]


def test_strips_share_one_axis_that_counts_from_the_fault(html: str) -> None:
    """Two SLOs of two variants, each wide and narrow; the one that tells the variants apart is first."""
    for size in ("wide", "narrow"):
        found = strips(html, size)
        assert [each["data-panel"] for each in found] == ["strip-0-0", "strip-0-1", "strip-1-0", "strip-1-1"]
        assert {(each["data-since"], each["data-until"]) for each in found} == {(f"{-BEFORE_S:g}", "41")}
    headings = [text for tag, text in Page(html).texts if tag == "h3"]
    assert headings[:2] == ["browse", "checkout"]
    assert html.count(">inject</text>") == 8


def test_every_clock_counts_from_the_fault(runs: Mapping[str, Path]) -> None:
    """In each run from its own: the page came 2.5 s after the one, 3 s after the other."""
    found = shown({name: read(run) for name, run in runs.items()})
    assert [each.clocks["inject"] for each in found] == [0.0, 0.0]
    assert [each.clocks["detect"] for each in found] == [2.5, 3.0]


def test_both_strips_of_an_objective_have_one_scale(html: str) -> None:
    """Else a strip of few errors would look like one of many."""
    ticks = [re.findall(r">(\d+%)<", svg) for svg in re.findall(r"<svg .*?</svg>", html, re.DOTALL)]
    assert ticks[0] == ticks[2] != ticks[4]
    assert "60%" in ticks[0]
    assert ticks[4] == ticks[6]


def test_the_same_runs_give_the_same_bytes(
    found: Mapping[str, Any], runs: Mapping[str, Path], folder: Path, html: str
) -> None:
    """Also in a new process."""
    code = "import json, sys, pathlib; from gameday_reports.pages.matrix_page import render_matrix; m, r = json.load(sys.stdin); \
        from gameday.analysis.model.matrix_model import Matrix; \
        render_matrix(Matrix.model_validate(m), {k: pathlib.Path(v) for k, v in r.items()}, pathlib.Path(sys.argv[1]))"
    given = json.dumps([found, {name: str(run) for name, run in runs.items()}]).encode()
    other = folder / "other.html"
    subprocess.run([sys.executable, "-c", code, str(other)], input=given, check=True, timeout=100)
    assert other.read_text(encoding="utf-8") == html


def test_a_run_that_is_elsewhere_is_not_linked(
    found: Mapping[str, Any], runs: Mapping[str, Path], tmp_path: Path
) -> None:
    """A link leads only below the page's own folder."""
    page = Page(rendered(found, runs, tmp_path / "matrix.html"))
    assert page.all("a") == []
    assert "without" in page.text("th")


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    """Names, settings, reasons, expectations. A verdict is one of those that there are."""
    one = variant(HOSTILE, settings={HOSTILE: HOSTILE}, expectations=[{"expr": HOSTILE}])
    one["slos"] = [{"name": HOSTILE, "verdict": "breach", "journey": HOSTILE, "sli": HOSTILE}]
    whole = {**UNJUDGED, "title": HOSTILE, "reasons": [HOSTILE], "variants": [one, variant("b")]}
    with pytest.raises(ValueError, match="verdict"):
        rendered({**whole, "verdict": HOSTILE}, {}, tmp_path / "m.html")
    page = Page(rendered(whole, {}, tmp_path / "m.html"))
    assert not page.open
    assert not page.all("script")
    assert not page.all("img")
    assert page.text().count(SHOWN) >= 6


NULLS = dict.fromkeys(("settings", "impact", "audit", "slos", "expectations", "ttr_s", "clocks"))
NULLS |= {"ttr_state": "not_measured"}


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"variants": None, "reasons": None, "title": None},
        {"variants": [variant("", **NULLS)]},
        {"variants": [variant(f"v{i}", **NULLS) for i in range(6)]},
        {
            "variants": [
                variant("a", slos=[{"name": "x", "verdict": "breach", "breached_s": None}]),
                variant("b"),
            ]
        },
    ],
    ids=["nothing", "nulls", "empty-variant", "six", "no-seconds"],
)
def test_whatever_is_missing_has_a_page(parts: Mapping[str, Any], tmp_path: Path) -> None:
    """Words in place of every number."""
    page = Page(rendered({**UNJUDGED, **parts}, {}, tmp_path / "m.html"))
    assert not page.open
    assert not re.search(r"\b(None|nan|inf|null|undefined|True|False)\b", page.text())
