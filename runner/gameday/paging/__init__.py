"""Pages by webhook: to Slack-compatible rooms, to PagerDuty, or as plain JSON.

`target` reads the address of a receiver, `payloads` makes the messages, `delivery` sends them without ever blocking the
run. The engine decides when to page.
"""

from gameday.paging.delivery import Pager, ReportDelivery
from gameday.paging.payloads import Page
from gameday.paging.receiver_kind import ReceiverKind
from gameday.paging.target import Target, read_target

__all__ = ["Page", "Pager", "ReceiverKind", "ReportDelivery", "Target", "read_target"]
