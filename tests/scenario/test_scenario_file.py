"""Tests of reading scenario files: defaults, located errors, limits, overrides, the bundled library."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gameday.execution import library
from gameday.execution.actions import ACTIONS
from gameday.scenario import json_schema, load, read_resolved
from gameday.scenario.scenario_file import SYNONYMS
from gameday.scenario.yaml_document import Invalid
from gameday.topology import bundled
from tests.support.scenarios import SMALL, read

HERE = Path(__file__).parent


def problems(text: str, tmp_path: Path) -> list[str]:
    with pytest.raises(Invalid) as caught:
        read(text, tmp_path)
    return [str(p).removeprefix(str(tmp_path / "s.yaml")) for p in caught.value.problems]


def test_a_small_scenario_gets_every_default(tmp_path: Path) -> None:
    """Units are resolved, defaults are filled in, and entries are ordered by time."""
    scenario = read(SMALL, tmp_path)
    assert [(e.at, e.action, e.spec.release) for e in scenario.timeline] == [
        (0.0, "deploy", "pricing-1.1.0"),
        (5.0, "deploy", "gateway-1.1.0"),
    ]
    assert scenario.timeline[0].spec.pause == 0.5
    assert scenario.slos[0].objective == 0.995
    assert (scenario.hold, scenario.give_up, scenario.load.rate) == (10, 60, 60)
    assert [d.detector for d in scenario.detectors if d.pages] == ["bank", "hang", "silence"]


def test_nine_mistakes_are_nine_located_errors() -> None:
    """Each of nine mistakes is an error at its own line and column, with a hint if one helps."""
    with pytest.raises(Invalid) as caught:
        library.read(HERE / "nine-mistakes.yaml")
    by_key = {(p.line, p.column): p for p in caught.value.problems}
    assert {place: p.message.split("\n")[0] for place, p in by_key.items()} == {
        (3, 7): "'Nine Mistakes' has the wrong form",
        (6, 1): "unknown key 'regions'",
        (7, 14): "60 isn't a rate",
        (9, 31): "unknown journey 'bye'",
        (10, 40): "300 isn't a duration",
        (12, 32): "there is no release 'pricing-9.9.9'",
        (13, 10): "'soon' isn't a duration",
        (13, 16): "unknown action 'deploi'",
        (16, 5): by_key[16, 5].message,
    }
    assert by_key[13, 16].hint == "did you mean 'deploy'?"
    assert by_key[9, 31].hint == "did you mean 'buy'?"
    assert "tdd" in by_key[16, 5].message


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("objective: 99.5%", "objective: 0.995", ":7:66: 0.995 isn't a ratio"),
        ("objective: 99.5%", "objective: 100%", ":7:5: objective must lie between"),
        ("sli: availability", "sli: latency", ":7:5: 'under' is missing: a latency SLO needs it"),
        ("at: 5s, ", "", ":9:5: 'at' is missing"),
        ("release: gateway-1.1.0", "release: ../gateway-1.1.0", ":9:32: there is no release"),
        ("strategy: rolling", "strategy: rollin", ":10:57: unknown value 'rollin'"),
        ("expect:\n  - ttd < 5s\n", "expect: []\n", ":11:9: must not be empty"),
        ("expect:\n  - ttd < 5s\n", "", ":1:1: 'expect' is missing"),
        ("- ttd < 5s", "- ttd <", ":12:5: "),
        (
            "timeline:",
            "abort: [elapsed > 5s, ttr > 30s]\ntimeline:",
            ":8:23: 'ttr' is known only at the end of a run",
        ),
        ("timeline:", "abort: [elapsed > 5x]\ntimeline:", ":8:9: unknown unit 'x'"),
        ("timeline:", "abort: ['elapsed >']\ntimeline:", ":8:9: isn't a CEL expression"),
        ("timeline:", "abort: elapsed > 5s\ntimeline:", ":8:8: "),
        (
            "timeline:",
            "abort: ['slos.chekout.verdict == \"ok\"']\ntimeline:",
            ":8:9: there is no 'chekout' in slos",
        ),
        (
            "timeline:",
            "abort: ['impact.regions[\"mars\"].failed > 1']\ntimeline:",
            ":8:9: there is no 'mars' in regions, at character 1",
        ),
        (
            "timeline:",
            "abort: ['impact.journeys.bye.failed > 1']\ntimeline:",
            ":8:9: there is no 'bye' in journeys",
        ),
        ("- ttd < 5s", "- elapsed < 5s", ":12:5: 'elapsed' is known only while a run goes on"),
        ("timeline:", "load: {rate: 2000/s}\ntimeline:", "at most maxRate (1000/s)"),
        ("timeline:", "system: {regions: [us-east, us-east]}\ntimeline:", "names a region twice"),
        ("name: small", "name: small\nname: big", ":4:1: duplicate key 'name' (first at line 3)"),
    ],
)
def test_each_mistake_is_located(tmp_path: Path, old: str, new: str, expected: str) -> None:
    """One wrong change to a valid file gives one error at its place."""
    located = problems(SMALL.replace(old, new), tmp_path)
    assert any(expected in problem for problem in located), located


FAULT = "{at: 5s, deploy: {release: gateway-1.1.0}}"


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("sli: availability", "sli: latency", "for instance under: 300ms"),
        ("sli: availability", "sli: correctness, under: 1s", "remove it, or write sli: latency"),
        ("timeline:", "steadyState: 10s\ntimeline:", "write steadyState: {for: 10s}"),
        (FAULT, "{at: 5s, load.surge: {factor: 2x, for: 5s}}", "write factor: 2"),
        (FAULT, "{at: 5s, link.latency: {from: gateway, to: identity, latency: 1s}}", "write link: {from: gateway, to: identity}"),
        (FAULT, "{at: 5s, link.down: {from: gateway, to: identity}}", "write link: {from: gateway, to: identity}"),
        ("ttd < 5s", "audit.lost = 0", "write == to compare"),
        ("ttd < 5s", "ttd < 5s and ttr < 9s", 'write && for "and"'),
        ("ttd < 5s", "ttd < 5s OR ttr < 9s", 'write || for "or"'),
        ("timeline:", "abort: ['not elapsed > 5s']\ntimeline:", 'write ! for "not"'),
        (FAULT, "{at: 5s, network.delay: {latency: 1s}}", "did you mean 'link.latency'? Actions are address.*, "),
        (FAULT, "{at: 5s, pod.kill: {service: edge}}", "Actions are address.*, "),
        (FAULT, "{at: 5s, link.latncy: {}}", "did you mean 'link.latency'?"),
        ("name: small", "name: Small", "lower-case words joined by dashes: slow-checkout"),
    ],
)  # fmt: skip
def test_a_hint_spells_what_was_meant(tmp_path: Path, old: str, new: str, hint: str) -> None:
    """A habit of another language or tool gives one error, whose hint is the right spelling."""
    assert old in SMALL
    (problem,) = problems(SMALL.replace(old, new), tmp_path)
    assert f"hint: {hint}" in problem or (hint in problem and "hint: did you mean" in problem)


def test_every_action_that_a_hint_names_exists() -> None:
    """Synonyms lead to the last part of an action that there is."""
    assert set(SYNONYMS.values()) <= {action.rpartition(".")[2] for action in ACTIONS}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("  - ttd < 5s\n", "  - ttd < 5s\n" * 101, ":12:3: has 101 items; at most 100 are allowed"),
        (
            "timeline:\n",
            "timeline:\n" + "  - {at: 0s, nope: {}}\n" * 99,
            ":9:3: has 101 entries; at most 100",
        ),
        ("title: A small one", "title: " + "x" * 100_000, ": is over 100,000 bytes long"),
        ("title: A small one", "tags: [" + "t, " * 101 + "]\ntitle: A small one", ":4:7: has 101 items"),
    ],
    ids=["expect", "timeline", "bytes", "tags"],
)
def test_a_file_has_its_bounds(tmp_path: Path, old: str, new: str, expected: str) -> None:
    """A file that exceeds a limit gives one message for each limit and isn't processed further."""
    located = problems(SMALL.replace(old, new), tmp_path)
    assert [problem for problem in located if expected in problem], located
    assert len(located) == 1


@pytest.mark.parametrize("key", ["hold", "giveUp", "steadyState", "window"])
@pytest.mark.parametrize(("value", "good"), [("0s", False), ("-1s", False), ("1ms", True)])
def test_a_duration_that_must_last_is_over_zero(tmp_path: Path, key: str, value: str, good: bool) -> None:
    """A hold, a window, a steady state or a time-out of zero is one error, at its value."""
    old, new = {
        "hold": ("timeline:", f"hold: {value}\ntimeline:"),
        "giveUp": ("timeline:", f"giveUp: {value}\ntimeline:"),
        "steadyState": ("timeline:", f"steadyState: {{for: {value}}}\ntimeline:"),
        "window": ("objective: 99.5%", f"objective: 99.5%, window: {value}"),
    }[key]
    text = SMALL.replace(old, new, 1)
    if good:
        read(text, tmp_path)
    else:
        (problem,) = problems(text, tmp_path)
        place = next(
            (number, line.index(value) + 1)
            for number, line in enumerate(text.splitlines(), 1)
            if value in line
        )
        assert problem.startswith(f":{place[0]}:{place[1]}: ")


def test_weights_are_numbers_that_can_be_drawn_by(tmp_path: Path) -> None:
    """An infinite weight and a NaN are rejected."""
    for weight in (".nan", ".inf", "1e999", "-1"):
        text = SMALL.replace("timeline:", f"load: {{journeys: {{browse: {weight}}}}}\ntimeline:")
        assert "weights must be positive numbers" in problems(text, tmp_path)[0]


def test_a_value_of_the_wrong_type_is_reported_once(tmp_path: Path) -> None:
    """An SLO with a value of the wrong type is one error, although the check of detectors reads it
    too."""
    text = (
        SMALL.replace("sli: availability", "sli: [availability]")
        + "detectors: [{detector: latency, pages: true}]\n"
    )
    located = problems(text, tmp_path)
    assert [problem for problem in located if ":7:41: unknown value ['availability']" in problem], located


def test_overrides_are_validated_like_the_file(tmp_path: Path) -> None:
    """`--set` accepts and rejects the same values as the file."""
    scenario = read(SMALL, tmp_path, load__rate="120/s", hold="3s", system__regions="[eu-west]")
    assert (scenario.load.rate, scenario.hold, scenario.system.regions) == (120, 3, ("eu-west",))
    assert read(SMALL, tmp_path, abort="[impact.failed_ratio > 5%]").abort == ("impact.failed_ratio > 5%",)
    with pytest.raises(Invalid, match=r"--set abort=\[ttr > 1s\].*'ttr' is known only at the end"):
        read(SMALL, tmp_path, abort="[ttr > 1s]")
    with pytest.raises(Invalid, match="isn't a rate"):
        read(SMALL, tmp_path, load__rate="120")
    with pytest.raises(Invalid, match="can't be overridden"):
        read(SMALL, tmp_path, story="x")


@pytest.mark.parametrize("name", sorted(library.paths()))
def test_every_bundled_scenario_is_good(name: str, tmp_path: Path) -> None:
    """A bundled scenario validates, has its file's name, names the schema, and reads back once
    resolved."""
    path = library.paths()[name]
    scenario = library.read(path)
    assert scenario.name == name
    assert scenario.hypothesis
    assert path.read_text(encoding="utf-8").startswith(
        "# yaml-language-server: $schema=../scenario.schema.json\n"
    )
    resolved = tmp_path / "scenario.yaml"
    resolved.write_text(yaml.safe_dump(scenario.document(), sort_keys=False), encoding="utf-8")
    again = load(resolved, ACTIONS)
    assert again == scenario
    assert read_resolved(resolved).document() == scenario.document()


def test_the_schema_for_editors_is_the_models_own() -> None:
    """The schema that scenarios name is what `gameday schema` prints, and it accepts the library."""
    import json

    import jsonschema

    published = json.loads((bundled.scenarios() / "scenario.schema.json").read_text(encoding="utf-8"))
    assert published == json_schema(ACTIONS)
    validator = jsonschema.Draft202012Validator(published)
    for path in library.paths().values():
        validator.validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    broken = yaml.safe_load(SMALL)
    broken["timeline"][0]["deploi"] = {}
    assert not validator.is_valid(broken)


def test_abort_conditions_are_read_and_resolved(tmp_path: Path) -> None:
    """A scenario has no abort conditions by default; they may name regions of every variant of a
    matrix."""
    assert read(SMALL, tmp_path).abort == ()
    matrix = "matrix: {a: {system: {regions: [mars]}}, b: {}}\n"
    condition = 'impact.regions["mars"].failed_ratio > 5%'
    scenario = read(f"{SMALL}{matrix}abort: ['{condition}', elapsed > 5m]\n", tmp_path)
    assert scenario.abort == (condition, "elapsed > 5m")
    assert scenario.document()["abort"] == [condition, "elapsed > 5m"]
