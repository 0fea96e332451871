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
    assert fault_of(price(bid), price(ask)) == fault
