"""Differences between the variants of a matrix, in sentences.

Only differences are described, and nothing is judged. Any value may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gameday_reports.text.formatting import interval, percent, seconds
from gameday_reports.text.loose import mapping, number, pick, rows, text
from gameday_reports.text.statistics_text import counted, whole

Variant = Mapping[str, Any]

BAD = {"availability": "failed", "latency": "were too slow", "correctness": "were answered wrongly"}
GUARDRAIL = "guardrails."


def sentences(variants: Sequence[Variant]) -> list[str]:
    """Yield a sentence for each SLO, for the recovery and for orders in which the variants differ."""
    slos = [_slo(name, variants) for name in dict.fromkeys(n for each in variants for n in slos_of(each))]
    return [said for said in (*slos, _recovery(variants), _orders(variants)) if said]


def slos_of(variant: Variant) -> dict[str, Mapping[str, Any]]:
    return {text(each.get("name")): each for each in rows(variant.get("slos"))}


def name_of(variant: Variant) -> str:
    return text(variant.get("name")) or "unnamed"


def called(variant: Variant) -> str:
    """Return the variant's name in a sentence: 'with breaker and bulkhead', 'without', or just its
    name."""
    switched = guardrails(variant)
    return f"with {_joined(switched)}" if name_of(variant) == "with" and switched else name_of(variant)


def guardrails(variant: Variant) -> list[str]:
    """Return in words the guardrails that are on in this variant and not in every other one."""
    settings = mapping(variant.get("settings"))
    return [spelt(name) for name, value in settings.items() if name.startswith(GUARDRAIL) and value is True]


def spelt(setting: str) -> str:
    """Return 'retry budget' for 'guardrails.retryBudget'; any other setting with its section."""
    name = setting.removeprefix(GUARDRAIL)
    return "".join(f" {each.lower()}" if each.isupper() else each for each in name).replace(".", " ")


def _joined(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _sentence(subject: str, parts: Iterator[tuple[str, str]]) -> str:
    """Return a sentence that groups variants with the same result; empty if all are alike."""
    together: dict[str, list[str]] = {}
    for name, what in parts:
        together.setdefault(what, []).append(name)
    if len(together) < 2:
        return ""
    told = "; ".join(f"{_joined(names)}, {what}" for what, names in together.items())
    return f"{subject}: {told}."


def _slo(name: str, variants: Sequence[Variant]) -> str:
    found = [(called(each), slos_of(each).get(name, {})) for each in variants]
    if len({text(slo.get("verdict")) for _, slo in found}) < 2:
        return ""
    return _sentence(name, ((who, _course(slo)) for who, slo in found))


def _course(slo: Mapping[str, Any]) -> str:
    verdict = text(slo.get("verdict"))
    if verdict == "ok":
        return "it stayed within its objective"
    if verdict != "breach":
        return "it can’t be judged"
    ratio, lasted = number(slo.get("outage_bad_ratio")), number(slo.get("outage_s"))
    what = f"{text(slo.get('journey'))} requests".strip()
    if ratio is None or lasted is None:
        return "it was in breach"
    return f"{percent(ratio)} of {what} {BAD.get(text(slo.get('sli')), 'were bad')} for {seconds(lasted)}"


def _recovery(variants: Sequence[Variant]) -> str:
    states = {text(each.get("ttr_state")) for each in variants}
    return _sentence("Users", ((called(each), _users(each)) for each in variants)) if len(states) > 1 else ""


def _users(variant: Variant) -> str:
    value, state = interval(variant, "ttr")
    if state == "measured":
        return f"they were well again after {value}"
    return {"never": f"they never were well again ({state})", "no effect": "they were never hurt"}.get(
        value, "their recovery wasn’t measured"
    )


def _orders(variants: Sequence[Variant]) -> str:
    lost = {number(pick(each, "audit", "lost")) for each in variants}
    if len(lost) < 2:
        return ""
    return _sentence(
        "Acknowledged orders", ((called(each), _lost(mapping(each.get("audit")))) for each in variants)
    )


def _lost(audit: Mapping[str, Any]) -> str:
    if number(audit.get("lost")) is None:
        return "they weren’t audited"
    of = counted(whole(audit.get("acknowledged")), "order")
    return f"{whole(audit.get('lost')) or 'none'} of {of} lost"
