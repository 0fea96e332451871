"""What stands at the stages behind the strategy is the cause, and stays while it holds."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import cast

import pytest

from POLYMARKET_MAKER.child_status import ChildStatus
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.decision import NO_BID, Stage, StageName, passed, stopped
from POLYMARKET_MAKER.core.gate import Gate, Reason, Refusal
from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.order import (
    NewOrder,
    Outcome,
    Placed,
    Position,
    Rejected,
    TimeInForce,
    Unknown,
    WantedOrder,
)
from POLYMARKET_MAKER.core.reconcile import Plan
from POLYMARKET_MAKER.core.risk import Allowed, Exposure
from POLYMARKET_MAKER.journal import Journal
from POLYMARKET_MAKER.ledger import Intent, IntentState, TokenView
from POLYMARKET_MAKER.orders import News
from POLYMARKET_MAKER.progress import after_rules, at_order
from POLYMARKET_MAKER.quotes import NoQuote, Quotes
from POLYMARKET_MAKER.sending import Posted
from POLYMARKET_MAKER.stages import StageState
from tests.support.trading import TOKEN, aged, resting, signed

BUY = WantedOrder(Side.BUY, Decimal("0.48"), Decimal(5), "make_bid")
SELL = WantedOrder(Side.SELL, Decimal("0.52"), Decimal(5), "make_ask")
NEW = NewOrder(TOKEN, Side.BUY, Decimal("0.48"), Decimal(5), TimeInForce.GTC)
VIEW = TokenView(Position(TOKEN), (), (), (), Exposure())
QUOTES = passed("both_sides")
NOTHING = Plan()
WAITS = Plan(waiting=frozenset({Side.BUY}))
NONE: MappingProxyType[Side, str] = MappingProxyType({})


def allowed(
    *orders: WantedOrder, gate: Gate = Gate.PLACE, refusals: tuple[Refusal, ...] = ()
) -> Allowed:
    return Allowed(gate, orders, refusals)


def red(found: Allowed, trouble: str | None = None) -> dict[str, tuple[str, str]]:
    marks = after_rules(found, trouble)
    return {
        stage.value: (mark.state.value, mark.reason)
        for stage, mark in marks.items()
        if mark.state is not StageState.OK
    }


@pytest.mark.parametrize(
    ("reason", "detail", "stage", "word"),
    [
        (Reason.KILLED, "", "risk", "killed"),
        (Reason.CAP_TOKEN, "room is 0", "budget", "cap_token"),
        (Reason.DAILY_LOSS, "", "budget", "daily_loss"),
        (Reason.BUDGET, "", "budget", "budget"),
        (Reason.VENUE, "cancel_only", "venue", "cancel_only"),
        (Reason.VENUE, "post_only", "venue", "post_only"),
        (Reason.ACCOUNT_STALE, "", "venue", "account_stale"),
    ],
)
def test_a_refusal_stands_at_the_stage_that_it_is_of(
    reason: Reason, detail: str, stage: str, word: str
) -> None:
    assert red(allowed(refusals=(Refusal(reason, None, detail),))) == {stage: ("blocked", word)}


def test_a_buy_that_a_cap_makes_too_small_is_held_back_by_the_cap() -> None:
    refusals = (Refusal(Reason.CAP_TOKEN, Side.BUY), Refusal(Reason.TOO_SMALL, Side.BUY))

    assert red(allowed(refusals=refusals)) == {"budget": ("blocked", "cap_token")}


def test_what_was_only_made_smaller_is_not_held_back() -> None:
    assert red(allowed(BUY, refusals=(Refusal(Reason.CAP_TOKEN, Side.BUY),))) == {}


def test_buys_are_held_back_while_a_sell_goes_on() -> None:
    found = allowed(SELL, refusals=(Refusal(Reason.CAP_TOKEN, Side.BUY),))

    assert red(found) == {"budget": ("blocked", "cap_token")}


def test_what_this_child_knows_of_the_exchange_counts_before_what_follows_from_it() -> None:
    found = allowed(gate=Gate.REDUCE, refusals=(Refusal(Reason.ACCOUNT_STALE),))

    assert red(found, "unreachable") == {"venue": ("fail", "unreachable")}


def unresolved(state: IntentState) -> TokenView:
    zero = Decimal(0)
    intent = Intent(
        signed("0x1"),
        "0xc0",
        state,
        "",
        zero,
        zero,
        final=False,
        reason="",
        outcome="",
        created_at=1,
    )
    return replace(VIEW, unresolved=(intent,))


@pytest.mark.parametrize(
    ("found", "todo", "view", "failed", "mark"),
    [
        (allowed(), Plan(), VIEW, NONE, ("wait", "nothing_wanted")),
        (allowed(BUY), Plan(), VIEW, NONE, ("ok", "resting")),
        (allowed(BUY), Plan(place=(NEW,)), VIEW, NONE, ("wait", "side_busy")),
        (allowed(BUY), WAITS, VIEW, NONE, ("wait", "side_busy")),
        (allowed(BUY), WAITS, VIEW, {Side.BUY: "no money"}, ("blocked", "no money")),
        (allowed(BUY), WAITS, unresolved(IntentState.UNKNOWN), NONE, ("blocked", "unknown")),
        (allowed(BUY), WAITS, unresolved(IntentState.INTENDED), NONE, ("wait", "side_busy")),
        (allowed(BUY, gate=Gate.REDUCE), Plan(), VIEW, NONE, ("wait", "nothing_wanted")),
        (
            allowed(BUY, gate=Gate.REDUCE),
            Plan(),
            replace(VIEW, orders=(resting("0x1", Side.BUY, "0.48", "5"),)),
            NONE,
            ("ok", "resting"),
        ),
    ],
)
def test_the_last_stage_says_what_became_of_what_is_wanted(
    found: Allowed, todo: Plan, view: TokenView, failed: dict[Side, str], mark: tuple[str, str]
) -> None:
    said = at_order(found, todo, view, failed)

    assert (said.state.value, said.reason) == mark


class Turns:
    """Turns of a child, as its journal tells of them."""

    def __init__(self, folder: Path) -> None:
        self.status = ChildStatus(folder / "child.json", TOKEN, "paper", Clock())
        self.journal = Journal(TOKEN, self.status, self.status.clock, cast("Quotes", None))

    def turn(
        self,
        stage: Stage = QUOTES,
        found: Allowed | None = None,
        todo: Plan = NOTHING,
        *,
        outcome: Outcome | None = None,
    ) -> dict[str, tuple[str, str, object]]:
        """Return what stands at each stage after the turn, and since when."""
        quote = aged("0.48", "0.52")
        posted = () if outcome is None else (Posted(NEW, outcome, quote),)
        self.journal.brought(News(posted), None)
        self.journal.quoted(quote, VIEW, None)
        self.journal.decided(stage)
        self.journal.checked(found or allowed(BUY), todo, VIEW)
        marks = self.status.stages.as_dict()
        return {
            name: (str(mark["state"]), str(mark["reason"]), mark["since"])
            for name, mark in marks.items()
        }


def test_a_refusal_of_the_exchange_stands_until_an_order_is_taken(tmp_path: Path) -> None:
    """While the side rests after it, the reason must not turn into "busy"."""
    turns = Turns(tmp_path)

    refused = turns.turn(todo=WAITS, outcome=Rejected("not enough balance / allowance"))
    later = turns.turn(todo=WAITS)
    again = turns.turn(todo=Plan(place=(NEW,)))
    taken = turns.turn(outcome=Placed("0x1", "live"))

    assert refused["order"][:2] == ("blocked", "not enough balance / allowance")
    assert later["order"] == again["order"] == refused["order"]
    assert taken["order"][:2] == ("ok", "resting")


def test_a_refusal_is_over_when_nothing_is_wanted_any_more(tmp_path: Path) -> None:
    turns = Turns(tmp_path)
    turns.turn(todo=WAITS, outcome=Rejected("not enough balance / allowance"))

    assert turns.turn(found=allowed())["order"][:2] == ("wait", "nothing_wanted")
    assert turns.turn(todo=WAITS)["order"][:2] == ("wait", "side_busy")


def test_an_order_without_an_answer_is_the_ledgers_to_tell(tmp_path: Path) -> None:
    told = Turns(tmp_path).turn(todo=WAITS, outcome=Unknown("timeout"))

    assert told["order"][:2] == ("wait", "side_busy")


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (NO_BID, ("wait", "no_bid")),
        (stopped("crossed", StageName.QUOTE), ("blocked", "crossed")),
        (QUOTES, ("ok", "live")),
    ],
)
def test_what_the_strategy_sees_in_a_quote_stands_and_does_not_flicker(
    tmp_path: Path, stage: Stage, said: tuple[str, str]
) -> None:
    turns = Turns(tmp_path)

    first, second = turns.turn(stage), turns.turn(stage)

    assert first["quote"][:2] == said
    assert second == first


def test_a_state_of_the_exchange_stands_and_does_not_flicker(tmp_path: Path) -> None:
    found = allowed(gate=Gate.REDUCE, refusals=(Refusal(Reason.VENUE, None, "cancel_only"),))
    turns = Turns(tmp_path)

    first, second = turns.turn(found=found), turns.turn(found=found)

    assert first["venue"][:2] == ("blocked", "cancel_only")
    assert second == first


def test_a_stage_is_told_again_after_a_turn_that_said_otherwise(tmp_path: Path) -> None:
    """What a stage shows already is not told anew: it must be known what it shows."""
    turns = Turns(tmp_path)
    first = turns.turn(NO_BID)

    turns.journal.waiting(NoQuote("missing"))
    assert turns.status.stages.as_dict()["source"]["reason"] == "missing"
    assert turns.turn(NO_BID)["source"][:2] == first["source"][:2]

    turns.journal.recovering()
    assert turns.status.stages.as_dict()["quote"]["reason"] == "live"
    assert turns.turn(NO_BID)["quote"][:2] == ("wait", "no_bid")


@pytest.mark.parametrize("gap", ["waiting", "recovering"])
def test_what_holds_orders_back_is_told_again_after_a_gap(tmp_path: Path, gap: str) -> None:
    """Risk may give the very same answer before and after it."""
    turns, shut = Turns(tmp_path), Refusal(Reason.VENUE, None, "cancel_only")
    found = allowed(gate=Gate.REDUCE, refusals=(shut,))
    before = turns.turn(found=found)

    if gap == "waiting":
        turns.journal.waiting(NoQuote("missing"))
    else:
        turns.journal.recovering()

    assert turns.turn(found=found)["venue"][:2] == before["venue"][:2] == ("blocked", "cancel_only")
