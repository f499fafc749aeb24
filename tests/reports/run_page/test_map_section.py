"""The map of a report: what broke and when, from the run's folder alone."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gameday.analysis import write_outcome
from gameday.recording.event import Event
from gameday.topology import bundled, read_topology
from gameday_reports.live.map_marks import Marks
from gameday_reports.live.system_layout import PlacedService, SystemLayout
from gameday_reports.run_page.map_section import SystemMap, system_map
from gameday_reports.run_page.render import render
from gameday_reports.run_page.run_data import Run, read
from tests.support.paths import GOLDEN


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return the golden run, measured."""
    folder = tmp_path_factory.mktemp("golden") / "run"
    shutil.copytree(GOLDEN, folder)
    write_outcome(folder)
    return read(folder)


def drawn(run: Run) -> SystemMap:
    result = system_map(run, run.layout)
    assert result is not None
    return result


def test_the_map_shows_what_broke_and_when(run: Run) -> None:
    """The faulty release is on the map from the first instance that runs it, and gone after the last was replaced."""
    moments = drawn(run).moments
    faulty = [
        moment.t for moment in moments if any(mark["state"] == "faulty" for mark in moment.marks.values())
    ]
    assert faulty
    assert 19.7 < faulty[0] < 21.2
    marks: dict[str, object] = {}
    for moment in moments:
        marks |= {key: mark["state"] for key, mark in moment.marks.items()}
    assert "faulty" not in marks.values()
    assert [moment.t for moment in moments] == sorted(moment.t for moment in moments)


def test_the_page_shows_the_worst_moment_without_a_script(run: Run) -> None:
    """The drawing in the page is the moment at which most was wrong; every change is listed in words."""
    shown = drawn(run)
    assert 'data-state="faulty"' in shown.drawings[0]
    page = render(run)
    assert "what broke, and when" in page
    assert page.count("us-east.pricing: runs a faulty release") >= 1
    assert 'id="map-moments"' in page


def test_the_map_shows_where_traffic_goes(run: Run) -> None:
    """The users' way to each region is on the map of each moment, also after the first."""
    layout = SystemLayout.of_topology(read_topology(bundled.compose(), ("us-east", "eu-west")))
    result = system_map(run, layout)
    assert result is not None
    marks: Marks = {}
    for moment in result.moments:
        marks |= moment.marks
    assert marks["link:edge--gateway.us-east"]["flow"] == 3
    assert marks["link:clients--edge"]["flow"] == 4


def test_a_run_without_instances_has_no_map(run: Run) -> None:
    """A system of which nothing is known is not drawn."""
    assert system_map(run, SystemLayout((), (), ())) is None


def test_a_run_without_a_topology_is_drawn_from_its_journal(run: Run, tmp_path: Path) -> None:
    """Runs of older versions kept no topology: their map has the services of their first instances."""
    assert {service.name for service in run.layout.services} >= {"gateway", "pricing", "postgres"}
    assert run.layout.links == ()


def test_a_service_whose_instance_is_replaced_at_once_was_never_down(run: Run) -> None:
    """Events of one step of the substrate are one moment on the map."""
    layout = SystemLayout(("local",), (PlacedService("local", "api", "service", 1),), ())
    old = {"service": "api", "region": "local", "release": "api:v1"}
    events = [
        Event(1.0, "instance.ready", "local.api.1", old),
        Event(2.0, "phase", "fault", {}),
        Event(3.0, "instance.stopped", "local.api.1", old),
        Event(3.0001, "instance.ready", "local.api.2", {**old, "release": "api:v2"}),
        Event(5.0, "instance.stopped", "local.api.2", {**old, "release": "api:v2"}),
        Event(5.2, "instance.ready", "local.api.3", old),
    ]
    result = system_map(replace(run, events=events), layout)
    assert result is not None
    assert [(moment.t, moment.words) for moment in result.moments] == [
        (2.0, "the system is up"),
        (3.0, "local.api: v2"),
        (5.0, "local.api: down"),
        (5.2, "local.api: well"),
    ]
