"""Broken scenario files: library files with a few changes, as text or as parsed data."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from hypothesis import strategies as st

from gameday.execution import library
from gameday.scenario import Scenario

Draw = Callable[[st.SearchStrategy[Any]], Any]
GOOD = [path.read_text(encoding="utf-8") for path in library.paths().values()]
WHOLE = """\
apiVersion: gameday/v1
kind: Scenario
name: everything
title: Every key there is
story: Told in a line.
hypothesis: None.
owner: {role: nobody, contact: nowhere}
runbook: https://example.com
tags: [a, b]
system: {topology: storefront, regions: [us-east, eu-west], port: 8080, replication: {mode: sync, delay: 10ms}}
guardrails: {timeouts: true, breaker: true, bulkhead: false, retryBudget: true}
load: {rate: 60/s, journeys: {browse: 6, buy: 2}, timeout: 2s, thinkTime: 200ms, warmup: 3s, maxRate: 500/s}
slos:
  - {name: checkout, journey: buy, sli: availability, objective: 99.5%, window: 10s}
  - {name: speed, journey: browse, sli: latency, under: 300ms, objective: 99%}
  - {name: prices, sli: correctness, objective: 99.9%}
steadyState: {for: 10s}
detectors:
  - {detector: cusum, pages: true, params: {}}
  - {detector: latency}
  - {detector: correctness}
  - {detector: scrape, every: 5s, for: 10s}
timeline:
  - {at: 0s, deploy: {release: pricing-1.1.0, strategy: rolling, pause: 1s}}
  - {at: 1s, link.latency: {link: {from: checkout, to: payments, region: us-east}, latency: 300ms, for: 5s}}
  - {at: 2s, region.isolate: {region: eu-west, for: 5s}}
  - {at: 3s, instance.memory: {service: pricing, count: all, memory: 64MiB, for: 5s}}
  - {at: 4s, load.surge: {factor: 3, ramp: 1s, for: 5s}}
  - {at: 5s, environment.delete: {region: us-east, release: costs-1.1.0}}
respond: {by: auto, policy: failover-then-rollback}
hold: 10s
giveUp: 60s
allowScheduled: true
matrix:
  with: {guardrails: {breaker: true}, system: {regions: [eu-west, us-east]}, load: {rate: 50/s}, expect: [ttd < 5s]}
  without: {guardrails: {breaker: false}, respond: {by: none}}
expect:
  - ttd < 5s
  - slos["prices"].verdict == "ok"
"""
KEYS = [each.alias or name for name, each in Scenario.model_fields.items()]
DEEP = 3000
LONG = 90_000

SCALARS = [
    *(
        "",
        "~",
        "null",
        "true",
        "no",
        "-1",
        "0",
        "1e999",
        "-.inf",
        ".nan",
        "0x" + "f" * 60,
        "9" * 39,
        "9" * 4000,
        "1e-400",
    ),
    *(
        "12:30",
        "2026-01-02",
        "<<",
        "=",
        "?",
        "*",
        "&",
        "!",
        "%",
        "@",
        "`",
        "|",
        ">",
        "- -",
        "::",
        "{",
        "[",
        "'",
        '"',
    ),
    *(
        "60",
        "60/s",
        "-60/s",
        "1e9/s",
        "0/s",
        "10 s",
        "10S",
        "10s",
        "-10s",
        "1000000d",
        "10parsecs",
        "9" * 400 + "s",
    ),
    *(
        "100%",
        "0%",
        "-1%",
        "200%",
        "99.999999999999%",
        "0.995",
        "%",
        "512B",
        "9999999999GB",
        "0.5ms",
        "64KB/s",
    ),
    *(
        "../../etc/passwd",
        "/etc/passwd",
        "file:///etc/passwd",
        "pricing-1.1.0/../../x",
        "pricing-1.1.0",
        "pricing-9.9.9",
    ),
    *(
        "us-east",
        "edge",
        "us east",
        "nowhere",
        "a" * 31,
        "payments",
        "postgres",
        "$(id)",
        "${HOME}",
        "`id`",
        "; rm -rf /",
    ),
    *(
        "\u202egnp.exe",
        "\ufeff",
        "caf\u00e9",
        "\U0001f4a5",
        '"\\ud800"',
        '"\\0"',
        '"\\e[31m"',
        "\u2028",
        "𝟙𝟘s",
        "１０s",
    ),
    *(
        "!!python/object/apply:os.system [id]",
        "!!python/name:os.system",
        "!!binary aGk=",
        "!!binary ä",
        "!!set {a, b}",
    ),
    *(
        "!!timestamp 2026-01-02",
        "!!timestamp x",
        "!!int x",
        "!!float ''",
        "!!bool 7",
        "!!null x",
        "!!omap [a: 1]",
    ),
    *(
        "!!pairs [a: 1]",
        "!!str 1",
        "!!map []",
        "!!seq {}",
        "!local x",
        "!<tag:yaml.org,2002:str> x",
        "&a [*a]",
        "*a",
    ),
    *(
        "{<<: {a: 1}}",
        "{? [a]: 1}",
        "{{}: 1}",
        "{a: {b: {c: {}}}}",
        "[[[[]]]]",
        "{1: 2, 1.5: 3, null: 4, true: 5}",
    ),
]
EXPRESSIONS = [
    *(
        "",
        "ttd",
        "ttd <",
        "ttd < 5",
        "ttd < 5parsecs",
        "tdd < 5s",
        "1s < ttd < 5s",
        "ttd < '5s'",
        "detect < 5s",
        "true",
    ),
    *(
        "impact",
        "impact.regions",
        "impact.regions['x'].failed",
        "slos['nope'].verdict == 'ok'",
        "slos[ttd].verdict == 'ok'",
    ),
    *(
        "detectors['cusum'].ttd < 5s",
        "ended_by == 1",
        "[1, 2].all(x, x > 0)",
        "[1].map(x, [1].map(y, x))",
        "size('x') > 0",
    ),
    *(
        "'" + "a" * 60 + "!'.matches('^(a+)+$')",
        "'x'.nope()",
        "os.system('id')",
        "__import__('os')",
        "1 / 0 == 1",
        "1 % 0 == 1",
        "ttd ? 1 : 2",
    ),
    *(
        "(" * 200,
        "!" * 400 + "effect",
        "-" * 400 + "1 < ttd",
        "(" * 200 + "ttd" + ")" * 200 + " < 5s",
        "[" * 200 + "]" * 200,
    ),
    *(
        "ttd < 5s // c",
        "ttd < 5s && ",
        "ttd < 5s\n&& ttr < 5s",
        "ttd < 1e999s",
        "ttd < " + "9" * 300 + "s",
        "\"\\ud800\" == ''",
    ),
    *(
        "b'x' == b'x'",
        "timestamp('x') < ttd",
        "duration('x') < ttd",
        "{'a': 1}.a == 1",
        "{}.a",
        "dyn(1)",
        "type(ttd) == 1",
    ),
    *(
        "[" + "1," * 200 + "1].all(x, true)",
        "ttd.ttd.ttd",
        "_ttd",
        "in in in",
        "ttd in [ttd]",
        "null == null",
        "x" * 501,
    ),
    "[0,1,2,3,4,5,6,7,8,9].all(a, [0,1,2,3,4,5,6,7,8,9].all(b, [0,1,2,3,4,5,6,7,8,9].all(c, [0,1,2,3,4,5,6,7,8,9]"
    ".all(d, [0,1,2,3,4,5,6,7,8,9].all(e, [0,1,2,3,4,5,6,7,8,9].all(f, [0,1,2,3,4,5,6,7,8,9].all(g, true)))))))",
]
VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        7,
        10**30,
        1.5,
        float("inf"),
        float("nan"),
        "",
        "x",
        "10s",
        "60/s",
        "99%",
        "us-east",
    ),
    *(
        [],
        {},
        [[]],
        [None],
        {"a": None},
        {"at": "0s"},
        [1, 2, 3],
        ["us-east"],
        ["x"] * 50,
        {"for": "0s"},
        {"": ""},
    ),
    *(
        "a" * 5000,
        ["a" * 5000],
        {"a" * 5000: 1},
        "../../etc/passwd",
        "\x00",
        "\x1b[31m",
        {"release": "../../etc/passwd"},
    ),
    *({"release": ["pricing-1.1.0"]}, {"release": {"a": 1}}, {"service": ["x"], "for": [1]}, {"region": 5}),
]
BOMBS = [
    "a: &a [x, x]\n"
    + "".join(f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefghijk", "bcdefghijkl", strict=True)),
    "[" * DEEP,
    "{a: " * DEEP,
    "- " * DEEP,
    "".join(" " * i + "a:\n" for i in range(400)),
    "".join(f"key{i}: {i}\n" for i in range(5000)),
    "expect:\n" + "  - ttd < 5s\n" * 5000,
    "timeline:\n" + "  - {at: 0s, deploy: {release: pricing-1.1.0}}\n" * 1500,
    "timeline:\n" + "  - {at: 0s, nope: {}}\n" * 3000,
    "slos:\n" + "".join(f"  - {{name: s{i}, sli: availability, objective: 99%}}\n" for i in range(1500)),
    "system: {regions: [" + ", ".join(f"r{i}" for i in range(5000)) + "]}\n",
    "matrix: {" + ", ".join(f"v{i}: {{load: {{rate: 1/s}}}}" for i in range(1000)) + "}\n",
    "tags: [" + ", ".join(f"t{i}" for i in range(9000)) + "]\n",
    "title: " + "x" * LONG + "\n",
    "? " + "x" * LONG + "\n: 1\n",
    "title: |\n" + "  line\n" * 9000,
    "--- \na: 1\n--- \nb: 2\n",
    "%YAML 1.1\n%TAG ! tag:x,2000:\n---\na: !b c\n",
]


def each_kind() -> Iterator[str]:
    """Return one file for each kind of nonsense, at a place where it may do harm."""
    yield WHOLE
    yield from (f"title: {scalar}\n" + WHOLE.replace("title: Every key there is\n", "") for scalar in SCALARS)
    yield from (WHOLE.replace("release: pricing-1.1.0", f"release: {scalar}") for scalar in SCALARS)
    yield from (WHOLE.replace("ttd < 5s", json.dumps(expression)) for expression in EXPRESSIONS)
    for bomb in BOMBS:
        yield (
            "".join(part for part in _sections(WHOLE) if part.partition(":")[0] != bomb.partition(":")[0])
            + bomb
        )


@st.composite
def hostile(draw: Draw) -> bytes:
    """Draw a file: the one with every key, or one of the library, with one or several changes."""
    text: str = WHOLE if draw(st.booleans()) else draw(st.sampled_from(GOOD))
    restructured = draw(st.integers(0, 3))
    if restructured:
        text = _restructured(draw, text)
    for change in draw(st.lists(st.sampled_from(CHANGES), min_size=int(not restructured), max_size=2)):
        text = change(draw, text)
    raw = text.encode("utf-8", "surrogatepass")
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 0, 0, 1, 3]))):
        raw = _flipped(draw, raw)
    return raw


def _flipped(draw: Draw, raw: bytes) -> bytes:
    at, byte, removed = (int(draw(st.integers(0, most))) for most in (max(0, len(raw) - 1), 255, 1))
    return raw[:at] + bytes([byte]) + raw[at + removed :]


def _line(draw: Draw, lines: list[str]) -> int:
    return int(draw(st.integers(0, max(0, len(lines) - 1))))


def _deleted(draw: Draw, text: str) -> str:
    lines = text.splitlines(keepends=True)
    at = _line(draw, lines)
    return "".join(lines[:at] + lines[at + draw(st.integers(1, 3)) :])


def _doubled(draw: Draw, text: str) -> str:
    lines = text.splitlines(keepends=True)
    at = _line(draw, lines)
    return "".join(lines[:at] + lines[at : at + 1] * draw(st.sampled_from([2, 3, 50])) + lines[at + 1 :])


def _swapped(draw: Draw, text: str) -> str:
    lines = text.splitlines(keepends=True)
    if not lines:
        return text
    one, two = _line(draw, lines), _line(draw, lines)
    lines[one], lines[two] = lines[two], lines[one]
    return "".join(lines)


def _indented(draw: Draw, text: str) -> str:
    lines = text.splitlines(keepends=True)
    at = _line(draw, lines)
    by = draw(st.sampled_from([" ", "  ", "\t", "- ", "", "        "]))
    return "".join([*lines[:at], by + "".join(lines[at : at + 1]).lstrip(), *lines[at + 1 :]])


def _cut(draw: Draw, text: str) -> str:
    return text[: int(draw(st.integers(0, len(text))))]


def _inserted(draw: Draw, text: str) -> str:
    at = int(draw(st.integers(0, len(text))))
    return f"{text[:at]}{draw(st.one_of(st.sampled_from(SCALARS), st.text(max_size=8)))}{text[at:]}"


def _revalued(draw: Draw, text: str) -> str:
    """Put another value behind a colon."""
    places = [at for at, character in enumerate(text) if character == ":"]
    if not places:
        return text
    at = draw(st.sampled_from(places)) + 1
    ends = [position for end in (",", "}", "\n") if (position := text.find(end, at)) >= 0]
    return f"{text[:at]} {draw(st.sampled_from(SCALARS))}{text[min(ends, default=len(text)) :]}"


def _expecting(draw: Draw, text: str) -> str:
    """Add one more expectation, or an abort of another kind."""
    expression = json.dumps(draw(st.one_of(st.sampled_from(EXPRESSIONS), st.text(max_size=20))))
    return f"{text.rstrip()}\n  - {expression}\n"


def _bombed(draw: Draw, text: str) -> str:
    """Put a top-level key with a huge value before or after the file, in place of its own."""
    bomb = str(draw(st.sampled_from(BOMBS)))
    key = bomb.partition(":")[0]
    kept = [part for part in _sections(text) if not part.startswith(f"{key}:")]
    return bomb + "".join(kept) if draw(st.booleans()) else "".join(kept) + bomb


def _sections(text: str) -> Iterator[str]:
    """Split the text by its top-level keys."""
    section = ""
    for line in text.splitlines(keepends=True):
        if section and not line.startswith((" ", "\n")):
            yield section
            section = ""
        section += line
    yield section


CHANGES = [
    _deleted,
    _doubled,
    _swapped,
    _indented,
    _cut,
    _inserted,
    _revalued,
    _revalued,
    _expecting,
    _bombed,
]


def _restructured(draw: Draw, text: str) -> str:
    """Replace a node by any value or a key by another, or double or remove an item; the text stays
    YAML."""
    data = yaml.safe_load(text)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(data))
        if not places:
            break
        values = [*VALUES, *(node for node, _ in places)]
        value = copy.deepcopy(values[draw(st.integers(0, len(values) - 1))])
        holder, key = places[draw(st.integers(0, len(places) - 1))]
        how = draw(st.integers(0, 6))
        if how == 0 and isinstance(holder, dict):
            name = draw(
                st.one_of(
                    st.sampled_from(["at", "for", "name", "release", "x", "", "null"]), st.text(max_size=5)
                )
            )
            holder[name] = holder.pop(key)
        elif how == 1 and isinstance(holder, list):
            holder.extend(copy.deepcopy(holder[key]) for _ in range(draw(st.sampled_from([1, 40]))))
        elif how == 2:
            del holder[key]
        elif how == 3:
            data[draw(st.sampled_from(KEYS))] = value
        else:
            holder[key] = value
    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Return (mapping or list, key or index) of every node."""
    waiting, seen = [data], set()
    while waiting:
        holder = waiting.pop()
        if not isinstance(holder, dict | list) or id(holder) in seen:
            continue
        seen.add(id(holder))
        for key in list(holder if isinstance(holder, dict) else range(len(holder))):
            yield holder, key
            waiting.append(holder[key])
