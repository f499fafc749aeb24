"""Differences between the variants of a matrix, in sentences.

Only differences are described, and nothing is judged. Any value may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gameday.analysis.model.harm_models import Audit
from gameday.analysis.model.matrix_model import Variant, VariantSlo
from gameday_reports.text.formatting import interval, percent, seconds
from gameday_reports.text.statistics_text import counted

BAD = {"availability": "failed", "latency": "were too slow", "correctness": "were answered wrongly"}
GUARDRAIL = "guardrails."


def sentences(variants: Sequence[Variant]) -> list[str]:
    """Yield a sentence for each SLO, for the recovery and for orders in which the variants differ."""
    slos = [
        _slo(name, variants) for name in dict.fromkeys(n for variant in variants for n in slos_of(variant))
    ]
    return [said for said in (*slos, _recovery(variants), _orders(variants)) if said]


def slos_of(variant: Variant) -> dict[str, VariantSlo]:
    """Return the SLOs of a variant by name."""
    return {slo.name: slo for slo in variant.slos}


def name_of(variant: Variant) -> str:
    """Return the name of a variant."""
    return variant.name or "unnamed"


def time_of(variant: Variant, key: str) -> tuple[str, str]:
    """Return (short text, state) of TTD, TTA, TTR or TTFR."""
    return interval(variant, key)


def variant_name(variant: Variant) -> str:
    """Return the variant's name in a sentence: 'with breaker and bulkhead', 'without', or just its
    name."""
    switched = guardrails(variant)
    return f"with {_joined(switched)}" if name_of(variant) == "with" and switched else name_of(variant)


def guardrails(variant: Variant) -> list[str]:
    """Return in words the guardrails that are on in this variant and not in every other one."""
    settings = variant.settings.items()
    return [setting_name(name) for name, value in settings if name.startswith(GUARDRAIL) and value is True]


def setting_name(setting: str) -> str:
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
    sentence = "; ".join(f"{_joined(names)}, {what}" for what, names in together.items())
    return f"{subject}: {sentence}."


def _slo(name: str, variants: Sequence[Variant]) -> str:
    slos = [
        (variant_name(variant), slos_of(variant).get(name, VariantSlo(name=name))) for variant in variants
    ]
    if len({slo.verdict for _, slo in slos}) < 2:
        return ""
    return _sentence(name, ((who, _course(slo)) for who, slo in slos))


def _course(slo: VariantSlo) -> str:
    if slo.verdict == "ok":
        return "it stayed within its objective"
    if slo.verdict != "breach":
        return "it can’t be judged"
    ratio, lasted = slo.outage_bad_ratio, slo.outage_s
    if ratio is None or lasted is None:
        return "it was in breach"
    what = f"{slo.journey or ''} requests".strip()
    return f"{percent(ratio)} of {what} {BAD.get(slo.sli or '', 'were bad')} for {seconds(lasted)}"


def _recovery(variants: Sequence[Variant]) -> str:
    states = {variant.ttr_state for variant in variants}
    return (
        _sentence("Users", ((variant_name(each), _users(each)) for each in variants))
        if len(states) > 1
        else ""
    )


def _users(variant: Variant) -> str:
    value, state = time_of(variant, "ttr")
    if state == "measured":
        return f"they were well again after {value}"
    return {"never": f"they never were well again ({state})", "no effect": "they were never hurt"}.get(
        value, "their recovery wasn’t measured"
    )


def _orders(variants: Sequence[Variant]) -> str:
    lost = {variant.audit.lost for variant in variants}
    if len(lost) < 2:
        return ""
    return _sentence("Acknowledged orders", ((variant_name(each), _lost(each.audit)) for each in variants))


def _lost(audit: Audit) -> str:
    if audit.lost is None:
        return "they weren’t audited"
    return f"{audit.lost or 'none'} of {counted(audit.acknowledged or 0, 'order')} lost"
