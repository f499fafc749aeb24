"""The map is drawn of any system, and its states are applied to it by their keys."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from gameday.recording import journal_events as journal
from gameday.topology import bundled, read_topology
from gameday_reports.live.journal_fold import JournalFold
from gameday_reports.live.map_drawing import draw
from gameday_reports.live.map_marks import marks_of
from gameday_reports.live.system_layout import PlacedLink, PlacedService, SystemLayout
from tests.support.nonempty_all import nonempty_all

STRANGE = SystemLayout(
    ("local",),
    tuple(
        PlacedService("local", name, kind, count)
        for name, kind, count in (("vote<&>", "service", 2), ("worker", "service", 1), ("db", "database", 1))
    ),
    (
        PlacedLink("a", "local.vote<&>", "local.worker"),
        PlacedLink("b", "local.worker", "local.vote<&>"),
        PlacedLink("c", "local.worker", "local.db"),
        PlacedLink("d", "local.nobody", "local.db"),
    ),
)
"""A system of nobody's: no edge, a cycle, and a name that isn't safe as mark-up."""


def storefront(*regions: str) -> SystemLayout:
    return SystemLayout.of_topology(read_topology(bundled.compose(), regions))


@pytest.mark.parametrize("across", [1, 2, 3])
@pytest.mark.parametrize("layout", [STRANGE, storefront("us-east", "eu-west"), storefront(*"abcde")])
def test_every_service_and_region_is_drawn_inside_the_picture(layout: SystemLayout, across: int) -> None:
    """The drawing is well-formed, holds each service and region, and nothing stands out of it or over another."""
    root = ET.fromstring(draw(layout, {}, across=across))
    keys = {element.get("data-key") for element in root.iter() if element.get("data-key")}
    assert {f"service:{service.id}" for service in layout.services} <= keys
    assert {f"region:{region}" for region in layout.regions} <= keys
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    boxes = [
        tuple(float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
        for group in root.iter("g")
        if group.get("class") == "service"
        for rect in group.iter("rect")
    ]
    assert nonempty_all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in boxes)
    for i, (x, y, w, h) in enumerate(boxes):
        assert not any(x < a + c and a < x + w and y < b + d and b < y + h for a, b, c, d in boxes[i + 1 :])


def test_a_layout_survives_its_file() -> None:
    """`topology.json` reads back as the layout that it was written from."""
    import json

    layout = storefront("us-east", "eu-west")
    assert SystemLayout.of_document(json.loads(layout.text())) == layout
    with pytest.raises(ValueError, match="not a layout of a system"):
        SystemLayout.of_document({"regions": ["a"], "services": [{"nothing": 1}], "links": []})


def fold(*events: journal.JournalEvent) -> JournalFold:
    result = JournalFold()
    for event in events:
        result.take(event)
    return result


def ready(instance: str) -> journal.JournalEvent:
    region, service, _ = instance.split(".")
    return journal.InstanceReady(instance, service=service, region=region, release=f"{service}-1.0.0")


def test_telemetry_shows_what_is_down_drained_and_primary() -> None:
    """Without knowledge of faults the map shows instances, regions and databases as telemetry does."""
    layout = storefront("us-east", "eu-west")
    died = journal.InstanceDied(
        "us-east.pricing.2", service="pricing", region="us-east", release="pricing-1.0.0", why=""
    )
    state = fold(
        ready("us-east.pricing.1"),
        ready("us-east.pricing.2"),
        journal.PhaseStarted("fault"),
        died,
        journal.RegionSeen("eu-west", up=False, database=False, drained=True),
        journal.DatabasePromoted("eu-west", instead_of="us-east"),
        ready("eu-west.postgres.1"),
        journal.FenceConfirmed("us-east", stopped=()),
        ready("us-east.postgres.1"),
    )
    marks = marks_of(layout, state, {"us-east": 50.0}, faults=False)
    assert marks["service:us-east.pricing"] == {"state": "partial", "up": 1, "tag": "1.0.0"}
    assert marks["region:eu-west"] == {"state": "down", "tag": "down, drained"}
    assert marks["service:eu-west.postgres"]["tag"] == "primary"
    assert marks["service:us-east.postgres"]["tag"] == "fenced"
    assert marks["link:edge--gateway.us-east"]["flow"] == 4
    assert marks["link:edge--gateway.eu-west"]["flow"] == 0
    assert marks["service:us-east.catalog"]["state"] == "absent"


def test_faults_are_on_the_map_of_who_may_know_them() -> None:
    """A cut link, a slow one, a lost region and a faulty service have their states, for the facilitator alone."""
    layout = storefront("us-east", "eu-west")

    def fault(
        name: str, kind: str, region: str | None = None, service: str | None = None, **chosen: object
    ) -> journal.JournalEvent:
        undo = {"chosen": chosen}
        return journal.FaultIntended(name, kind=kind, target="x", region=region, service=service, undo=undo)

    state = fold(
        ready("us-east.catalog.1"),
        fault("f1", "link.latency", links=["us-east.checkout--payments"]),
        fault("f2", "link.down", links=["us-east.gateway--catalog"]),
        fault("f3", "region.lose", region="eu-west"),
        fault("f4", "instance.cpu", region="us-east", service="catalog"),
    )
    known = marks_of(layout, state, {}, faults=True)
    assert known["link:us-east.checkout--payments"]["state"] == "slow"
    assert known["link:us-east.gateway--catalog"]["state"] == "cut"
    assert known["region:eu-west"]["state"] == "fault"
    assert known["service:us-east.catalog"]["state"] == "fault"
    hidden = marks_of(layout, state, {}, faults=False)
    assert {mark["state"] for mark in hidden.values()} <= {"ok", "absent"}


@pytest.mark.parametrize(
    ("release", "instances", "tag"),
    [
        ("registry.example:5000/team/web:v2", 1, "v2"),
        ("web-1.4.0", 2, "1.4.0"),
        ("example-python:bookworm", 1, "bookworm"),
        ("FEATURE_X=1", 2, "FEATURE_X…"),
        ("web@sha256:0123456789abcdef", 1, ""),
        ("a-release-with-a-long-name", 7, "a-re…"),
    ],
)
def test_a_tag_fits_into_its_box(release: str, instances: int, tag: str) -> None:
    """Of an image its tag is shown; what is too long beside the instances is cut."""
    layout = SystemLayout(("local",), (PlacedService("local", "web", "service", instances),), ())
    state = JournalFold()
    for number in range(instances):
        state.take(
            journal.InstanceReady(f"local.web.{number}", service="web", region="local", release=release)
        )
    assert marks_of(layout, state, {}, faults=True)["service:local.web"]["tag"] == tag


def test_a_system_of_one_region_is_not_blown_up() -> None:
    """On a screen its map is as wide as two regions, and the region is in the middle; on a phone it fills the width."""
    wide, narrow = (ET.fromstring(draw(STRANGE, {}, across=across)) for across in (3, 1))
    left, _, width, _ = map(float, wide.attrib["viewBox"].split())
    assert left < 0
    assert width == pytest.approx(2 * float(narrow.attrib["viewBox"].split()[2]), rel=0.02)
    assert narrow.attrib["viewBox"].startswith("0 ")


def test_the_users_reach_the_entry_of_a_system_without_known_links() -> None:
    """The link from the users to the service that takes the load is drawn, and as thick as their traffic."""
    known = read_topology(bundled.compose(), ("us-east",))
    bare = replace(known, links=())
    layout = SystemLayout.of_topology(bare, "gateway")
    assert [(link.caller, link.callee) for link in layout.links] == [("clients", "us-east.gateway")]
    assert (
        marks_of(layout, JournalFold(), {"us-east": 50.0}, faults=False)[f"link:{layout.links[0].name}"][
            "flow"
        ]
        == 4
    )
    assert SystemLayout.of_topology(known, "gateway").links == storefront("us-east").links
