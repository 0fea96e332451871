"""A child that nobody gives quotes to ends, so that it is started afresh."""

from __future__ import annotations

from pathlib import Path

import pytest

from POLYMARKET_MAKER.errors import ChildExit
from tests.support.trading_house import HandQuotes, House


class StarvingQuotes(HandQuotes):
    """Has had neither a source nor a place for a line for as long as the test says."""

    for_s = 0.0

    def starved_s(self) -> float:
        return self.for_s


@pytest.mark.parametrize(("for_s", "code"), [(599.0, None), (600.0, ChildExit.TEMPORARY)])
def test_ten_minutes_without_source_and_place_end_a_child_for_a_fresh_start(
    tmp_path: Path, for_s: float, code: ChildExit | None
) -> None:
    house = House(tmp_path)
    house.die()
    house.quotes = StarvingQuotes(house.exchange)
    house.quotes.for_s = for_s
    house.born()
    for _ in range(10):
        house.turn()
        house.pass_time(1.0)
    ended = house.exit_code
    house.die()

    assert ended is code
