"""Who is started next, and who makes room."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from POLYMARKET_MAKER.core.lanes import Lane, Limits, Outcome, Start, Waiting
from POLYMARKET_MAKER.core.schedule import Schedule

T0 = 1000.0
LIMITS = Limits(max_trading=2, max_exiting=1, spacing_s=5.0, exit_spacing_s=1.0)


def running(*token_ids: str, limits: Limits = LIMITS) -> Schedule:
    """Return a schedule in which a child of each token runs and nothing waits."""
    schedule = Schedule(limits).offer(token_ids)
    for token_id in token_ids:
        schedule = schedule.started(token_id, T0)
    return schedule


def order(schedule: Schedule) -> list[str]:
    return [each.token_id for each in schedule.queue]


def test_the_first_offered_token_is_started_first() -> None:
    schedule = Schedule(LIMITS).offer(["1", "2"]).offer(["2", "3"])

    assert order(schedule) == ["1", "2", "3"]
    assert schedule.next_start(T0) == Start("1", Lane.TRADE)


def test_a_token_is_handled_when_its_child_has_started_not_when_it_was_queued() -> None:
    queued = Schedule(LIMITS).offer(["1"])

    assert queued.handled == frozenset()
    assert queued.started("1", T0).handled == {"1"}


def test_starts_keep_their_spacing_and_their_jitter() -> None:
    schedule = Schedule(LIMITS).offer(["1", "2"]).started("1", T0, jitter_s=2.0)

    assert schedule.next_start(T0 + 6.9) is None
    assert schedule.next_start(T0 + 7.0) == Start("2", Lane.TRADE)


def test_no_more_children_than_slots() -> None:
    schedule = running("1", "2").offer(["3"])

    assert schedule.free_slots(Lane.TRADE) == 0
    assert schedule.next_start(T0 + 100) is None


def test_a_child_of_an_earlier_supervisor_takes_a_slot_of_its_own_lane() -> None:
    """Whatever was said of its token meanwhile: it runs."""
    schedule = Schedule(LIMITS, finished={"2": "USER_STOPPED"}).offer(["1", "3"])
    adopted = schedule.adopted("1", Lane.EXIT, T0).adopted("2", Lane.TRADE, T0)

    assert (adopted.free_slots(Lane.EXIT), adopted.free_slots(Lane.TRADE)) == (0, 1)
    assert order(adopted) == ["3"]
    assert adopted.handled == {"1", "2"}
    assert adopted.next_start(T0) == Start("3", Lane.TRADE), "it costs no spacing"


def test_sellers_have_slots_and_spacing_of_their_own() -> None:
    """With every trading slot taken, what must be sold is sold."""
    schedule = running("1", "2").offer(["3", "4", "5"]).sell("4").sell("5")

    assert schedule.next_start(T0 + 0.5) == Start("4", Lane.EXIT)
    schedule = schedule.started("4", T0 + 0.5)
    assert schedule.next_start(T0 + 100) is None  # one slot for sellers
    assert schedule.parked("4").next_start(T0 + 1.4) is None  # spacing
    assert schedule.parked("4").next_start(T0 + 1.5) == Start("5", Lane.EXIT)


def test_what_must_be_sold_is_started_before_what_may_be_bought() -> None:
    schedule = Schedule(LIMITS).offer(["1"]).sell("2")

    assert schedule.next_start(T0) == Start("2", Lane.EXIT)


def test_a_child_that_could_not_be_started_keeps_its_place_and_lets_others_pass() -> None:
    schedule = Schedule(LIMITS).offer(["1", "2"]).failed("1", T0, after_s=5.0)

    assert order(schedule) == ["1", "2"]
    assert schedule.next_start(T0) == Start("2", Lane.TRADE)
    assert schedule.next_start(T0 + 5) == Start("1", Lane.TRADE)


def test_a_crashed_child_returns_to_the_front_after_its_wait() -> None:
    """It may hold shares: it does not stand in line behind tokens that were never traded."""
    schedule = running("1", "2").offer(["3"]).ended("2", Outcome.AGAIN, T0 + 9, after_s=4.0)

    assert order(schedule) == ["2", "3"]
    assert schedule.next_start(T0 + 12) == Start("3", Lane.TRADE)
    assert schedule.next_start(T0 + 13) == Start("2", Lane.TRADE)


def test_a_rotated_token_goes_to_the_tail_and_comes_back() -> None:
    schedule = running("1", "2").offer(["3"]).rotating("1").ended("1", Outcome.DONE, T0 + 9)

    assert order(schedule) == ["3", "1"]
    assert schedule.finished == {}


def test_an_idle_child_makes_room_only_while_others_wait() -> None:
    alone = running("1", "2")

    assert alone.to_rotate({"1": 9000.0}, T0) is None
    assert alone.offer(["3"]).to_rotate({"1": 1800.0, "2": 9000.0}, T0) == "2"


def test_nobody_makes_room_while_a_slot_is_free() -> None:
    """The next start only waits for its spacing."""
    schedule = running("1").offer(["2"])

    assert schedule.to_rotate({"1": 9000.0}, T0) is None


def test_nobody_makes_room_for_a_token_whose_time_has_not_come() -> None:
    schedule = running("1", "2").offer(["3"]).failed("3", T0, after_s=60.0)

    assert schedule.to_rotate({"1": 9000.0}, T0 + 59) is None
    assert schedule.to_rotate({"1": 9000.0}, T0 + 60) == "1"


def test_one_waiting_token_makes_one_child_leave() -> None:
    schedule = running("1", "2").offer(["3"]).rotating("1")

    assert schedule.to_rotate({"1": 9000.0, "2": 9000.0}, T0) is None
    assert schedule.offer(["4"]).to_rotate({"1": 9000.0, "2": 9000.0}, T0) == "2"


def test_a_child_that_sells_or_was_stopped_is_not_rotated() -> None:
    schedule = running("1", "2").offer(["3"]).sell("1").stop("2")

    assert schedule.to_rotate({"1": 9000.0, "2": 9000.0}, T0) is None


def test_an_unknown_token_is_not_rotated() -> None:
    """The idle times come from status files, which may be older than the schedule."""
    assert running("1", "2").offer(["3"]).to_rotate({"9": 9000.0}, T0) is None


def test_a_stopped_token_is_not_started_again_whatever_its_child_says() -> None:
    schedule = running("1").stop("1", "user_stopped").ended("1", Outcome.AGAIN, T0)

    assert schedule.offer(["1"]).queue == ()
    assert schedule.finished == {"1": "user_stopped"}
    assert order(schedule.allow("1").offer(["1"])) == ["1"]


def test_a_closed_market_does_not_come_back() -> None:
    schedule = running("1").ended("1", Outcome.FINAL, T0, reason="market_closed")

    assert schedule.offer(["1"]).queue == ()
    assert schedule.finished == {"1": "market_closed"}


def test_a_token_that_was_sold_out_is_forgotten_until_it_is_offered_again() -> None:
    schedule = running("1").sell("1").ended("1", Outcome.DONE, T0)

    assert schedule.queue == ()
    assert order(schedule.offer(["1"])) == ["1"]


def test_a_token_that_nobody_wants_any_more_leaves_and_may_be_offered_again() -> None:
    schedule = running("1").offer(["2"]).leave("1").leave("2")
    assert order(schedule) == []
    assert order(schedule.offer(["1"])) == [], "its child has not ended yet"

    for outcome in (Outcome.DONE, Outcome.AGAIN):
        ended = schedule.ended("1", outcome, T0)
        assert (order(ended), ended.finished) == ([], {})
        assert order(ended.offer(["1"])) == ["1"]
    closed = schedule.ended("1", Outcome.FINAL, T0, reason="market_closed")
    assert closed.finished == {"1": "market_closed"}


def test_a_child_that_crashes_while_it_sells_is_followed_by_one_that_only_sells() -> None:
    schedule = running("1").sell("1").ended("1", Outcome.AGAIN, T0, after_s=1.0)

    assert schedule.queue == (Waiting("1", Lane.EXIT, T0 + 1.0),)


def test_selling_a_queued_token_moves_it_to_the_other_lane_once() -> None:
    schedule = Schedule(LIMITS).offer(["1"]).sell("1").sell("1")

    assert schedule.queue == (Waiting("1", Lane.EXIT),)


def test_a_stopped_token_is_not_sold_by_a_signal() -> None:
    """The operator took it into his own hands."""
    assert Schedule(LIMITS).stop("1").sell("1").queue == ()


def test_a_waiting_token_is_subscribed_before_its_child_starts() -> None:
    assert running("1").offer(["2"]).wants_quotes == ("1", "2")


class AnyDay(RuleBasedStateMachine):
    """Whatever happens in whatever order, no token is lost and no slot given twice."""

    def __init__(self) -> None:
        super().__init__()
        self.now = T0
        self.schedule = Schedule(LIMITS)
        self.offered: set[str] = set()
        self.sold: set[str] = set()

    @rule(token_ids=st.lists(st.sampled_from("12345"), max_size=4))
    def offer(self, token_ids: list[str]) -> None:
        self.schedule = self.schedule.offer(token_ids)
        self.offered |= set(token_ids)
        self.sold -= set(token_ids)

    @rule(after_s=st.floats(0, 20))
    def start(self, after_s: float) -> None:
        self.now += after_s
        start = self.schedule.next_start(self.now)
        if start is not None:
            self.schedule = self.schedule.started(start.token_id, self.now)

    @rule(outcome=st.sampled_from(Outcome), pick=st.integers(0, 9))
    def end(self, outcome: Outcome, pick: int) -> None:
        names = sorted(self.schedule.running)
        if names:
            token_id = names[pick % len(names)]
            run = self.schedule.running[token_id]
            self.schedule = self.schedule.ended(token_id, outcome, self.now, after_s=3.0)
            if outcome is Outcome.DONE and (run.is_selling or run.lane is Lane.EXIT):
                self.sold.add(token_id)

    @rule(token_id=st.sampled_from("12345"))
    def sell(self, token_id: str) -> None:
        self.schedule = self.schedule.sell(token_id)
        self.offered.add(token_id)
        self.sold.discard(token_id)

    @rule(token_id=st.sampled_from("12345"))
    def stop(self, token_id: str) -> None:
        self.schedule = self.schedule.stop(token_id)
        self.offered.add(token_id)

    @invariant()
    def every_token_is_in_one_place(self) -> None:
        queued = order(self.schedule)
        assert len(queued) == len(set(queued))
        assert not set(queued) & set(self.schedule.running)
        assert not set(queued) & set(self.schedule.finished)
        places = {*queued, *self.schedule.running, *self.schedule.finished}
        assert self.offered - self.sold <= places

    @invariant()
    def slots_are_not_exceeded(self) -> None:
        lanes = [run.lane for run in self.schedule.running.values()]
        assert lanes.count(Lane.TRADE) <= 2
        assert lanes.count(Lane.EXIT) <= 1


TestAnyDay = AnyDay.TestCase
TestAnyDay.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
