"""The wallet against the ledger: two sources, twice, and no trade on its way."""

from __future__ import annotations

from decimal import Decimal

import pytest

from POLYMARKET_MAKER.core.order import FillStatus
from POLYMARKET_MAKER.core.shares import (
    FORGOTTEN_S,
    LEAST_APART_S,
    SETTLED_S,
    TWICE_WITHIN_S,
    Sighting,
    difference,
    is_pending,
)
from tests.support.trading import T0, fill


@pytest.mark.parametrize(
    ("held", "wallet", "expected"),
    [
        ("10", ("4", "4"), "-6"),
        ("10", ("4", "7"), "-3"),
        ("10", ("4", "10"), "0"),
        ("10", ("4", "12"), "0"),
        ("10", ("12", "15"), "2"),
        ("10", ("10.009", "10.02"), "0"),
        ("10", ("9.991", "9.99"), "0"),
        ("10", ("9.99", "9.99"), "-0.01"),
        ("0", ("5",), "5"),
    ],
)
def test_a_difference_is_what_every_source_sees_at_least(
    held: str, wallet: tuple[str, ...], expected: str
) -> None:
    assert difference(Decimal(held), *map(Decimal, wallet)) == Decimal(expected)


@pytest.mark.parametrize(
    ("after_s", "confirmed"),
    [(0.0, False), (LEAST_APART_S - 1, False), (LEAST_APART_S, True), (TWICE_WITHIN_S, True),
     (TWICE_WITHIN_S + 1, False), (-20.0, False)],
)  # fmt: skip
def test_a_shortfall_is_confirmed_by_a_second_look_in_time(
    after_s: float, *, confirmed: bool
) -> None:
    before = Sighting(Decimal(10), Decimal(6), T0)

    assert Sighting(Decimal(10), Decimal(6), T0 + after_s).confirms(before) is confirmed


def test_a_shortfall_that_changes_is_another_one() -> None:
    before = Sighting(Decimal(10), Decimal(6), T0)

    assert not Sighting(Decimal(10), Decimal(5), T0 + 30).confirms(before)
    assert not Sighting(Decimal(9), Decimal(6), T0 + 30).confirms(before)
    assert not before.confirms(None)


@pytest.mark.parametrize(
    ("status", "age_s", "pending"),
    [
        (FillStatus.CONFIRMED, SETTLED_S - 1, True),
        (FillStatus.CONFIRMED, SETTLED_S + 1, False),
        (FillStatus.FAILED, SETTLED_S + 1, False),
        (FillStatus.MATCHED, SETTLED_S + 1, True),
        (FillStatus.MINED, FORGOTTEN_S - 1, True),
        (FillStatus.MATCHED, FORGOTTEN_S + 1, False),
    ],
)
def test_a_trade_is_pending_until_the_wallet_must_show_it(
    status: FillStatus, age_s: float, *, pending: bool
) -> None:
    assert is_pending(fill("t", "o", status=status, at=T0), T0 + age_s) is pending
