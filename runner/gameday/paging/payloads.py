"""Messages to receivers: a page, its acknowledgement and its end, in each format. Every text begins with `[DRILL]`.

PagerDuty: Events API v2, https://developer.pagerduty.com/docs/events-api-v2-overview. Slack: incoming webhooks, whose
`text` every compatible room understands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gameday.paging.receiver_kind import ReceiverKind
from gameday.paging.target import Target
from gameday.registries import PAGING
from gameday.scenario.system_under_test import STOREFRONT

Action = Literal["trigger", "acknowledge", "resolve"]
MARK = "[DRILL]"
MAX_SUMMARY = 1024
"""Characters of a summary that PagerDuty accepts."""


@dataclass(frozen=True)
class Page:
    """One alert as receivers get it. `at` is an ISO 8601 time; `runbook` an address or a text, or None."""

    run: str
    alert: str
    summary: str
    slo: str
    at: str
    region: str | None = None
    runbook: str | None = None

    @property
    def key(self) -> str:
        """The deduplication key of every message about this alert."""
        return f"gameday-{self.run}-{self.alert}"


def payload(target: Target, action: Action, page: Page, by: str = "") -> Mapping[str, Any]:
    """Return the JSON body of a message; `by` is the role that acknowledged."""
    kind: ReceiverKind = PAGING[target.format]
    return kind.payload(target, action, page, by)


def _json(target: Target, action: Action, page: Page, by: str) -> Mapping[str, Any]:
    return {
        "schema": "gameday/page/v1",
        "action": action,
        "id": page.key,
        "run": page.run,
        "alert": page.alert,
        "text": f"{_headline(action, page, by)}. {_runbook_line(page)}",
        "slo": page.slo,
        "region": page.region,
        "at": page.at,
        "runbook": page.runbook,
        "by": by or None,
    }


def _pagerduty(target: Target, action: Action, page: Page, by: str) -> Mapping[str, Any]:
    event: dict[str, Any] = {"routing_key": target.key, "event_action": action, "dedup_key": page.key}
    if action != "trigger":
        return event
    event["client"] = "gameday"
    event["payload"] = {
        "summary": f"{MARK} {page.summary}"[:MAX_SUMMARY],
        "source": page.region or STOREFRONT.name,
        "severity": "critical",
        "timestamp": page.at,
        "component": page.slo,
        "group": page.run,
        "custom_details": {"runbook": page.runbook or "none", "drill": True, "alert": page.alert},
    }
    if page.runbook and page.runbook.startswith(("http://", "https://")):
        event["links"] = [{"href": page.runbook, "text": "Runbook"}]
    return event


def _slack(target: Target, action: Action, page: Page, by: str) -> Mapping[str, Any]:
    """Return the text with Slack's three special characters escaped, so that no summary notifies a channel."""
    text = f"{_headline(action, page, by)}\n{_runbook_line(page)}"
    return {"text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}


def _headline(action: Action, page: Page, by: str) -> str:
    where = f" ({page.region})" if page.region else ""
    what = f"{page.alert}{where}: {page.summary}"
    if action == "trigger":
        return f"{MARK} PAGE {what}"
    if action == "acknowledge":
        return f"{MARK} acknowledged{f' by {by}' if by else ''}: {what}"
    return f"{MARK} resolved: {what}"


def _runbook_line(page: Page) -> str:
    return f"Runbook: {page.runbook}" if page.runbook else "No runbook."


SLACK = ReceiverKind(_slack)
JSON = ReceiverKind(_json)
PAGERDUTY = ReceiverKind(
    _pagerduty, default_url="https://events.pagerduty.com/v2/enqueue", key_pattern=r"[\w-]{1,100}"
)
