"""A child leaves a dead snapshot, bears a short fault, and comes back."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from POLYMARKET_MAKER.core.failover import Fault, Limits, State, Switch, start, step
from POLYMARKET_MAKER.core.model import Source

LIMITS = Limits(after_s=10, token_after_s=30, jitter_s=2, return_after_s=30)


@dataclass
class Child:
    """Plays seconds to the pure state machine and keeps what it said."""

    state: State = field(default_factory=lambda: start(Source.SHARED, 0.0))
    now: float = 0.0
    switches: list[Switch] = field(default_factory=list)

    def live(self, seconds: int, fault: Fault | None, *, direct_ready: bool = False) -> None:
        for _ in range(seconds):
            self.now += 1
            self.state, switch = step(
                self.state, fault, direct_ready=direct_ready, now=self.now, limits=LIMITS
            )
            if switch is not None:
                self.switches.append(switch)


def test_one_bad_read_moves_nobody() -> None:
    child = Child()
    child.live(5, None)
    child.live(1, Fault.CORRUPT)
    child.live(5, None)

    assert child.state.source is Source.SHARED
    assert not child.state.wants_line


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (Fault.MISSING, 12),
        (Fault.LINE_DOWN, 12),
        (Fault.TOKEN_ABSENT, 32),
        (Fault.WRITER_SILENT, 2),
    ],
)
def test_a_lasting_fault_opens_an_own_line_after_its_limit_and_jitter(
    fault: Fault, seconds: int
) -> None:
    """A silent writer has been silent for its limit before it is first called so."""
    child = Child()
    child.live(1, None)

    child.live(seconds, fault)
    assert not child.state.wants_line
    child.live(1, fault)
    assert child.state.wants_line
    assert child.state.source is Source.SHARED


def test_the_source_changes_only_when_the_own_line_has_a_tradable_quote() -> None:
    child = Child()
    child.live(20, Fault.MISSING)
    assert child.switches == []

    child.live(1, Fault.MISSING, direct_ready=True)
    assert child.state.source is Source.DIRECT
    assert [switch.reason for switch in child.switches] == ["missing"]
    assert child.switches[0].limit_s == 12


def test_an_own_line_that_was_not_needed_is_given_back() -> None:
    child = Child()
    child.live(20, Fault.LINE_DOWN)
    child.live(1, None)

    assert child.state.source is Source.SHARED
    assert not child.state.wants_line


def test_the_child_comes_back_after_thirty_healthy_seconds() -> None:
    child = Child(start(Source.DIRECT, 0.0))
    child.live(5, Fault.MISSING, direct_ready=True)

    child.live(30, None, direct_ready=True)
    after_30_s = child.state.source
    child.live(1, None, direct_ready=True)

    assert [after_30_s, child.state.source] == [Source.DIRECT, Source.SHARED]
    assert child.switches[0].reason == "shared_healthy"


def test_a_flickering_snapshot_does_not_bring_the_child_back() -> None:
    child = Child(start(Source.DIRECT, 0.0))
    for _ in range(10):
        child.live(20, None, direct_ready=True)
        child.live(1, Fault.WRITER_SILENT, direct_ready=True)

    assert child.state.source is Source.DIRECT


def test_one_outage_of_several_kinds_is_one_outage() -> None:
    """The line breaks, then the writer dies: the wait does not begin anew."""
    child = Child()
    child.live(1, None)
    child.live(8, Fault.LINE_DOWN)
    child.live(6, Fault.MISSING)

    assert child.state.wants_line


def test_a_line_that_breaks_again_and_again_before_the_book_came_is_one_outage_too() -> None:
    """No fault lasts for its own limit, and yet there was nothing to trade on for 32 s."""
    child = Child()
    child.live(1, None)
    for _ in range(4):
        child.live(5, Fault.LINE_DOWN)
        child.live(3, Fault.TOKEN_RESYNC)
    assert not child.state.wants_line

    child.live(1, Fault.LINE_DOWN)
    assert child.state.wants_line
    child.live(1, Fault.TOKEN_RESYNC, direct_ready=True)
    (switch,) = child.switches
    assert (switch.reason, switch.lasted_s, switch.limit_s) == ("token_resync", 33, 32)


@given(st.lists(st.tuples(st.sampled_from([None, *Fault]), st.booleans()), max_size=300))
def test_a_child_never_acts_on_its_own_line_before_that_line_is_ready(
    seen: list[tuple[Fault | None, bool]],
) -> None:
    child = Child()
    for fault, ready in seen:
        before = child.state.source
        child.live(1, fault, direct_ready=ready)
        if before is Source.SHARED and child.state.source is Source.DIRECT:
            assert ready
            assert fault is not None
        assert child.state.wants_line or child.state.source is Source.SHARED


def test_a_child_without_a_quote_of_its_own_takes_a_healthy_snapshot_soon() -> None:
    """Waiting half a minute for certainty costs nothing only while there is another quote."""
    child = Child(start(Source.DIRECT, 0.0))
    child.live(5, Fault.MISSING)

    child.live(3, None)
    after_3_s = child.state.source
    child.live(1, None)

    assert [after_3_s, child.state.source] == [Source.DIRECT, Source.SHARED]
    assert not child.state.wants_line
    assert child.switches[0].reason == "own_line_down"


def test_the_silence_before_it_was_called_so_counts_for_what_is_told() -> None:
    child = Child()
    child.live(1, None)
    child.live(3, Fault.WRITER_SILENT, direct_ready=True)

    (switch,) = child.switches
    assert (switch.reason, switch.lasted_s, switch.limit_s) == ("writer_silent", 12, 12)
