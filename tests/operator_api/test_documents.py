"""Documents for programs: the OpenAPI document matches the answers, and the example client works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from gameday.operations import Operation
from gameday.operator_api.credentials import credentials_file
from gameday.operator_api.endpoints import MAX_WAIT_S
from gameday.operator_api.operation_requests import DEFAULT_LENGTH, FIELDS, MAX_LENGTHS
from gameday.operator_api.status_view import slo_rows
from gameday.registries import OPERATIONS
from tests.support.operator_api_client import FakeRun, send, serving
from tests.support.paths import DOCS
from tests.support.slo_samples import CHECKOUT, samples

API = yaml.safe_load((DOCS / "operator-api.yaml").read_text(encoding="utf-8"))


def fits(name: str, content: Any) -> None:
    """Fail if the content doesn't match the document."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": API["components"]}
    jsonschema.validate(content, schema, cls=jsonschema.Draft202012Validator)


def test_the_answers_match_the_document() -> None:
    """Status, operation and SLO have exactly the documented keys."""
    run = FakeRun(states={"o1": ("failed", "no")})
    with serving(run) as key:
        send(key, "POST", "/v1/operations", {"name": "ack", "target": "a1"})
        seen = send(key, "GET", "/v1/status")[1]
        fits("Operation", send(key, "GET", "/v1/operations/o1")[1])
    seen["slos"] = slo_rows([CHECKOUT], samples(30.0, 40.0), 35.0)
    fits("Status", seen)


def test_the_document_has_the_names_and_limits_of_the_code() -> None:
    """Fields, lengths, operations and the longest wait."""
    request = API["components"]["schemas"]["OperationRequest"]["properties"]
    assert tuple(request) == FIELDS
    assert {name: request[name]["maxLength"] for name in FIELDS[1:]} == {
        "target": DEFAULT_LENGTH,
        "change": DEFAULT_LENGTH,
        **MAX_LENGTHS,
    }
    assert API["components"]["schemas"]["Name"]["enum"] == list(OPERATIONS)
    assert API["paths"]["/v1/operations/{id}"]["get"]["parameters"][1]["schema"]["maximum"] == MAX_WAIT_S


def test_the_example_client_acknowledges_and_rolls_back(tmp_path: Path) -> None:
    """It runs as a program of its own until the run's credentials are gone."""
    run = FakeRun(states={f"o{number}": ("done", "") for number in range(1, 9)})
    client = DOCS / "example-client.py"
    assert len(client.read_text(encoding="utf-8").splitlines()) <= 40
    environment = {**os.environ, "http_proxy": "http://127.0.0.1:1"}  # no way to a run
    with serving(run) as key, credentials_file(key, tmp_path) as path:
        command = [sys.executable, str(client), str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            path.unlink()
            assert process.wait(timeout=20) == 0
    assert run.requested == [
        Operation("ack", "a1", "example"),
        Operation("rollback", "pricing", "example", "c1"),
    ]
    assert json.loads(line)["state"] == "done"
