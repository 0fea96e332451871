"""An order without an answer is looked for, and only then cancelled or sent again."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.core.order import CancelResult, Outcome, Placed, Rejected, Unknown
from POLYMARKET_MAKER.core.unknown import (
    Inquiry,
    Phase,
    Step,
    after_cancel,
    after_read,
    after_resend,
    begin,
    next_step,
)

NOT_FOUND = CancelResult((), {"a": "Order not found or already canceled"})


def looked_long_enough() -> Inquiry:
    return after_read(begin("a", deadline_at=0.0), began_at=10.0, found=False)


def test_it_is_only_looked_for_until_the_deadline_and_ten_seconds() -> None:
    inquiry = begin("a", deadline_at=5.0)

    assert next_step(inquiry, may_resend=True) is Step.READ
    early = after_read(inquiry, began_at=14.9, found=False)
    assert next_step(early, may_resend=True) is Step.READ
    late = after_read(inquiry, began_at=15.0, found=False)
    assert next_step(late, may_resend=True) is Step.RESEND
    assert next_step(late, may_resend=False) is Step.CANCEL


def test_what_is_found_is_found_whenever() -> None:
    inquiry = after_read(begin("a", deadline_at=0.0), began_at=0.1, found=True)

    assert next_step(inquiry, may_resend=True) is Step.FOUND
    assert after_read(inquiry, began_at=99.0, found=False) == inquiry


def test_duplicated_means_that_the_first_one_was_taken() -> None:
    inquiry = after_resend(
        looked_long_enough(), Rejected("order a is invalid. Duplicated.", 400), deadline_at=20.0
    )

    assert inquiry.phase is Phase.FOUND


def test_a_resend_that_is_refused_otherwise_leads_to_a_cancel() -> None:
    inquiry = after_resend(
        looked_long_enough(), Rejected("not enough balance / allowance", 400), deadline_at=20.0
    )

    assert next_step(inquiry, may_resend=True) is Step.CANCEL


def test_a_resend_without_an_answer_is_looked_for_and_not_sent_a_third_time() -> None:
    inquiry = after_resend(looked_long_enough(), Unknown("timeout"), deadline_at=20.0)
    assert next_step(inquiry, may_resend=True) is Step.READ

    inquiry = after_read(inquiry, began_at=30.0, found=False)
    assert next_step(inquiry, may_resend=True) is Step.CANCEL


def test_not_found_by_a_cancel_needs_a_read_that_began_later() -> None:
    inquiry = after_cancel(looked_long_enough(), NOT_FOUND, at=12.0)
    assert next_step(inquiry, may_resend=True) is Step.READ

    assert after_read(inquiry, began_at=11.9, found=False).phase is Phase.CONFIRMING
    assert after_read(inquiry, began_at=12.1, found=False).phase is Phase.GONE
    assert after_read(inquiry, began_at=12.1, found=True).phase is Phase.FOUND


def test_a_cancel_that_worked_or_came_too_late_found_it() -> None:
    worked = CancelResult(("a",), {})
    late = CancelResult((), {"a": "Order already matched"})

    assert after_cancel(looked_long_enough(), worked, at=12.0).phase is Phase.FOUND
    assert after_cancel(looked_long_enough(), late, at=12.0).phase is Phase.FOUND


def test_a_cancel_without_a_usable_answer_is_sent_again() -> None:
    for result in (None, CancelResult(("b",), {"c": "Order already matched"})):
        inquiry = after_cancel(looked_long_enough(), result, at=12.0)

        assert next_step(inquiry, may_resend=False) is Step.CANCEL


@dataclass
class Venue:
    """An exchange that may or may not have taken the order, and answers badly."""

    arrives_at: float | None  # when the lost request arrives, if it does
    faults: list[bool]  # which of our requests get no answer
    taken: int = 0
    cancelled: bool = False
    now: float = 0.0
    sent: list[Step] = field(default_factory=list)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        if self.arrives_at is not None and self.now >= self.arrives_at:
            self.arrives_at, self.taken = None, self.taken or 1

    def fails(self) -> bool:
        return self.faults.pop() if self.faults else False

    def post(self) -> Outcome:
        lost = self.fails()
        answer: Outcome = Rejected("Duplicated") if self.taken else Placed("a", "live")
        self.taken = 1
        return Unknown("timeout") if lost else answer

    def cancel(self) -> CancelResult | None:
        lost = self.fails()
        there = bool(self.taken) and not self.cancelled
        self.cancelled = self.cancelled or there
        answer = CancelResult(("a",), {}) if there else NOT_FOUND
        return None if lost else answer


@given(
    arrives_at=st.none() | st.floats(0, 4.9),
    faults=st.lists(st.booleans(), max_size=6),
    may_resend=st.booleans(),
    pause=st.floats(0.1, 4.0),
)
def test_the_verdict_is_right_whatever_gets_lost(
    arrives_at: float | None,
    faults: list[bool],
    may_resend: bool,  # noqa: FBT001 - hypothesis passes by name
    pause: float,
) -> None:
    """A request arrives before its deadline or never; the verdict is never GONE of a taken one."""
    venue = Venue(arrives_at, faults)
    inquiry = begin("a", deadline_at=5.0)
    for _ in range(500):
        venue.wait(pause)
        step = next_step(inquiry, may_resend=may_resend)
        venue.sent.append(step)
        if step in (Step.FOUND, Step.GONE):
            break
        began_at = venue.now
        if step is Step.READ and not venue.fails():
            inquiry = after_read(inquiry, began_at=began_at, found=bool(venue.taken))
        elif step is Step.RESEND:
            inquiry = after_resend(inquiry, venue.post(), deadline_at=venue.now + 5.0)
        elif step is Step.CANCEL:
            inquiry = after_cancel(inquiry, venue.cancel(), at=venue.now)

    assert inquiry.is_over
    assert (inquiry.phase is Phase.FOUND) is bool(venue.taken)
    assert venue.sent.count(Step.RESEND) <= 1
