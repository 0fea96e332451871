"""When a market ends for us."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from POLYMARKET_MAKER.settings import Countdown, DeadlinePolicy, StrategyParams
from POLYMARKET_MAKER.settings.deadline import closing_time, sell_only_from
from POLYMARKET_MAKER.settings.strategy_keys import DefaultDeadline

END = "2026-12-01T18:00:00Z"
AT = datetime(2026, 12, 1, 18, tzinfo=UTC).timestamp()


def utc(day: int, hour: int, minute: int = 0) -> float:
    return datetime(2026, 12, day, hour, minute, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("announced", [END, AT, str(AT), "2026-12-01T13:00:00-05:00"])
def test_the_announced_end_is_taken_in_any_form(announced: str | float) -> None:
    assert closing_time(StrategyParams(), announced) == AT


def test_a_time_without_a_zone_is_in_the_settings_zone() -> None:
    assert closing_time(StrategyParams(), "2026-12-01T13:00:00") == AT


def test_a_bare_date_ends_at_its_last_minute_in_new_york() -> None:
    assert closing_time(StrategyParams(), "2026-12-01") == utc(2, 4, 59)


def test_the_default_deadline_is_honoured() -> None:
    bare = DefaultDeadline(time="12:59", timezone="UTC")
    params = StrategyParams(deadline_policy=DeadlinePolicy(default_deadline=bare))

    assert closing_time(params, "2026-12-01") == utc(1, 12, 59)


@pytest.mark.parametrize(
    ("choice", "expected"), [(1, utc(1, 17)), (2, utc(2, 4, 59)), (3, utc(1, 0)), (4, None)]
)
def test_a_choice_moves_the_end_within_its_day(choice: int, expected: float | None) -> None:
    params = StrategyParams(deadline_policy=DeadlinePolicy(override_choice=choice))

    assert closing_time(params, END) == expected
    assert closing_time(params, "2026-12-01") == expected


@pytest.mark.parametrize(
    "params",
    [
        StrategyParams(disable_deadline_checks=True, deadline_override_ts=1.0),
        StrategyParams(deadline_policy=DeadlinePolicy(disable_deadline=True)),
    ],
)
def test_a_market_may_have_no_end_for_us(params: StrategyParams) -> None:
    assert closing_time(params, END) is None


@pytest.mark.parametrize("announced", [None, ""])
def test_without_an_announced_end_there_is_none(announced: str | None) -> None:
    assert closing_time(StrategyParams(), announced) is None


def test_an_end_set_by_hand_comes_first() -> None:
    assert closing_time(StrategyParams(deadline_override_ts=5.0), END) == 5.0


def test_nothing_is_bought_in_the_countdown() -> None:
    params = StrategyParams(countdown=Countdown(minutes_before_end=30))

    assert sell_only_from(params, AT) == AT - 1800
    assert sell_only_from(params, AT, scale=60) == AT - 30
    assert sell_only_from(params, None) is None


def test_the_countdown_may_begin_at_a_set_time() -> None:
    countdown = Countdown(absolute_time="2026-12-01T13:00", timezone="America/New_York")

    assert sell_only_from(StrategyParams(countdown=countdown), None) == AT
