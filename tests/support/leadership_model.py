"""Model of a system's databases, links and operators, which explores interleavings over the real decision functions.

Servers, links, volumes and the operators' tools are modelled; every decision is the real code's: `leadership.decide` and
`steps_down` of the databases, `Leadership` and `find_conflict` of the operators. A walk draws one possible action at a
time. Each action is a step that nothing can divide: asking the peers and acting on their answers are two, and so
are the stages of an operation.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from gameday.operations import Operation
from gameday.system.leadership.leadership_record import Leadership
from gameday.system.leadership.operation_conflicts import find_conflict
from storefront.leadership import Backup, Data, Decision, Order, Start, Step, decide, latest_term, steps_down
from storefront.replication import Place, State, Word

REGIONS = ("us-east", "eu-west", "me-central")
STEPS = 150

Action = tuple[str, Callable[[], None]]
"""A description and what is done."""


@dataclass(frozen=True)
class Rules:
    """The decisions of one protocol. `static`: every start is told that the first region leads."""

    decide: Callable[[Start, Sequence[Word]], Decision] = decide
    conflict: Callable[[Operation, Collection[Operation], str], Operation | None] = find_conflict
    steps_down: Callable[[int, int, Sequence[Word]], bool] = steps_down
    static: bool = False
    fence_starts: bool = True
    """False: a promotion stops the old primary if it runs, and not one that is starting."""


@dataclass
class Server:
    """A server process. It starts until `role` is set; `words` are the answers that it has and hasn't acted on yet."""

    order: Order
    role: State | None = None
    term: int = 0
    timeline: int = 1
    words: list[Word] | None = None
    promotion_due: bool = False
    asked: int = 0


@dataclass
class Volume:
    """A data directory; `reached` counts what was written, `wrote` is the term of the primary that wrote it.

    `followed`: it is a standby's.
    """

    data: Data = Data.NONE
    term: int = 0
    reached: int = 0
    wrote: int = 0
    followed: bool = False


@dataclass
class Violation(Exception):
    """What must never happen did, after these actions."""

    what: str
    trace: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.what}, after:\n  " + "\n  ".join(self.trace)


@dataclass
class World:
    """The databases of three regions, and their operators."""

    rules: Rules
    chance: random.Random
    servers: dict[str, Server] = field(default_factory=dict)
    volumes: dict[str, Volume] = field(default_factory=lambda: {region: Volume() for region in REGIONS})
    leadership: Leadership = field(default_factory=lambda: Leadership(REGIONS[0]))
    fenced: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    links: dict[tuple[str, str], State] = field(default_factory=dict)
    """(asker, asked) → how a peer seems over a bad link; links that are well aren't in it."""
    backup: Backup = Backup.SOME
    up: bool = False
    running: list[tuple[Operation, Iterator[None]]] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)

    # What databases do.

    def begin_start(self, region: str) -> None:
        """Start the region's database with the order of this moment, unless it runs or mustn't."""
        if region in self.servers or region in self.lost or region in self.fenced:
            return
        stopped = set(REGIONS) - set(self.servers) - {region}
        told = self.leadership.order(new=not self.up, stopped=stopped)
        primary = REGIONS[0] if self.rules.static else told["PRIMARY"]
        listed = frozenset(filter(None, told["STOPPED_REGIONS"].split(",")))
        order = Order(int(told["PRIMARY_TERM"]), primary, told["FIRST_START"] == "yes", listed)
        self.servers[region] = Server(order)

    def words(self, region: str) -> list[Word]:
        """Return what the region's peers answer to it now."""
        return [self._word(region, other) for other in REGIONS if other != region]

    def _word(self, asker: str, region: str) -> Word:
        place, server, volume = Place(region, ""), self.servers.get(region), self.volumes[region]
        if (asker, region) in self.links:
            return Word(place, self.links[asker, region])
        if server is None:
            return Word(place, State.ABSENT)
        if server.role is None:
            return Word(place, State.STARTS)
        return Word(place, server.role, server.timeline, "", server.term, volume.reached)

    def ask(self, region: str) -> None:
        self.servers[region].words = self.words(region)

    def act(self, region: str) -> None:
        """Act on the peers' answers as they were when they were asked."""
        server, volume = self.servers[region], self.volumes[region]
        words, server.words = server.words or [], None
        server.asked += 1
        start = Start(
            region=region,
            order=server.order,
            data=volume.data,
            term=volume.term,
            followed=volume.reached if volume.followed else None,
            backup=self.backup,
            patient=server.asked < 4,
        )
        decision = self.rules.decide(start, words)
        if decision.step is Step.WAIT:
            return
        source = None if decision.source is None else self.servers.get(decision.source.place.region)
        gone = decision.source is not None and (source is None or source.role is None)
        if decision.step is Step.REFUSE or gone:
            del self.servers[region]  # it is refused, or what it copies is gone
            return
        server.term = latest_term(start, words)
        if decision.step.leads:
            self._lead(region, decision)
        else:
            self._follow(region, decision, start)

    def _lead(self, region: str, decision: Decision) -> None:
        server, volume = self.servers[region], self.volumes[region]
        if decision.step is Step.LEAD_COPY and decision.source is not None:
            copied = self.volumes[decision.source.place.region]
            volume.reached, volume.wrote = copied.reached, copied.wrote
        elif decision.step is not Step.LEAD_OWN:
            volume.reached = volume.wrote = 0
        for other, peer in self.servers.items():
            held = self.volumes[other]
            later = held.wrote > volume.wrote and held.reached > volume.reached
            if later and peer.role is State.FOLLOWS and other not in server.order.stopped:
                raise Violation(f"{region} leads without what {other} holds")
        server.role, server.timeline = State.WRITES, server.timeline + (decision.step is not Step.LEAD_OWN)
        volume.data, volume.term, volume.followed = Data.SOME, server.term, False
        volume.wrote, volume.reached = server.term, volume.reached + 1

    def _follow(self, region: str, decision: Decision, start: Start) -> None:
        server, volume = self.servers[region], self.volumes[region]
        server.role = State.FOLLOWS
        if decision.source is not None:
            copied = self.volumes[decision.source.place.region]
            volume.data, volume.reached, volume.wrote = Data.SOME, copied.reached, copied.wrote
        elif volume.data is Data.NONE:
            volume.data = Data.SOME if start.order.new else Data.BLANK
        if volume.data is Data.BLANK:
            server.term = 0
        volume.term, volume.followed = server.term, True

    def watch(self, region: str) -> None:
        """A primary steps down after a later term began; a standby notes the term of the primary that it follows."""
        server, volume = self.servers[region], self.volumes[region]
        words = self.words(region)
        if server.role is State.WRITES:
            volume.reached, volume.wrote, volume.followed = volume.reached + 1, server.term, False
            if self.rules.steps_down(server.term, server.timeline, words):
                self.servers[region] = Server(server.order)
            return
        primary = max(
            (word for word in words if word.state is State.WRITES), key=lambda word: word.term, default=None
        )
        if primary is not None and primary.term >= server.term:
            server.term, server.timeline = primary.term, primary.timeline
            copied = self.volumes[primary.place.region]
            self.volumes[region] = replace(copied, term=primary.term, followed=True)

    def promote_late(self, region: str) -> None:
        """The promotion that an operator gave up takes place after all."""
        self._promote(region)

    def _promote(self, region: str) -> None:
        server = self.servers[region]
        server.promotion_due = False
        if server.role is State.FOLLOWS:
            server.role, server.timeline = State.WRITES, server.timeline + 1
            volume = self.volumes[region]
            volume.wrote, volume.reached, volume.followed = server.term, volume.reached + 1, False

    # What befalls them.

    def kill(self, region: str) -> None:
        self.servers.pop(region, None)

    def lose(self, region: str) -> None:
        self.lost.add(region)
        self.kill(region)

    def destroy(self, region: str) -> None:
        self.lose(region)
        self.volumes[region] = Volume()

    def bring_back(self, region: str) -> None:
        self.lost.discard(region)
        self.begin_start(region)

    def break_link(self, asker: str, asked: str, state: State) -> None:
        self.links[asker, asked] = state

    def mend_link(self, asker: str, asked: str) -> None:
        self.links.pop((asker, asked), None)

    def set_backup(self, backup: Backup) -> None:
        self.backup = backup

    # What operators do: an operation is claimed, and its stages are taken one by one.

    def order_operation(self, name: str, target: str) -> None:
        operation = Operation(name, target, "somebody")
        under_way = [other for other, _ in self.running]
        if self.rules.conflict(operation, under_way, self.leadership.region) is None:
            stages = {"promote": self._promoting, "restart": self._restarting, "rejoin": self._rejoining}
            self.running.append((operation, stages[name](target)))

    def advance(self, number: int) -> None:
        entry = self.running[number]
        if next(entry[1], "ended") == "ended":
            self.running.remove(entry)

    def _promoting(self, target: str) -> Iterator[None]:
        old = self.leadership.region
        current = self.servers.get(old)
        if target == old:
            if current is None or current.role is not State.FOLLOWS:
                return
            chosen = old
        else:
            if not self._standbys(old):
                return
            yield
            if self.chance.random() < 0.1:
                return  # the old primary can't be stopped
            self.fenced.add(old)
            if self.rules.fence_starts or (current and current.role):
                self.kill(old)
            yield
            standbys = self._standbys(old)
            if not standbys:
                return
            chosen = max(standbys, key=lambda region: (self.volumes[region].reached, region == target))
        yield
        self.leadership = self.leadership.given_to(chosen)
        term = self.leadership.term
        for region in (*(other for other in REGIONS if other not in (chosen, old)), chosen):
            yield
            server = self.servers.get(region)
            heard = server is not None and server.role is not None and self.chance.random() < 0.8
            if server is not None and heard and server.term:
                server.term = self.volumes[region].term = max(server.term, term)
            elif region == chosen:
                return
        yield
        if chosen in self.servers and self.servers[chosen].role is State.FOLLOWS:
            if self.chance.random() < 0.2:
                self.servers[chosen].promotion_due = True
                return
            self._promote(chosen)

    def _standbys(self, old: str) -> list[str]:
        return [
            region
            for region, server in self.servers.items()
            if region != old and region not in self.lost and server.role is State.FOLLOWS and server.term > 0
        ]

    def _restarting(self, _target: str) -> Iterator[None]:
        region = self.leadership.region
        yield
        self.kill(region)
        yield
        self.fenced.discard(region)
        self.begin_start(region)

    def _rejoining(self, region: str) -> Iterator[None]:
        if region in self.lost:
            return
        yield
        self.fenced.discard(region)
        yield
        self.begin_start(region)
        yield

    # The walk.

    def take_step(self) -> None:
        """Take one action at random. Raise Violation if two databases take writes, or data were thrown away."""
        what, act = next(action for action in iter(self._draw, "never") if action is not None)
        self.trace.append(what)
        act()
        writers = [region for region, server in self.servers.items() if server.role is State.WRITES]
        if len(writers) > 1:
            raise Violation(f"two primaries: {' and '.join(sorted(writers))}")

    def _draw(self) -> Action | None:
        """Draw an action; return it with its description, or None if it isn't possible now."""
        draw = self.chance.random()
        if draw < 0.5:
            return self._draw_server()
        if draw < 0.75:
            return self._draw_operation()
        if draw < 0.9:
            return self._draw_mishap()
        return self._draw_link()

    def _draw_server(self) -> Action | None:
        region = self.chance.choice(REGIONS)
        server = self.servers.get(region)
        if server is None:
            return None
        if server.promotion_due and self.chance.random() < 0.3:
            return f"{region} is promoted late", lambda: self.promote_late(region)
        if server.role is not None:
            return f"{region} watches", lambda: self.watch(region)
        if server.words is None:
            return f"{region} asks", lambda: self.ask(region)
        return f"{region} acts", lambda: self.act(region)

    def _draw_operation(self) -> Action:
        if self.running and self.chance.random() < 0.85:
            number = self.chance.randrange(len(self.running))
            operation = self.running[number][0]
            return f"{operation.name} {operation.target} goes on", lambda: self.advance(number)
        name, region = (
            self.chance.choice(("promote", "promote", "rejoin", "restart")),
            self.chance.choice(REGIONS),
        )
        target = "postgres" if name == "restart" else region
        return f"{name} {target} is ordered", lambda: self.order_operation(name, target)

    def _draw_mishap(self) -> Action:
        region = self.chance.choice(REGIONS)
        if region in self.lost:
            return f"{region} returns", lambda: self.bring_back(region)
        return self.chance.choice(
            (
                (f"{region} is lost", lambda: self.lose(region)),
                (f"{region} is destroyed", lambda: self.destroy(region)),
                (f"the database of {region} is killed", lambda: self.kill(region)),
                (f"the database of {region} is healed", lambda: self.begin_start(region)),
                (f"the database of {region} is healed", lambda: self.begin_start(region)),
            )
        )

    def _draw_link(self) -> Action:
        asker, asked = self.chance.sample(REGIONS, 2)
        if self.chance.random() < 0.2:
            backup = self.chance.choice(tuple(Backup))
            return f"backup: {backup.name}", lambda: self.set_backup(backup)
        if (asker, asked) in self.links:
            return f"{asker} reaches {asked} again", lambda: self.mend_link(asker, asked)
        state = self.chance.choice((State.SILENT, State.ABSENT))
        return f"{asked} seems {state.name} to {asker}", lambda: self.break_link(asker, asked, state)

    def bring_up(self) -> None:
        """Start the system for the first time, the databases in any order."""
        for region in REGIONS:
            self.begin_start(region)
        while any(server.role is None for server in self.servers.values()):
            action = self._draw_server()
            if action is not None:
                self.trace.append(action[0])
                action[1]()
        self.up = True


def walk(rules: Rules, seed: int, steps: int = STEPS) -> World:
    """Take one walk from the first start on; return the world at its end. Raise Violation, with the trace."""
    world = World(rules, random.Random(seed))
    try:
        world.bring_up()
        for _ in range(steps):
            world.take_step()
    except Violation as violation:
        raise Violation(violation.what, tuple(world.trace)) from None
    return world


def find_violation(rules: Rules, walks: int, what: str = "", steps: int = STEPS) -> Violation | None:
    """Return the first violation in so many walks, or None; only one whose text begins with `what`."""
    for seed in range(walks):
        try:
            walk(rules, seed, steps)
        except Violation as violation:
            if violation.what.startswith(what):
                return violation
    return None


def decide_as_before(start: Start, words: Sequence[Word]) -> Decision:
    """Decide by the rule that stood before terms: an empty volume waits for nobody, and silence counts as consent."""
    writer = max(
        (word for word in words if word.state is State.WRITES), key=lambda word: word.timeline, default=None
    )
    may_lead = start.region == start.order.primary
    unclear = [word for word in words if word.state in (State.STARTS, State.SILENT)]
    has_data = start.data is not Data.NONE
    if writer is None and unclear and may_lead and has_data:
        return Decision(Step.WAIT if start.patient else Step.REFUSE)
    if writer is not None:
        return Decision(Step.FOLLOW, writer)
    if not may_lead:
        return Decision(Step.FOLLOW)
    if has_data:
        return Decision(Step.LEAD_OWN)
    if start.backup is not Backup.SOME:
        return Decision(Step.LEAD_TEMPLATE)
    standby = next((word for word in words if word.state is State.FOLLOWS), None)
    return Decision(Step.LEAD_COPY, standby) if standby else Decision(Step.LEAD_BACKUP)


BEFORE = Rules(decide_as_before, lambda *_: None, lambda *_: False, static=True)
"""The rules that stood before terms: no order, no exclusion of operations, no stepping down."""
