"""An on-call in thirty lines: acknowledges every page, rolls back the newest change, and prints the result.

python docs/example-client.py ~/.local/state/gameday/doors/<run>.json
"""

import json
import sys
import time
import urllib.request
from pathlib import Path

credentials = json.loads(Path(sys.argv[1]).read_text())
tried = set()


def send(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{credentials['host']}:{credentials['port']}{path}", data)
    request.add_header("Authorization", f"Bearer {credentials['token']}")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=90) as answer:
        return json.load(answer)


while Path(sys.argv[1]).exists():
    status = send("/v1/status")
    for page in (alert for alert in status["alerts"] if not alert["acknowledged_by"]):
        send("/v1/operations", {"name": "ack", "target": page["id"], "as": "example"})
    live = [c for c in status["changes"] if c["state"] in ("running", "done") and not c["rollback_of"]]
    if status["alerts"] and live and live[-1]["id"] not in tried:
        tried.add((change := live[-1])["id"])
        operation = {"name": "rollback", "target": change["service"], "change": change["id"], "as": "example"}
        number = send("/v1/operations", operation)["id"]
        print(json.dumps(send(f"/v1/operations/{number}?wait=60")), flush=True)  # noqa: T201
    time.sleep(0.2)
