"""A reader never goes back, and is never stuck for ever."""

from __future__ import annotations

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from polyshared import Entry
from polyshared._clock import Moment
from polyshared._history import History
from tests.polyshared.kit import Clock


def entry(epoch: int, rev: int, key: str = "a") -> Entry:
    return Entry(
        key=key, fields={}, epoch=epoch, seq=rev, rev=rev, put_at=Clock()(), age_s=0, writer_age_s=0
    )


def nobody() -> int:
    return 0


def test_anything_is_believed_at_first() -> None:
    assert History(10).admits(1, Clock()(), nobody)


def test_the_same_and_a_later_epoch_are_believed() -> None:
    clock = Clock()
    history = History(10)
    history.saw(5, clock())

    assert history.admits(5, clock(), nobody)
    assert history.admits(6, clock(), nobody)


def test_an_older_epoch_is_not_believed_while_the_known_one_may_live() -> None:
    clock = Clock()
    history = History(10)
    history.saw(5, clock())
    clock.pass_s(20)

    assert not history.admits(4, clock(), lambda: 4)


def test_an_older_epoch_is_believed_after_long_silence_if_its_writer_owns_the_lock() -> None:
    """Clock, owner file, board and file were all lost: the new writer could not know better."""
    clock = Clock()
    history = History(10)
    history.saw(5, clock())
    clock.pass_s(20.1)

    assert history.admits(4, clock(), lambda: 4)
    assert not history.admits(4, clock(), lambda: 5)


def test_silence_counts_from_the_last_sign_of_life() -> None:
    clock = Clock()
    history = History(10)
    history.saw(5, clock())
    clock.pass_s(15)
    history.saw(5, clock())
    history.saw(5, clock()._replace(boot_s=1.0))  # a late look at an earlier sign
    clock.pass_s(15)

    assert not history.admits(4, clock(), lambda: 4)


def test_an_entry_that_lags_gives_way_to_the_one_given_out() -> None:
    """The file lags behind the lane."""
    history = History(10)
    history.saw(5, Clock()())
    newer = history.keep(entry(5, 9))

    assert history.keep(entry(5, 8)) is newer
    assert history.newest(entry(5, 8)) is newer
    assert history.newest(entry(5, 10)).rev == 10
    assert history.newest(entry(5, 1, key="b")).rev == 1
    assert history.keep(entry(5, 10)).rev == 10


def test_a_new_epoch_starts_with_nothing() -> None:
    history = History(10)
    history.saw(5, Clock()())
    history.keep(entry(5, 9))
    history.saw(6, Clock()())

    assert history.keep(entry(6, 1)).rev == 1


class HistoryMachine(RuleBasedStateMachine):
    """Whatever is offered in whatever order: what is given out never goes back."""

    def __init__(self) -> None:
        super().__init__()
        self.history = History(10)
        self.clock = Clock()
        self.given: tuple[int, int] = (0, 0)

    @rule(epoch=st.integers(1, 4), rev=st.integers(1, 5))
    def offer(self, epoch: int, rev: int) -> None:
        at: Moment = self.clock()
        if self.history.admits(epoch, at, nobody):
            self.history.saw(epoch, at)
            given = self.history.keep(entry(epoch, rev))
            assert given.version >= self.given
            self.given = given.version

    @rule(seconds=st.floats(0, 30))
    def wait(self, seconds: float) -> None:
        self.clock.pass_s(seconds)


TestHistory = HistoryMachine.TestCase
TestHistory.settings = settings(deadline=None, max_examples=40)


def test_what_was_given_out_is_not_changed_by_later_news() -> None:
    history = History(10)
    history.saw(5, Clock()())
    given = history.keep(entry(5, 1))
    before = msgspec.json.encode(given)
    history.keep(entry(5, 2))

    assert msgspec.json.encode(given) == before
