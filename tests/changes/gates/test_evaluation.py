"""Tests of the gates that look at people: each finds a planted defect and lets a clean change pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from gameday import registries
from gameday.changes.change_identity import Ai, Person, diff_hash, text_hash
from gameday.changes.changed_files import ChangedFile, Line, changed_files, changed_files_of_git
from gameday.changes.gates.evaluation import Evaluation, evaluate
from gameday.changes.gates.gate import Finding, Gate, GateContext, Proposal, reject
from gameday.changes.people import Owners, People
from gameday.ports import PortError

PATCH = "--- a/shop/app.py\n+++ b/shop/app.py\n@@ -1,2 +1,2 @@\n before\n-old\n+new\n"
PROMPT = "Make it new."
MID = Person(id="dev", role="engineer", level="mid")
PEER = Person(id="peer", role="engineer", level="mid")
OWNER = Person(id="web-owner", role="code owner", level="senior")
PEOPLE = People(
    {"dev": MID, "peer": PEER, "web-owner": OWNER},
    Owners("* @peer\n/releases/web-*/ @web-owner\n/free/\n", "compose/OWNERS"),
)
CONTEXT = GateContext(people=PEOPLE)
AI = Ai(tool="t", model="m", prompt=PROMPT, promptHash=text_hash(PROMPT), diffHash=diff_hash(PATCH))
CLEAN = Proposal(
    change="c1",
    name="web-1.1.0",
    service="web",
    kind="code",
    author=MID,
    ai=AI,
    approvals=(OWNER,),
    patch=PATCH,
    files=(ChangedFile("shop/app.py", (Line(2, "new"),), (Line(2, "old"),)),),
    statement="releases/web-1.1.0/release.yaml",
    places={"author": 5, "ai": 6, "ai.diffHash": 11, "approvals": 12},
)
BY_HAND = replace(CLEAN, ai="none")


def findings(gate: str, proposal: Proposal, context: GateContext = CONTEXT) -> Sequence[Finding]:
    return list(registries.GATES[gate].check(proposal, context))


@pytest.mark.parametrize("gate", ["provenance", "ownership", "seniority"])
@pytest.mark.parametrize("proposal", [CLEAN, BY_HAND], ids=["ai", "by hand"])
def test_a_clean_change_passes(gate: str, proposal: Proposal) -> None:
    """A change that states its provenance and has the owner's approval passes every gate."""
    assert findings(gate, proposal) == []


@pytest.mark.parametrize(
    ("gate", "proposal", "line", "message"),
    [
        ("provenance", replace(CLEAN, ai=None), 6, "doesn't state whether AI had part"),
        ("provenance", replace(CLEAN, ai=None, places={"author": 5}), 5, "doesn't state"),
        (
            "provenance",
            replace(CLEAN, patch=PATCH.replace("new", "newer")),
            11,
            "diffHash isn't that of the diff",
        ),
        (
            "provenance",
            replace(CLEAN, ai=AI.model_copy(update={"prompt": "Else."})),
            6,
            "promptHash isn't that",
        ),
        (
            "provenance",
            replace(CLEAN, ai=AI.model_copy(update={"diff_hash": None})),
            11,
            "isn't bound to the diff",
        ),
        ("ownership", replace(CLEAN, approvals=()), 12, "no owner of web has approved"),
        ("ownership", replace(CLEAN, approvals=(PEER,)), 12, "no owner of web has approved"),
        ("ownership", replace(BY_HAND, author=OWNER), 12, "no owner of web has approved"),
        ("ownership", replace(CLEAN, author=OWNER), 12, "web-owner approved their own AI-assisted change"),
        ("seniority", replace(CLEAN, approvals=()), 12, "a mid-level author has no senior's approval"),
        ("seniority", replace(CLEAN, approvals=(PEER,)), 12, "no senior's approval"),
        ("seniority", replace(CLEAN, approvals=(MID,)), 12, "no senior's approval"),
    ],
)
def test_a_planted_defect_is_found_at_its_place(
    gate: str, proposal: Proposal, line: int, message: str
) -> None:
    """Each gate finds its defect, with the file and line of the statement."""
    first = findings(gate, proposal)[0]
    assert message in first.message
    assert (first.file, first.line) == ("releases/web-1.1.0/release.yaml", line)


def test_a_senior_needs_no_senior() -> None:
    """An AI-assisted change by a senior, and any change by hand, passes seniority without approvals."""
    assert not findings("seniority", replace(CLEAN, author=OWNER, approvals=()))
    assert not findings("seniority", replace(BY_HAND, approvals=()))


def test_paths_without_a_service_each_need_an_owner() -> None:
    """In a repository each path's owners are asked; a path that nobody owns is a finding that nobody can approve."""
    files = (ChangedFile("a.py"), ChangedFile("b.py"), ChangedFile("free/x"))
    found = findings("ownership", replace(BY_HAND, service="", files=files))
    assert [(finding.message, finding.approval) for finding in found] == [
        ("no owner of a.py has approved", "owner"),
        ("free/x has no owner", ""),
    ]


def test_the_result_depends_on_who_can_approve() -> None:
    """Findings that roles can approve need approval; one that nobody can blocks; warn never stops."""
    (needs,) = evaluate(replace(CLEAN, approvals=()), CONTEXT, ["ownership"], {})
    (blocked,) = evaluate(replace(CLEAN, ai=None), CONTEXT, ["provenance"], {})
    (warned,) = evaluate(replace(CLEAN, ai=None), CONTEXT, ["provenance"], {"provenance": "warn"})
    (passed,) = evaluate(CLEAN, CONTEXT, ["provenance"], {})
    results = [(each.result, each.stops) for each in (needs, blocked, warned, passed)]
    assert results == [("needs-approval", True), ("blocked", True), ("blocked", False), ("passed", False)]
    assert needs.roles == ("owner",)
    assert Evaluation("x", "block", (), 0.0).roles == ()


@pytest.mark.parametrize(
    ("error", "words"),
    [(PortError("needs a package"), "needs a package"), (KeyError("x"), "failed: KeyError: 'x'")],
)
def test_a_gate_that_can_not_judge_blocks(
    error: Exception, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate that raises is a finding, whatever it raises; a broken gate lets nothing through."""

    def fail(proposal: Proposal, context: GateContext) -> Sequence[Finding]:
        raise error

    monkeypatch.setitem(registries.GATES._loaded, "provenance", Gate("provenance", "s", fail))
    (evaluation,) = evaluate(CLEAN, CONTEXT, ["provenance"], {})
    assert evaluation.result == "blocked"
    assert evaluation.findings[0].message.endswith(words)


def test_lines_of_a_diff_have_the_numbers_of_the_file() -> None:
    """Added lines carry numbers of the new file; git's renames and binary files are listed too."""
    (file,) = changed_files(PATCH, "change.patch")
    assert (file.path, file.added, file.removed) == ("shop/app.py", (Line(2, "new"),), (Line(2, "old"),))
    git = "diff --git a/x b/x\ndeleted file mode 100644\nindex 1..0\n--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-gone\n"
    (gone,) = changed_files_of_git(git)
    assert (gone.path, gone.deleted, gone.first_line) == ("x", True, 1)
    assert changed_files("", "change.patch") == ()


@pytest.mark.parametrize(
    "roles", [["owner"] * 60, ["owner"] * 60 + [""], [""] + ["owner"] * 60, ["owner"] * 60 + ["senior"]]
)
def test_findings_that_are_cut_still_decide(roles: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """However many findings a gate has, one that nobody may approve blocks, and each role is asked."""

    def many(proposal: Proposal, context: GateContext) -> Sequence[Finding]:
        return [Finding(f"finding {n}", "x", n + 1, "", role) for n, role in enumerate(roles)]

    monkeypatch.setitem(registries.GATES._loaded, "provenance", Gate("provenance", "s", many))
    (evaluation,) = evaluate(CLEAN, CONTEXT, ["provenance"], {})
    assert len(evaluation.findings) == 50
    assert evaluation.result == ("blocked" if "" in roles else "needs-approval")
    assert set(evaluation.roles) == set(roles) - {""}
    assert evaluation.findings == tuple(sorted(evaluation.findings, key=lambda finding: finding.line))


def test_a_plug_in_that_is_no_gate_is_refused() -> None:
    """The registry takes a Gate of the same name alone."""
    gate = Gate("mine", "s", lambda proposal, context: ())
    assert reject("mine", gate) is None
    assert "must be the same" in (reject("other", gate) or "")
    assert "is a str" in (reject("mine", "gate") or "")
