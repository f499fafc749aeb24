"""Who leads: each decision by itself, and interleavings of all of them over the model of a system."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import pytest

from gameday.operations import Operation
from storefront.leadership import Backup, Data, Decision, Order, Start, Step, Times, decide, steps_down
from storefront.replication import Place, State, Word
from tests.support import leadership_model
from tests.support.leadership_model import BEFORE, Rules, find_violation

US, EU, ME = leadership_model.REGIONS
ORDER = Order(2, US)
START = Start(US, ORDER, Data.SOME, term=2)
FAST_WALKS = 4_000
FULL_WALKS = 100_000


def word(region: str, state: State, term: int = 2, timeline: int = 2, reached: int = 5) -> Word:
    return Word(Place(region, ""), state, timeline, "", term, reached)


FOLLOWERS = (word(EU, State.FOLLOWS), word(ME, State.FOLLOWS))


@pytest.mark.parametrize("data", Data)
@pytest.mark.parametrize("state", [State.SILENT, State.STARTS, State.ABSENT])
def test_nobody_leads_without_word_from_every_peer(data: Data, state: State) -> None:
    """Whatever the start's data: a peer that can't be reached may have taken over."""
    words = (word(EU, state, 0), word(ME, State.FOLLOWS))
    start = replace(START, data=data)
    assert decide(start, words).step is Step.WAIT
    refused = decide(replace(start, patient=False), words)
    assert refused.step is Step.REFUSE
    assert refused.why == "no word from the database of eu-west, which may take writes by now"


@pytest.mark.parametrize(
    ("state", "leads"), [(State.ABSENT, True), (State.SILENT, True), (State.STARTS, False)]
)
def test_a_peer_that_operators_stopped_needs_no_word(state: State, leads: bool) -> None:
    """Over a link that is cut it seems silent. If something starts at its address after all, its word is awaited."""
    start = replace(START, order=replace(ORDER, stopped=frozenset({EU})))
    assert decide(start, (word(EU, state, 0), word(ME, State.FOLLOWS))).step.leads is leads


def test_only_a_new_system_is_excused_from_waiting() -> None:
    """And only a database without data: nothing can be taken from anybody."""
    silent = (word(EU, State.SILENT, 0), word(ME, State.ABSENT, 0))
    new = replace(START, order=replace(ORDER, new=True), data=Data.NONE)
    assert decide(new, silent).step is Step.LEAD_TEMPLATE
    assert decide(replace(new, data=Data.SOME), silent).step is Step.WAIT


def test_a_region_that_the_order_does_not_name_never_leads() -> None:
    """However complete its data, and with every peer's consent."""
    assert decide(
        replace(START, region=ME), (word(US, State.ABSENT, 0), word(EU, State.FOLLOWS))
    ) == Decision(Step.FOLLOW)


@pytest.mark.parametrize("knows", [{"term": 3}, {}])
def test_an_order_whose_term_has_passed_lets_nobody_lead(knows: dict[str, int]) -> None:
    """Whether the database itself heard of the later term or a standby did."""
    heard = word(EU, State.FOLLOWS, 2 if knows else 3)
    assert decide(replace(START, **knows), (heard, word(ME, State.FOLLOWS))).step is Step.FOLLOW  # type: ignore[arg-type]


def test_a_primary_is_followed_by_its_term_and_not_by_its_timeline() -> None:
    """A database that went its own way has a timeline of its own, and no term."""
    stray, primary = word(EU, State.WRITES, 1, 9), word(ME, State.WRITES, 2, 3)
    assert decide(START, (stray, primary)) == Decision(Step.FOLLOW, primary)
    assert decide(START, (stray, word(ME, State.FOLLOWS))).step is Step.WAIT


@pytest.mark.parametrize("data", [Data.NONE, Data.BLANK])
@pytest.mark.parametrize("backup", Backup)
def test_a_standby_comes_before_a_backup(data: Data, backup: Backup) -> None:
    """Also if the backup store can't be reached: the standby that has come furthest is copied."""
    further = word(EU, State.FOLLOWS, reached=9)
    assert decide(replace(START, data=data, backup=backup), (FOLLOWERS[1], further)) == Decision(
        Step.LEAD_COPY, further
    )


def test_a_standby_that_has_only_the_template_is_no_copy() -> None:
    """It knows no term: the backup has more."""
    blank = (word(EU, State.FOLLOWS, 0), word(ME, State.FOLLOWS, 0))
    lost = replace(START, data=Data.NONE)
    assert decide(replace(lost, backup=Backup.SOME), blank).step is Step.LEAD_BACKUP
    assert decide(replace(lost, backup=Backup.NONE), blank).step is Step.LEAD_TEMPLATE
    unreachable = replace(lost, backup=Backup.UNREACHABLE)
    assert decide(unreachable, blank).step is Step.WAIT
    assert decide(replace(unreachable, patient=False), blank).why == (
        "no word from the backup store, which may have a backup"
    )


def test_a_standby_without_data_waits_for_the_primary_to_copy() -> None:
    """For a while: then it starts from the template, and the watch finds the primary."""
    start = Start(ME, ORDER, Data.NONE)
    words = (word(US, State.SILENT, 0), word(EU, State.FOLLOWS))
    assert decide(start, words).step is Step.WAIT
    assert decide(replace(start, patient=False), words) == Decision(Step.FOLLOW)


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        (word(EU, State.FOLLOWS, 3), True),
        (word(EU, State.WRITES, 3), True),
        (word(EU, State.WRITES, 2, 3), True),
        (word(EU, State.FOLLOWS, 2, 3), False),
        (word(EU, State.WRITES, 1, 9), False),
        (word(EU, State.SILENT, 0, 0), False),
    ],
)
def test_a_primary_steps_down_for_a_later_one_alone(heard: Word, expected: bool) -> None:
    """The later term decides; for equal terms, which only systems without orders have, the timeline."""
    assert steps_down(2, 2, (heard,)) is expected


def test_times_follow_the_delay() -> None:
    """Peers 120 ms away answer in over a second; the time-outs are longer, and the same as ever without a delay."""
    near, far = Times(), Times(0.12)
    assert (near.ask_s, near.connect_s, near.silence_s, near.stuck_s) == (1.0, 3, 4.0, 12.0)
    assert far.ask_s > 1.0 + 8 * 0.24 - 0.01
    assert far.connect_s >= 3 + 8 * 0.24
    assert far.word_s < 60, "a start that is refused says why before it is given up"


def test_the_old_rules_lead_to_two_primaries() -> None:
    """Within seconds, so the model can tell good rules from bad ones."""
    violation = find_violation(BEFORE, FAST_WALKS, "two primaries")
    assert violation is not None
    assert find_violation(BEFORE, FAST_WALKS, "us-east leads without what") is not None


def hears_no_silence(start: Start, words: Sequence[Word]) -> Decision:
    """The rules without the wait for words."""
    return decide(start, [heard for heard in words if heard.state in (State.WRITES, State.FOLLOWS)])


def has_no_terms(start: Start, words: Sequence[Word]) -> Decision:
    """The rules without terms, and with orders that name the first region."""
    order = replace(start.order, term=1, primary=US)
    return decide(replace(start, order=order, term=min(start.term, 1)), [replace(w, term=1) for w in words])


def excludes_nothing(operation: Operation, running: Collection[Operation], primary: str) -> None:
    """Operations that run beside each other."""


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(Rules(static=True), id="orders that name the first region"),
        pytest.param(Rules(conflict=excludes_nothing), id="operations beside each other"),
        pytest.param(Rules(hears_no_silence), id="no wait for words"),
        pytest.param(Rules(fence_starts=False), id="no fence of a start"),
        pytest.param(Rules(has_no_terms), id="no terms"),
    ],
)
def test_each_part_of_the_rules_is_needed(rules: Rules) -> None:
    """Without it the explorer finds a violation."""
    assert find_violation(rules, FAST_WALKS) is not None


def test_the_rules_never_lead_to_two_primaries() -> None:
    """In some thousand random interleavings, and nothing that a standby holds is thrown away."""
    violation = find_violation(Rules(), FAST_WALKS)
    assert violation is None, str(violation)


@pytest.mark.full
@pytest.mark.timeout(900)
def test_the_rules_hold_in_a_hundred_thousand_interleavings() -> None:
    """The same, at length."""
    violation = find_violation(Rules(), FULL_WALKS)
    assert violation is None, str(violation)
