"""Leadership: what a database does at its start, and when a primary steps down. Pure functions; docs/replication.md.

Operators give each primary a *term*, a number that only rises, and every start carries an order: the present term and the
region that leads by it. A database leads only if its order names its region and no peer knows a later term, so it waits
for the word of every peer first. A peer that can't be reached is not a peer that follows.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from .replication import State, Word

# Messages that one answer of a peer takes, one after the other: start, authentication, the query.
ROUND_TRIPS = 8
CLEAR = (State.WRITES, State.FOLLOWS)
MUTE = (State.SILENT, State.ABSENT)


@dataclass(frozen=True)
class Order:
    """The operators' order for a start: `primary` leads by `term`.

    `new`: the system is being started for the first time, so no database has any data. `stopped`: regions whose database
    the operators know not to run.
    """

    term: int
    primary: str
    new: bool = False
    stopped: frozenset[str] = frozenset()


class Data(Enum):
    """What a data directory holds."""

    NONE = auto()
    BLANK = auto()
    """The template, and nothing of the system's yet."""
    SOME = auto()


class Backup(Enum):
    """What the backup store says."""

    NONE = auto()
    SOME = auto()
    UNREACHABLE = auto()


@dataclass(frozen=True)
class Start:
    """What a database knows of itself as it starts. `term`: the latest that it ever heard of.

    `followed`: the position of its log if its data are a standby's; None if they are a primary's own.
    `patient`: it may wait for more words; if not, it has waited long enough.
    """

    region: str
    order: Order
    data: Data
    term: int = 0
    followed: int | None = None
    backup: Backup = Backup.NONE
    patient: bool = True


class Step(Enum):
    """What a start does."""

    LEAD_OWN = auto()
    LEAD_COPY = auto()
    """Lead with the data of a standby, `Decision.source`."""
    LEAD_BACKUP = auto()
    LEAD_TEMPLATE = auto()
    FOLLOW = auto()
    """Be a standby, of `Decision.source` if it is set, else of whichever takes writes later."""
    WAIT = auto()
    REFUSE = auto()

    @property
    def leads(self) -> bool:
        return self.name.startswith("LEAD")


@dataclass(frozen=True)
class Decision:
    """A step, the peer that it needs, and why it waits or is refused."""

    step: Step
    source: Word | None = None
    why: str = ""


def latest_term(start: Start, words: Iterable[Word]) -> int:
    """Return the latest term that this database, its order or any peer knows."""
    return max(start.order.term, start.term, *(word.term for word in words), 0)


def leader(words: Iterable[Word]) -> Word | None:
    """Return the word of the database that takes writes; of several, the one that was made the primary last."""
    return max(
        (word for word in words if word.state is State.WRITES),
        key=lambda word: (word.term, word.timeline),
        default=None,
    )


def decide(start: Start, words: Sequence[Word]) -> Decision:
    """Return what to do at a start."""
    order, writer = start.order, leader(words)
    latest = latest_term(start, words)
    if writer is not None and writer.term >= latest:
        return Decision(Step.FOLLOW, writer)
    if start.region != order.primary or latest > order.term:
        return _follow(start, words)
    if order.new and start.data is Data.NONE:
        return Decision(Step.LEAD_TEMPLATE)
    if unclear := _unclear(order, words):
        return _wait(
            start, f"no word from the database of {', '.join(unclear)}, which may take writes by now"
        )
    if writer is not None:
        return _wait(start, f"the database of {writer.place.region} takes writes by a term that has passed")
    return _lead(start, words)


def _unclear(order: Order, words: Iterable[Word]) -> list[str]:
    """Return the regions whose database may be anything; one that is known not to run is clear if it doesn't answer."""
    return [
        word.place.region
        for word in words
        if word.state not in CLEAR and not (word.state in MUTE and word.place.region in order.stopped)
    ]


def _wait(start: Start, why: str) -> Decision:
    return Decision(Step.WAIT if start.patient else Step.REFUSE, why=why)


def _follow(start: Start, words: Sequence[Word]) -> Decision:
    """Be a standby; without data wait for the primary, to copy it, for a while."""
    unclear = _unclear(start.order, words)
    if start.data is Data.NONE and not start.order.new and unclear and start.patient:
        return Decision(Step.WAIT, why=f"no word from the database of {', '.join(unclear)}")
    return Decision(Step.FOLLOW)


def _lead(start: Start, words: Sequence[Word]) -> Decision:
    """Lead: with its own data, else a standby's, else the backup's; the template only if it is known that none is left.

    A standby that was given the leadership may have missed what another one has: that one's data are copied.
    """
    standbys = [word for word in words if word.state is State.FOLLOWS and word.term > 0]
    furthest = max(standbys, key=lambda word: (word.term, word.reached), default=None)
    if start.data is Data.SOME:
        missed = furthest is not None and start.followed is not None and furthest.reached > start.followed
        return Decision(Step.LEAD_COPY, furthest) if missed else Decision(Step.LEAD_OWN)
    if furthest is not None:
        return Decision(Step.LEAD_COPY, furthest)
    if start.backup is Backup.UNREACHABLE:
        return _wait(start, "no word from the backup store, which may have a backup")
    if start.backup is Backup.SOME:
        return Decision(Step.LEAD_BACKUP)
    return Decision(Step.LEAD_OWN if start.data is Data.BLANK else Step.LEAD_TEMPLATE)


def steps_down(term: int, timeline: int, words: Iterable[Word]) -> bool:
    """Return True if a primary of that term must stop taking writes: a peer knows a later one, or leads since later."""
    return any(
        word.term > term or (word.state is State.WRITES and (word.term, word.timeline) > (term, timeline))
        for word in words
    )


@dataclass(frozen=True)
class Times:
    """Time-outs in seconds, as functions of `delay`, the seconds that a message takes between two regions."""

    delay: float = 0.0

    def over(self, messages: int) -> float:
        """Return how long so many round trips take."""
        return 2 * self.delay * messages

    @property
    def ask_s(self) -> float:
        """How long a peer may take to answer."""
        return 1.0 + self.over(ROUND_TRIPS)

    @property
    def word_s(self) -> float:
        """How long a start waits for words: every peer is asked at least ten times."""
        return 10.0 + 10.0 * self.ask_s

    @property
    def connect_s(self) -> int:
        """How long a standby may take to connect to its primary, as a whole number for libpq."""
        return 3 + math.ceil(self.over(ROUND_TRIPS))

    @property
    def silence_s(self) -> float:
        """How long either end of a replication stream waits for the other."""
        return 4.0 + self.over(2)

    @property
    def stuck_s(self) -> float:
        """How long a standby may fail to stream, though a primary is there, before it is copied anew."""
        return 12.0 + self.over(4 * ROUND_TRIPS)

    @property
    def checkpoint_s(self) -> float:
        """How long the source of a rewind may take for its checkpoint."""
        return 15.0 + self.over(ROUND_TRIPS)

    @property
    def look_s(self) -> float:
        """How often a primary asks its peers whether a later term has begun."""
        return 2.0 + self.over(ROUND_TRIPS)
