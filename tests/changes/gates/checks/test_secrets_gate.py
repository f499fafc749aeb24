"""Tests of the gate `secrets`: secrets in added lines, prompts and tasks; nothing in clean ones."""

from __future__ import annotations

import sys

import pytest

from gameday.ports import PortError
from tests.support.proposals import AI, findings, proposal

AWS = "AKIA" + "3XPLE7KLMNOPQRST"
CLEAN = ("total = price * 2", 'greeting = "hello"', "# a comment on keys")


def test_a_secret_in_an_added_line_is_found_at_its_line() -> None:
    """The finding has the file and line of the new file, and doesn't repeat the secret."""
    (finding,) = findings("secrets", proposal("shop/app.py", "x = 1", f'key = "{AWS}"'))
    assert (finding.file, finding.line) == ("shop/app.py", 2)
    assert "AWS" in finding.message
    assert AWS not in str(finding)


@pytest.mark.parametrize("what", ["the prompt", "the task"])
def test_a_secret_in_a_prompt_or_task_is_found(what: str) -> None:
    """What goes to an assistant leaves the house as well."""
    words = f"Log in with key {AWS} and fix it."
    if what == "the prompt":
        change = proposal(ai=AI.model_copy(update={"prompt": words}))
    else:
        change = proposal(task=words)
    (finding,) = findings("secrets", change)
    assert finding.message.endswith(f"in {what}")
    assert (finding.file, finding.line) == ("release.yaml", 9 if what == "the prompt" else 12)


def test_a_clean_change_passes() -> None:
    """Ordinary code and an ordinary prompt hold no secret, nor does a removed one count."""
    assert findings("secrets", proposal("shop/app.py", *CLEAN, removed=[f'key = "{AWS}"'], ai=AI)) == []


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without detect-secrets the gate never passes; the message names the extra."""
    monkeypatch.setitem(sys.modules, "detect_secrets.core.scan", None)
    with pytest.raises(PortError, match=r"needs detect-secrets: pip install 'gameday-runner\[gates\]'"):
        findings("secrets", proposal("shop/app.py", "x = 1"))
