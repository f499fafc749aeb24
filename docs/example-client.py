"""An on-call in thirty lines: takes every page, rolls the newest change back, and says what came of it.

python docs/example-client.py ~/.local/state/gameday/doors/<run>.json
"""

import json
import sys
import time
import urllib.request
from pathlib import Path

key = json.loads(Path(sys.argv[1]).read_text())
tried = set()


def ask(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{key['host']}:{key['port']}{path}", data)
    request.add_header("Authorization", f"Bearer {key['token']}")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=90) as answer:
        return json.load(answer)


while Path(sys.argv[1]).exists():
    seen = ask("/v1/status")
    for page in (each for each in seen["alerts"] if not each["acknowledged_by"]):
        ask("/v1/operations", {"name": "ack", "target": page["id"], "as": "example"})
    standing = [c for c in seen["changes"] if c["state"] in ("running", "done") and not c["rollback_of"]]
    if seen["alerts"] and standing and standing[-1]["id"] not in tried:
        tried.add((change := standing[-1])["id"])
        order = {"name": "rollback", "target": change["service"], "change": change["id"], "as": "example"}
        number = ask("/v1/operations", order)["id"]
        print(json.dumps(ask(f"/v1/operations/{number}?wait=60")), flush=True)  # noqa: T201
    time.sleep(0.2)
