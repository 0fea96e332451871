"""An exchange in memory that checks every order, loses answers on demand, and keeps the truth.

It stands behind the protocol that the program trades through. What it asserts is
what no child may ever do, whatever happened before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from POLYMARKET_MAKER.core.model import ZERO, Level, MarketInfo, Quote, Side
from POLYMARKET_MAKER.core.money import is_on_grid
from POLYMARKET_MAKER.core.order import (
    CancelResult,
    Fill,
    FillStatus,
    NewOrder,
    OpenOrder,
    Outcome,
    Placed,
    Position,
    Rejected,
    SignedOrder,
    TimeInForce,
    Unknown,
)
from POLYMARKET_MAKER.core.position import Trade, replay
from POLYMARKET_MAKER.errors import VenueError, VenueRefused, VenueUnreachable
from POLYMARKET_MAKER.exchange.amounts import amounts

FOREIGN = "foreign"


class Fault(StrEnum):
    """What becomes of one request."""

    LOST_BEFORE = "lost_before"  # it never arrives
    LOST_AFTER = "lost_after"  # it arrives, its answer does not
    LATE = "late"  # given up by us, it arrives a while later
    SLOW = "slow"  # it takes seconds, and is answered
    TOO_EARLY = "425"
    RATE_LIMITED = "429"
    ERROR = "500"  # nobody knows whether it acted; here it did
    WRONG_JSON = "wrong_json"  # it acted, and its answer cannot be read
    LIED = "lied"  # a cancel that is answered with a yes, and the order rests
    REFUSED = "refused"
    UNAUTHORISED = "401"
    KILL_BEFORE = "kill_before"  # the process dies before it leaves
    KILL_AFTER = "kill_after"  # the process dies before the answer comes


NOT_THERE: dict[Fault | None, tuple[float | None, str | None]] = {
    Fault.LOST_BEFORE: (None, None),
    Fault.TOO_EARLY: (1.0, "engine_restarting"),
    Fault.RATE_LIMITED: (1.0, "rate_limited"),
}
"""Faults of requests that do not act: what the answer asks us to wait, and its code."""
ACTED_UNSEEN = (Fault.LOST_AFTER, Fault.ERROR, Fault.WRONG_JSON)


def _error(fault: Fault) -> VenueError:
    if fault is Fault.UNAUTHORISED:
        return VenueRefused("Unauthorized/Invalid api key", status_code=401)
    retry_after_s, code = NOT_THERE.get(fault, (None, None))
    return VenueUnreachable(fault.value, retry_after_s=retry_after_s, code=code)


class Killed(BaseException):
    """Stands for SIGKILL: nothing of the program may catch it."""


@dataclass
class FakeExchange:
    """One market and one account.

    Attributes:
        bid: The others' best bid; None when nobody bids.
        ask: The others' best ask.
        depth: Their size at each of both.
        faults: What becomes of the next requests of a kind (post, cancel, read), in order.
        late: Requests that are still on their way, with the time at which they arrive.
        is_slow: Whether new trades happen without any request showing them yet.
        hidden: How many such trades there are.
        unlisted: Orders that no read shows yet.
        failed: Whether a trade ever failed on chain: then less is held than was thought.
        on_sign: Told of every order as it is signed.
        on_order: Told of every order that is accepted, to judge its price.
        wait: Passes the time that a slow request takes.
        sent: The bytes that were sent for each order, and how often.
    """

    market: MarketInfo
    now: Callable[[], float]
    bid: Decimal | None = Decimal("0.50")
    ask: Decimal | None = Decimal("0.52")
    depth: Decimal = Decimal(100)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    late: list[tuple[float, SignedOrder]] = field(default_factory=list)
    orders: dict[str, OpenOrder] = field(default_factory=dict)
    trades: list[Fill] = field(default_factory=list)
    is_slow: bool = False
    hidden: int = 0
    unlisted: set[str] = field(default_factory=set)
    failed: bool = False
    signed: int = 0
    on_sign: Callable[[SignedOrder], None] = lambda _: None
    on_order: Callable[[SignedOrder], None] = lambda _: None
    wait: Callable[[float], None] = lambda _: None
    sent: dict[str, list[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.orders[FOREIGN] = OpenOrder(
            FOREIGN, "elsewhere", "0xf", Side.SELL, Decimal("0.9"), Decimal(50), ZERO, "LIVE", 0.0
        )

    # -- what the program is handed

    def sign(self, order: NewOrder, market: MarketInfo) -> SignedOrder:
        amounts(order, market)  # what is off the grid that we think is in force is not signed
        self.signed += 1
        signed = SignedOrder(order, f"o{self.signed}", b'{"signature":%d}' % self.signed)
        self.on_sign(signed)
        return signed

    def post(self, signed: SignedOrder) -> Outcome:
        bodies = self.sent.setdefault(signed.order_id, [])
        bodies.append(signed.body)
        assert len(set(bodies)) == 1, "the same order with another body"
        fault = self._fault("post")
        if fault is Fault.KILL_BEFORE:
            raise Killed
        if fault in NOT_THERE:
            return Unknown(str(fault), *NOT_THERE[fault])
        if fault is Fault.LATE:
            self.late.append((self.now() + 4.0, signed))
            return Unknown("timeout")
        if fault is Fault.REFUSED:
            return Rejected("order couldn't be placed", 400)
        if fault is Fault.UNAUTHORISED:
            return Rejected("Unauthorized/Invalid api key", 401)
        if fault is Fault.SLOW:
            self.wait(3.0)
        outcome = self._accept(signed)
        if fault is Fault.KILL_AFTER:
            raise Killed
        return Unknown(fault.value) if fault in ACTED_UNSEEN else outcome

    def cancel(self, order_ids: Sequence[str]) -> CancelResult:
        fault = self._fault("cancel")
        if fault is Fault.KILL_BEFORE:
            raise Killed
        if fault is not None and (fault is Fault.UNAUTHORISED or fault in NOT_THERE):
            raise _error(fault)
        if fault is Fault.SLOW:
            self.wait(3.0)
        if fault is Fault.LIED:
            return CancelResult(tuple(each for each in order_ids if each in self.orders), {})
        result = self._cancel(order_ids)
        if fault is Fault.KILL_AFTER:
            raise Killed
        if fault in ACTED_UNSEEN:
            raise VenueUnreachable(fault.value)
        return result

    def open_orders(self) -> list[OpenOrder]:
        self._read()
        shown = (order for order in self.orders.values() if order.order_id not in self.unlisted)
        return [order for order in shown if order.is_open]

    def order(self, order_id: str) -> OpenOrder | None:
        self._read()
        return None if order_id in self.unlisted else self.orders.get(order_id)

    def fills(self, *, after: float | None = None) -> list[Fill]:
        self._read()
        shown = self.trades[: len(self.trades) - self.hidden]
        return [trade for trade in shown if after is None or trade.at >= after]

    def balance(self) -> Decimal:
        return Decimal(1000)

    # -- what the others do

    def quote(self, seq: int) -> Quote:
        """Return the public quote: the others' levels and ours."""
        bids, asks = self._levels(Side.BUY, self.bid), self._levels(Side.SELL, self.ask)
        return Quote(
            self.market.token_id,
            bids[0].price if bids else None,
            asks[0].price if asks else None,
            bids,
            asks,
            None,
            self.market.tick_size,
            None,
            self.now(),
            seq,
            "book",
        )

    def move(self, bid: Decimal | None, ask: Decimal | None) -> None:
        """Move the others' market; our orders that it reaches trade completely."""
        self.bid, self.ask = bid, ask
        for order in self.ours():
            reached = ask is not None and ask <= order.price
            if order.side is Side.SELL:
                reached = bid is not None and bid >= order.price
            if reached:
                self.hit(order.order_id, order.remaining)

    def hit(self, order_id: str, size: Decimal) -> None:
        """Let somebody trade with our resting order."""
        order = self.orders[order_id]
        self._trade(order, min(size, order.remaining), is_maker=True)

    def fail_last_trade(self) -> None:
        """Let the last trade fail on chain: it never was."""
        if self.trades and self.trades[-1].status is FillStatus.MATCHED and not self.hidden:
            self.trades[-1] = replace(self.trades[-1], status=FillStatus.FAILED)
            self.failed = True

    def reveal(self) -> None:
        """Let every request show all trades from now on."""
        self.is_slow, self.hidden = False, 0

    def arrive(self) -> None:
        """Let late requests arrive whose time has come."""
        due = [signed for at, signed in self.late if at <= self.now()]
        self.late = [(at, signed) for at, signed in self.late if at > self.now()]
        for signed in due:
            self._accept(signed)

    # -- the truth

    def ours(self) -> list[OpenOrder]:
        """Return our open orders."""
        orders = self.orders.values()
        return [order for order in orders if order.is_open and order.order_id != FOREIGN]

    def position(self) -> Position:
        """Return what our trades add up to, whether anybody was told of them or not."""
        held = [
            Trade(trade.side, trade.size, trade.price, trade.fee)
            for trade in self.trades
            if trade.status is not FillStatus.FAILED
        ]
        after = replay(self.market.token_id, held)
        return after[-1] if after else Position(self.market.token_id)

    def stake(self) -> Decimal:
        """Return the USD in resting buys, in those on their way, and in holdings at cost."""
        resting = sum(
            (order.price * order.remaining for order in self.ours() if order.side is Side.BUY), ZERO
        )
        coming = sum(
            (each.order.notional for _, each in self.late if each.order.side is Side.BUY), ZERO
        )
        position = self.position()
        return resting + coming + position.size * (position.entry_price or ZERO)

    def _levels(self, side: Side, others: Decimal | None) -> tuple[Level, ...]:
        sizes: dict[Decimal, Decimal] = {} if others is None else {others: self.depth}
        for order in self.ours():
            if order.side is side:
                sizes[order.price] = sizes.get(order.price, ZERO) + order.remaining
        best_first = sorted(sizes.items(), reverse=side is Side.BUY)
        return tuple(Level(price, size) for price, size in best_first)

    def _fault(self, kind: str) -> Fault | None:
        coming = self.faults.get(kind)
        return coming.pop(0) if coming else None

    def _read(self) -> None:
        fault = self._fault("read")
        if fault is Fault.SLOW:
            self.wait(3.0)
        elif fault is not None:
            raise _error(fault)

    def _accept(self, signed: SignedOrder) -> Outcome:
        order, order_id = signed.order, signed.order_id
        if order_id in self.orders:
            return Rejected("order is invalid. Duplicated.", 400)
        assert is_on_grid(order.price, self.market.tick_size), order
        assert order.size % Decimal("0.01") == 0, order
        takes = order.time_in_force in (TimeInForce.FAK, TimeInForce.FOK)
        if takes:
            assert order.notional >= 1, order
        else:
            assert order.size >= self.market.min_order_size, order
        if order.side is Side.SELL and order.size > self.position().size:
            assert self.failed, f"{order} sells more than {self.position().size}"
            return Rejected("not enough balance / allowance", 400)
        self.on_order(signed)
        opened = OpenOrder(
            order_id,
            order.token_id,
            self.market.condition_id,
            order.side,
            order.price,
            order.size,
            ZERO,
            "LIVE",
            self.now(),
        )
        reached = self._reached(order)
        if order.post_only and reached is not None:
            return Rejected("order crosses book", 400)
        self.orders[order_id] = opened
        if reached is not None:
            self._trade(opened, min(order.size, self.depth), is_maker=False)
        if takes and self.orders[order_id].is_open:
            self.orders[order_id] = replace(self.orders[order_id], status="MATCHED")
        return Placed(order_id, "live" if reached is None else "matched")

    def _reached(self, order: NewOrder) -> Decimal | None:
        """Return the others' price that the order takes, if it does."""
        if order.side is Side.BUY:
            return self.ask if self.ask is not None and order.price >= self.ask else None
        return self.bid if self.bid is not None and order.price <= self.bid else None

    def _trade(self, order: OpenOrder, size: Decimal, *, is_maker: bool) -> None:
        matched = order.size_matched + size
        status = "MATCHED" if matched >= order.size else order.status
        self.orders[order.order_id] = replace(order, size_matched=matched, status=status)
        self.hidden += self.is_slow
        self.trades.append(
            Fill(
                f"t{len(self.trades)}",
                order.order_id,
                order.token_id,
                order.side,
                order.price,
                size,
                ZERO,
                is_maker=is_maker,
                status=FillStatus.MATCHED,
                at=self.now(),
            )
        )

    def _cancel(self, order_ids: Sequence[str]) -> CancelResult:
        canceled, not_canceled = [], {}
        for order_id in order_ids:
            assert order_id != FOREIGN, "a foreign order was cancelled"
            order = self.orders.get(order_id)
            if order is not None and order.is_open:
                self.orders[order_id] = replace(order, status="CANCELED")
                canceled.append(order_id)
            elif order is not None and order.status == "MATCHED":
                not_canceled[order_id] = "Order already matched"
            else:
                not_canceled[order_id] = "Order not found or already canceled"
        return CancelResult(tuple(canceled), not_canceled)
