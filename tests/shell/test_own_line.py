"""Who may dial, who has to wait, and who has to give up a line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.connection import LineState
from POLYMARKET_MAKER.core.model import AgedQuote
from POLYMARKET_MAKER.line import LineStats
from POLYMARKET_MAKER.own_line import DIAL_LIMIT_S, OwnLine, Places
from POLYMARKET_MAKER.slots import LONGEST_PAUSE_S, Pause, Slots
from tests.support.still_line import line_stats
from tests.support.trading_house import HandClock


class Line:
    """A line whose state the test sets."""

    def __init__(self) -> None:
        self.state = LineState.CONNECTING
        self.retry_after_s: float | None = None
        self.is_closed = False

    def aged(self) -> AgedQuote | None:
        return None

    def wait(self, timeout_s: float) -> None:
        pass

    def close(self) -> None:
        self.is_closed = True

    def stats(self) -> LineStats:
        return line_stats(self.state, connects=0, retry_after_s=self.retry_after_s)


class Child:
    """One child's own line and all lines that it ever dialled."""

    def __init__(self, directory: Path, clock: Clock, *, dialling: int, connections: int) -> None:
        self.lines: list[Line] = []
        places = Places(
            dialling=Slots(directory, "dial", dialling),
            connections=Slots(directory, "line", connections),
            pause=Pause(directory / "pause"),
        )
        self.own = OwnLine(self._dial, places, clock)

    def _dial(self) -> Line:
        self.lines.append(Line())
        return self.lines[-1]

    @property
    def has_line(self) -> bool:
        return bool(self.lines) and not self.lines[-1].is_closed

    def turn(self, *, wanted: bool = True, is_ready: bool = False) -> None:
        self.own.keep(wanted=wanted, is_ready=is_ready)


Family = Callable[..., list[Child]]


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def family(tmp_path: Path, clock: HandClock) -> Family:
    def make(count: int, *, dialling: int = 2, connections: int = 3) -> list[Child]:
        return [
            Child(tmp_path, clock, dialling=dialling, connections=connections) for _ in range(count)
        ]

    return make


def test_no_more_dial_than_there_are_places(family: Family) -> None:
    children = family(3)
    for child in children:
        child.turn()

    assert [child.has_line for child in children] == [True, True, False]
    assert children[2].own.refused == "no_dialling_slot"


def test_a_dialler_with_a_quote_makes_room_and_keeps_its_line(family: Family) -> None:
    children = family(3)
    for child in children:
        child.turn()
    children[0].turn(is_ready=True)
    children[2].turn()

    assert [child.has_line for child in children] == [True, True, True]
    assert children[2].own.refused is None


def test_no_more_lines_than_there_are_places(family: Family) -> None:
    """The one that is refused says so, and keeps no place among the diallers."""
    children = family(4)
    for child in children:
        child.turn()
        child.turn(is_ready=True)

    assert [child.has_line for child in children] == [True, True, True, False]
    assert children[3].own.refused == "no_connection_slot"
    children[0].turn(wanted=False)
    children[3].turn()
    assert children[3].has_line


def test_a_line_that_is_not_wanted_any_more_gives_back_everything(family: Family) -> None:
    first, second = family(2, dialling=1, connections=1)
    first.turn()
    first.turn(wanted=False)
    second.turn()

    assert first.lines[0].is_closed
    assert second.has_line
    assert first.own.refused is None


def test_one_who_is_told_to_wait_has_all_wait(family: Family, clock: HandClock) -> None:
    """HTTP 429: the exchange counts dials by address, not by process."""
    first, second = family(2)
    first.turn()
    first.lines[0].state, first.lines[0].retry_after_s = LineState.DOWN, 7.0
    first.turn()
    second.turn()

    assert not first.has_line
    assert not second.has_line
    assert second.own.refused == "exchange_asks_to_wait"
    clock.advance(6.9)
    second.turn()
    assert not second.has_line
    clock.advance(0.2)
    second.turn()
    assert second.has_line


def test_who_is_refused_again_waits_twice_as_long(family: Family, clock: HandClock) -> None:
    (child,) = family(1)
    waits = []
    for _ in range(3):
        waited_s = 0
        child.turn()
        while not child.has_line:
            clock.advance(1)
            waited_s += 1
            child.turn()
        child.lines[-1].state, child.lines[-1].retry_after_s = LineState.DOWN, 5.0
        waits.append(waited_s)
        child.turn()

    assert waits[0] == 0
    assert 5 <= waits[1] <= 7
    assert 10 <= waits[2] <= 12


def test_a_dial_that_takes_too_long_lets_others_try(family: Family, clock: HandClock) -> None:
    """Otherwise five children that reach nobody keep all others from trying."""
    first, second = family(2, dialling=1)
    first.turn()
    clock.advance(DIAL_LIMIT_S + 1)
    first.turn()
    second.turn()

    assert not first.has_line
    assert first.own.refused == "waits_for_next_try"
    assert second.has_line
    clock.advance(10)
    second.turn(is_ready=True)
    first.turn()
    assert first.has_line


def test_an_open_line_without_a_book_leaves_the_diallers_and_stays(
    family: Family, clock: HandClock
) -> None:
    first, second = family(2, dialling=1)
    first.turn()
    first.lines[0].state = LineState.OPEN
    clock.advance(DIAL_LIMIT_S + 1)
    first.turn()
    second.turn()

    assert first.has_line
    assert second.has_line


def test_a_line_that_broke_dials_again_only_with_a_place(family: Family) -> None:
    first, second = family(2, dialling=1)
    first.turn()
    first.turn(is_ready=True)
    second.turn()
    first.lines[0].state = LineState.DOWN
    first.turn()

    assert not first.has_line
    assert first.own.refused == "no_dialling_slot"
    second.turn(is_ready=True)
    first.turn()
    assert first.has_line


def test_a_line_that_broke_is_given_up_where_the_places_cannot_be_used_any_more(
    family: Family, tmp_path: Path
) -> None:
    """A disk that went read-only ends no child: it tells why it has no line."""
    [child] = family(1)
    child.turn()
    child.lines[0].state = LineState.OPEN
    child.turn(is_ready=True)
    for path in tmp_path.glob("dial-*.lock"):
        path.unlink()
        path.mkdir()
    child.lines[0].state = LineState.DOWN
    child.turn()

    assert not child.has_line
    assert child.own.refused == "slots_unusable"


def test_a_pause_of_another_boot_holds_up_nobody(tmp_path: Path) -> None:
    """Its clock had run for longer than ours has."""
    pause = Pause(tmp_path / "pause")
    pause.extend(30.0, 90_000.0)

    assert pause.left_s(90_010.0) == pytest.approx(20)
    assert pause.left_s(90_031.0) == 0
    assert pause.left_s(50.0) == 0


def test_a_longer_pause_is_not_cut_short(tmp_path: Path) -> None:
    pause = Pause(tmp_path / "pause")
    pause.extend(60.0, 100.0)
    pause.extend(5.0, 101.0)
    pause.extend(9_999.0, 102.0)

    assert pause.left_s(102.0) == pytest.approx(LONGEST_PAUSE_S)
