"""Pages by webhook: to Slack-compatible rooms, to PagerDuty, or as plain JSON.

`target` reads where to, `payloads` makes what is sent, `delivery` sends it without ever holding the run up. When to
page is left to the engine.
"""

from gameday.paging.delivery import Pager, Told
from gameday.paging.payloads import Page
from gameday.paging.target import FORMATS, Target, read_target

__all__ = ["FORMATS", "Page", "Pager", "Target", "Told", "read_target"]
