"""What ``--pnl`` says: sums that can be checked by hand, and what is not known is said so."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import replace
from decimal import Decimal

import pytest

from POLYMARKET_MAKER.errands import COLUMNS, LOST, WON, cancel_open, pnl_csv, redeemable_lines
from POLYMARKET_MAKER.errors import VenueUnreachable
from POLYMARKET_MAKER.exchange.data_api import PositionRow
from POLYMARKET_MAKER.ledger import PnlRow
from POLYMARKET_MAKER.orphans import Stranger
from POLYMARKET_MAKER.processes import started_s

HELD = PnlRow("7132", Decimal(10), Decimal("0.40"), None, Decimal("-0.5"), None, Decimal("0.02"), 3)
SOLD = replace(HELD, token_id="8888", size=Decimal(0), entry_price=None, open_profit=Decimal(0))
WINNER = PositionRow("7132", "0xc", Decimal(10), status=WON, redeemable=True, title="Rain?")


def test_the_csv_has_every_column_and_what_is_not_known_is_empty() -> None:
    rows = list(csv.DictReader(io.StringIO(pnl_csv([HELD, SOLD], {}))))

    assert list(rows[0]) == [*COLUMNS, "redeemable"]
    assert rows[0]["bid"] == ""
    assert rows[0]["realised"] == "-0.5"
    assert [row["redeemable"] for row in rows] == ["no", "no"]


def test_redeemable_is_yes_only_for_shares_that_won_and_are_held() -> None:
    lost = replace_status(WINNER, LOST)

    def said(over: dict[str, PositionRow] | None) -> list[str]:
        return [row["redeemable"] for row in csv.DictReader(io.StringIO(pnl_csv([HELD], over)))]

    assert said({"7132": WINNER}) == ["yes"]
    assert said({"7132": lost}) == ["no"]
    assert said(None) == [""]


def test_what_can_be_redeemed_is_named_and_what_is_lost_too() -> None:
    (won,) = redeemable_lines([HELD, SOLD], {"7132": WINNER, "8888": WINNER, "other": WINNER})
    (lost,) = redeemable_lines([HELD], {"7132": replace_status(WINNER, LOST)})

    assert won == "redeem on the exchange's page: 10 shares of 7132 Rain?"
    assert "worth nothing" in lost
    assert list(redeemable_lines([HELD], None)) == []


def test_a_last_cancel_names_what_it_could_not_prove(capsys: pytest.CaptureFixture[str]) -> None:
    assert cancel_open(lambda: True, lambda: frozenset({"0xb", "0xa"}), list) == 5
    assert capsys.readouterr().out.splitlines() == [
        "may still be open: 0xa",
        "may still be open: 0xb",
    ]

    assert cancel_open(lambda: True, frozenset, list) == 0
    assert "no order of ours is open" in capsys.readouterr().out


def test_a_last_cancel_without_an_answer_says_that_orders_may_be_open() -> None:
    with pytest.raises(VenueUnreachable, match="may be open"):
        cancel_open(lambda: False, frozenset, list)


def test_a_last_cancel_is_no_proof_while_a_child_trades(capsys: pytest.CaptureFixture[str]) -> None:
    pid = os.getpid()
    began_s = started_s(pid)
    assert began_s is not None
    child = Stranger("7132", pid, began_s, None, trades_on=True)
    gone = replace(child, started_s=began_s - 1)

    assert cancel_open(lambda: True, frozenset, lambda: [gone, child]) == 5
    said = capsys.readouterr().out
    assert said.count(f"pid {pid} still trades 7132") == 1
    assert "no order of ours is open" not in said


def replace_status(row: PositionRow, status: str) -> PositionRow:
    return PositionRow(
        row.token_id, row.condition_id, row.current_size, status=status, redeemable=True
    )
