"""Tests of policy failover-then-rollback, step by step, on hand-made views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gameday.operations import Alert, Change, Operation
from gameday.ports import Health, View
from gameday.responders.auto import Auto
from gameday.responders.failover_policy import AGAIN, LOOK, STAYED

REGIONS = ("us-east", "eu-west", "me-central")
WELL = Health(True, True, False, 60.0)
GONE = Health(False, False, False, 1.0)
BAD = Change("c1", 20.0, "pricing", "pricing-1.1.0", "pricing-1.0.0", "code", "", "timeline", "done")


@dataclass
class Shift:
    """A responder with this policy. `regions` is what the edge sees; `turn` returns the orders
    without acks."""

    regions: dict[str, Health] = field(default_factory=lambda: dict.fromkeys(REGIONS, WELL))
    primary: str = "us-east"
    now: float = 30.0
    changes: tuple[Change, ...] = ()
    alerts: tuple[Alert, ...] = ()
    operations: list[tuple[Operation, str]] = field(default_factory=list)
    auto: Auto = field(default_factory=lambda: Auto("failover-then-rollback"))

    def page(self) -> None:
        self.alerts = (
            Alert(f"a{len(self.operations)}", self.now, "cusum", "client", True, "checkout", "bad"),
        )

    def turn(self, after: float = 0.1) -> tuple[str, str] | None:
        """Return the name and target of the operation ordered now, which is in flight from then on."""
        self.now += after
        view = View(self.now, self.alerts, self.changes, tuple(self.operations), self.regions, self.primary)
        ordered = self.auto.poll(view)
        self.operations += [(operation, "done") for operation in ordered if operation.name == "ack"]
        acts = [operation for operation in ordered if operation.name != "ack"]
        assert len(acts) <= 1
        self.operations += [(act, "running") for act in acts]
        return (acts[0].name, acts[0].target) if acts else None

    def ends(self, state: str = "done", **regions: Health) -> None:
        """End the operation in flight and set what the edge sees; detectors have to raise anew."""
        operation, _ = self.operations[-1]
        self.operations[-1] = (operation, state)
        self.alerts = ()
        if state == "done":
            self._follow(operation)
        self.see({name.replace("_", "-"): health for name, health in regions.items()})

    def _follow(self, operation: Operation) -> None:
        if operation.name == "promote":
            self.primary = operation.target
        if operation.name in ("failover", "rejoin"):
            health = self.regions[operation.target]
            self.regions[operation.target] = replace(health, drained=operation.name == "failover", since=0.1)

    def see(self, regions: Mapping[str, Health]) -> None:
        self.regions |= regions

    def loses(self, region: str) -> None:
        self.see({region: GONE})
        if region == self.primary:
            self.see({region: replace(health, database=False) for region, health in self.regions.items()})

    def database_is_back(self) -> None:
        self.see({region: replace(health, database=health.up) for region, health in self.regions.items()})


def test_a_lost_region_is_left_and_nothing_is_rolled_back() -> None:
    """Traffic leaves a lost region and nothing else is ordered, however often it pages: the feed
    has no change."""
    shift = Shift()
    shift.loses("eu-west")
    assert shift.turn() is None
    shift.page()
    assert shift.turn() == ("failover", "eu-west")
    shift.ends()
    shift.page()
    assert [shift.turn(1.0) for _ in range(30)] == [None] * 30


def test_the_primary_s_region_is_left_and_its_database_replaced_on_the_same_page() -> None:
    """The promotion needs no second page, and goes to the first region in order that is up."""
    shift = Shift()
    shift.loses("us-east")
    shift.page()
    assert shift.turn() == ("failover", "us-east")
    assert shift.turn() is None
    shift.ends()
    assert shift.turn() == ("promote", "eu-west")
    shift.ends()
    assert shift.turn() is None


def test_a_promotion_that_failed_is_tried_again() -> None:
    """A failed promotion is retried after AGAIN, not at once."""
    shift = Shift()
    shift.loses("us-east")
    shift.page()
    shift.turn()
    shift.ends()
    assert shift.turn() == ("promote", "eu-west")
    shift.ends("failed")
    assert shift.turn(AGAIN / 2) is None
    assert shift.turn(AGAIN / 2) == ("promote", "eu-west")


def test_while_pools_find_the_new_primary_nothing_is_promoted_or_rolled_back() -> None:
    """A database that is unreachable just after the promotion causes no second promotion and no
    rollback."""
    shift = Shift(changes=(BAD,))
    shift.loses("us-east")
    shift.page()
    shift.turn()
    shift.ends()
    shift.turn()
    shift.ends()
    shift.page()
    assert [shift.turn(1.0) for _ in range(8)] == [None] * 8
    assert shift.turn(2.0) == ("promote", "me-central")


def test_two_regions_lost_one_after_the_other_leave_the_third_with_everything() -> None:
    """The loss of a second region is acted on, although the first was seconds ago."""
    shift = Shift()
    shift.loses("us-east")
    shift.page()
    orders = [shift.turn()]
    shift.ends()
    orders.append(shift.turn())
    shift.ends()
    shift.database_is_back()
    shift.loses("eu-west")
    shift.page()
    orders.append(shift.turn(1.0))
    shift.ends()
    orders.append(shift.turn())
    shift.ends()
    assert orders == [
        ("failover", "us-east"),
        ("promote", "eu-west"),
        ("failover", "eu-west"),
        ("promote", "me-central"),
    ]


def test_with_no_region_up_there_is_none_to_turn_to() -> None:
    """If all gateways fail at once, as after a bad release, the change is rolled back."""
    shift = Shift(changes=(BAD,))
    shift.see(dict.fromkeys(REGIONS, GONE))
    shift.page()
    assert shift.turn(LOOK + 0.1) == ("rollback", "pricing")


def test_a_change_is_rolled_back_if_all_regions_are_up() -> None:
    """If all regions are up, the change is rolled back once the edge has had time to see a lost
    region."""
    shift = Shift(changes=(BAD,))
    shift.page()
    assert shift.turn(LOOK / 2) is None
    assert shift.turn(LOOK / 2) == ("rollback", "pricing")
    shift.ends()
    shift.page()
    assert shift.turn(LOOK) is None


def test_a_region_lost_during_a_bad_deploy_region_first() -> None:
    """A page after the failover rolls the change back too."""
    shift = Shift(changes=(BAD,))
    shift.loses("eu-west")
    shift.page()
    assert shift.turn() == ("failover", "eu-west")
    shift.ends()
    assert shift.turn(LOOK) is None
    shift.page()
    assert shift.turn(LOOK) == ("rollback", "pricing")


def test_a_region_lost_during_a_bad_deploy_change_first() -> None:
    """If the edge sees the loss only after the rollback was ordered, the next page moves the traffic."""
    shift = Shift(changes=(BAD,))
    shift.page()
    assert shift.turn(LOOK) == ("rollback", "pricing")
    shift.loses("us-east")
    assert shift.turn() is None
    shift.ends()
    assert shift.turn() is None
    shift.page()
    assert shift.turn() == ("failover", "us-east")
    shift.ends()
    assert shift.turn() == ("promote", "eu-west")


def test_an_unreachable_database_is_replaced_by_another_region_s() -> None:
    """If only the database is lost, no traffic is moved; it rejoins as a standby afterwards."""
    shift = Shift()
    shift.see({region: replace(WELL, database=False) for region in REGIONS})
    assert shift.turn() is None
    shift.page()
    assert shift.turn() == ("promote", "eu-west")
    shift.ends()
    shift.database_is_back()
    assert shift.turn() == ("rejoin", "us-east")


def test_a_database_that_one_region_reaches_is_left_alone() -> None:
    """A database that one region reaches isn't replaced: the links are at fault, and a promotion
    would cost orders."""
    shift = Shift()
    shift.see({region: replace(WELL, database=False) for region in REGIONS[1:]})
    shift.page()
    assert shift.turn(LOOK) is None


def test_the_only_region_s_database_is_restarted() -> None:
    """Without another region the database is restarted, and not again before it has had time to start."""
    shift = Shift({"us-east": replace(WELL, database=False)})
    shift.page()
    assert shift.turn() == ("restart", "postgres")
    shift.ends()
    shift.page()
    assert shift.turn(AGAIN / 2) is None
    assert shift.turn(AGAIN / 2) == ("restart", "postgres")


def test_a_region_that_is_back_rejoins_without_a_page() -> None:
    """A region rejoins once it has been up for a second, and only once, even if a page is still
    active."""
    shift = Shift()
    shift.loses("eu-west")
    shift.page()
    shift.turn()
    shift.ends()
    shift.page()
    shift.see({"eu-west": Health(True, True, True, STAYED / 2)})
    assert shift.turn() is None
    shift.see({"eu-west": Health(True, True, True, STAYED)})
    assert shift.turn() == ("rejoin", "eu-west")
    shift.ends()
    assert [shift.turn(AGAIN) for _ in range(3)] == [None] * 3


def test_a_replaced_primary_is_not_promoted_before_it_has_rejoined() -> None:
    """A replaced primary's database is behind; it can be promoted once it follows the others."""
    shift = Shift({"us-east": WELL, "eu-west": WELL})
    shift.loses("us-east")
    shift.page()
    shift.turn()
    shift.ends()
    assert shift.turn() == ("promote", "eu-west")
    shift.ends()
    shift.see({"us-east": Health(True, False, True, 0.1), "eu-west": GONE})
    shift.page()
    assert shift.turn(AGAIN) == ("failover", "eu-west")
    shift.ends()
    shift.page()
    assert shift.turn() is None
    shift.see({"us-east": Health(True, False, True, STAYED)})
    assert shift.turn() == ("rejoin", "us-east")
    shift.ends()
    assert shift.turn() == ("promote", "us-east")


def test_a_region_that_was_only_drained_is_promoted_last() -> None:
    """A drained region is promoted only if no other is up, since another region has the traffic."""
    for others, expected in ((("eu-west", "me-central"), "me-central"), (("eu-west",), "eu-west")):
        shift = Shift(dict.fromkeys(("us-east", *others), WELL))
        shift.loses("eu-west")
        shift.page()
        assert shift.turn() == ("failover", "eu-west")
        shift.ends(eu_west=Health(True, True, True, STAYED / 2))
        shift.loses("us-east")
        shift.page()
        assert shift.turn() == ("failover", "us-east")
        shift.ends()
        assert shift.turn() == ("promote", expected)


def test_a_promotion_by_hand_is_followed_up_as_well() -> None:
    """A primary that a person replaced rejoins too; a region that a person drained stays drained."""
    shift = Shift()
    assert shift.turn() is None
    shift.operations.append((Operation("promote", "eu-west", "a person"), "done"))
    shift.operations.append((Operation("failover", "me-central", "a person"), "done"))
    shift.primary = "eu-west"
    shift.see({"me-central": replace(WELL, drained=True)})
    assert shift.turn() == ("rejoin", "us-east")
    shift.ends()
    assert shift.turn(AGAIN) is None


def test_a_region_that_flaps_is_left_once_in_a_while() -> None:
    """Between two failovers of a flapping region nothing is moved and nothing rolled back."""
    shift = Shift(changes=(BAD,))
    shift.loses("eu-west")
    shift.page()
    assert shift.turn() == ("failover", "eu-west")
    shift.ends(eu_west=Health(True, True, True, STAYED))
    assert shift.turn() == ("rejoin", "eu-west")
    shift.ends(eu_west=GONE)
    shift.page()
    assert [shift.turn(1.0) for _ in range(9)] == [None] * 9
    assert shift.turn(1.0) == ("failover", "eu-west")


def test_a_failover_that_failed_keeps_it_from_nothing_else() -> None:
    """After a failed failover the change is considered, and the failover is retried later."""
    shift = Shift(changes=(BAD,))
    shift.loses("eu-west")
    shift.page()
    assert shift.turn() == ("failover", "eu-west")
    shift.ends("failed")
    shift.page()
    assert shift.turn(LOOK) == ("rollback", "pricing")
    shift.ends()
    shift.page()
    assert shift.turn(AGAIN) == ("failover", "eu-west")


def test_without_sight_of_regions_it_is_a_rollback_policy() -> None:
    """No answer from the edge isn't the loss of a region: the change is rolled back without waiting."""
    shift = Shift({}, changes=(BAD,))
    shift.page()
    assert shift.turn() == ("rollback", "pricing")


def test_an_unknown_primary_is_replaced_only_if_a_region_is_lost() -> None:
    """Unless a region is lost, no database is promoted, since it might be the broken one."""
    shift = Shift({region: replace(WELL, database=False) for region in REGIONS}, primary="")
    shift.page()
    assert shift.turn() == ("restart", "postgres")
    shift.ends()
    shift.see({"us-east": GONE})
    shift.page()
    assert shift.turn(AGAIN) == ("failover", "us-east")
    shift.ends()
    shift.page()
    assert shift.turn() == ("promote", "eu-west")


def test_every_page_is_acknowledged_at_once() -> None:
    """A page is acknowledged also while the policy waits and while an operation is in flight."""
    shift = Shift(changes=(BAD,))
    shift.page()
    shift.turn()
    assert [operation.target for operation, _ in shift.operations if operation.name == "ack"] == ["a0"]
