"""What docs/ promises programs: the OpenAPI document fits the answers, and the example client does its work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import jsonschema
import yaml

from gameday.operations import Operation, OperationName
from gameday.operator_api.credentials import written
from gameday.operator_api.endpoints import LONGEST_WAIT
from gameday.operator_api.operation_requests import FIELDS, LONGEST, SHORT
from gameday.operator_api.status_view import seen_slos
from tests.support.operator_api_client import MadeUp, opened, send
from tests.support.paths import DOCS
from tests.support.slo_samples import CHECKOUT, samples

API = yaml.safe_load((DOCS / "door.openapi.yaml").read_text(encoding="utf-8"))


def fits(name: str, content: Any) -> None:
    """Raises where the content isn't what the document says."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": API["components"]}
    jsonschema.validate(content, schema, cls=jsonschema.Draft202012Validator)


def test_the_answers_are_what_the_document_says() -> None:
    """Status, operation and SLO, with no key more or less."""
    run = MadeUp(states={"o1": ("failed", "no")})
    with opened(run) as key:
        send(key, "POST", "/v1/operations", {"name": "ack", "target": "a1"})
        seen = send(key, "GET", "/v1/status")[1]
        fits("Operation", send(key, "GET", "/v1/operations/o1")[1])
    seen["slos"] = seen_slos([CHECKOUT], samples(30.0, 40.0), 35.0)
    fits("Status", seen)


def test_the_document_knows_the_names_and_bounds() -> None:
    """As the code has them."""
    order = API["components"]["schemas"]["Order"]["properties"]
    assert tuple(order) == FIELDS
    assert {name: order[name]["maxLength"] for name in FIELDS[1:]} == {
        "target": SHORT,
        "change": SHORT,
        **LONGEST,
    }
    assert API["components"]["schemas"]["Name"]["enum"] == list(get_args(OperationName))
    assert API["paths"]["/v1/operations/{id}"]["get"]["parameters"][1]["schema"]["maximum"] == LONGEST_WAIT


def test_the_example_client_takes_the_page_and_rolls_back(tmp_path: Path) -> None:
    """As a program of its own, until the run's key is gone."""
    run = MadeUp(states={f"o{number}": ("done", "") for number in range(1, 9)})
    client = DOCS / "example-client.py"
    assert len(client.read_text(encoding="utf-8").splitlines()) <= 40
    environment = {**os.environ, "http_proxy": "http://127.0.0.1:1"}  # no way to a run
    with opened(run) as key, written(key, tmp_path) as path:
        command = [sys.executable, str(client), str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            path.unlink()
            assert process.wait(timeout=20) == 0
    assert run.asked == [Operation("ack", "a1", "example"), Operation("rollback", "pricing", "example", "c1")]
    assert json.loads(line)["state"] == "done"
