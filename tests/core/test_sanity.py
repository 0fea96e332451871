"""A top of book that cannot be true is refused, whoever sent it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from POLYMARKET_MAKER.core.sanity import fault_of


def price(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


@pytest.mark.parametrize(
    ("bid", "ask", "fault"),
    [
        ("0.49", "0.51", None),
        (None, "0.51", None),
        ("0.49", None, None),
        (None, None, None),
        ("0.001", "0.999", None),
        ("0.51", "0.51", "crossed"),
        ("0.52", "0.51", "crossed"),
        ("-0.1", "0.51", "range"),
        ("0.49", "1.01", "range"),
        ("0", "0.5", "range"),
        ("0.5", "1", "range"),
    ],
)
def test_fault_of_a_top_of_book(bid: str | None, ask: str | None, fault: str | None) -> None:
    assert fault_of((price(bid), price(ask))) == fault


BEFORE = (Decimal("0.49"), Decimal("0.51"))


@pytest.mark.parametrize(
    ("bid", "ask", "fault"),
    [
        ("0.49", "0.51", None),
        ("0.24", "0.26", None),
        ("0.23", "0.26", "distance"),
        ("0.75", "0.77", "distance"),
        ("0.01", "0.99", "spread"),
        ("0.05", "0.95", "spread"),
        ("0.06", "0.95", None),
        (None, "0.99", None),
        (None, None, None),
    ],
)
def test_what_is_improbable_has_to_be_borne_out(
    bid: str | None, ask: str | None, fault: str | None
) -> None:
    top = (price(bid), price(ask))

    assert fault_of(top, before=BEFORE) == fault
    assert fault_of(top, before=BEFORE, borne_out=True) is None
    assert fault_of(top, before=(None, Decimal("0.51"))) is None


def test_a_market_that_was_wide_may_stay_wide() -> None:
    wide = (Decimal("0.01"), Decimal("0.99"))

    assert fault_of((Decimal("0.02"), Decimal("0.99")), before=wide) is None


def test_the_ladder_does_not_bear_out_what_cannot_be() -> None:
    crossed = (Decimal("0.6"), Decimal("0.5"))

    assert fault_of(crossed, before=BEFORE, borne_out=True) == "crossed"
