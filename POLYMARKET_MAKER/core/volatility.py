"""Settings and memory of the volatility strategy; what it decides stands in core.strategy."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import msgspec

from POLYMARKET_MAKER.core.exiting import TAKE_S, Exit
from POLYMARKET_MAKER.core.model import ZERO
from POLYMARKET_MAKER.core.window import HighWindow


class SellMode(StrEnum):
    """How a sell behaves when the market does not come up to it."""

    AGGRESSIVE = "aggressive"  # rests at the floor, and comes down to it from above
    CONSERVATIVE = "conservative"  # shown only while the ask is at or above the floor


@dataclass(frozen=True, slots=True)
class Params:
    """Settings of the strategy, under the names of the configuration files.

    Attributes:
        drop_pct: Fall from the window's high that starts a buy, as a share of the high.
        drop_window_s: Length of the window (``drop_window_minutes`` x 60).
        profit_pct: Least profit of a sell over the average entry cost.
        order_size: Shares to hold after a buy; None buys the smallest allowed order.
        buy_price_threshold: Bid at or below which a buy starts without a drop.
        max_buy_price: No buy at a bid at or above it.
        min_buy_price: No buy at a bid at or below it.
        enable_incremental_drop_pct: Whether each completed sell raises the needed drop.
        incremental_drop_pct_step: By how much.
        drop_pct_cap: Up to where.
        sell_mode: See :class:`SellMode`.
        sell_step_s: An unfilled aggressive sell comes down one step after this long.
        sell_step: Size of that step in USD, at least one tick.
        sell_inactive_s: A sell that nothing happened to for this long is withdrawn and
            reported, until the middle price moves (``sell_inactive_hours`` x 3600); 0 never.
        max_chase_s: Longest time that one buy is followed.
        post_only: Whether resting orders may never take.
        exit_slippage: How far below the first best bid an exit may sell, in USD.
        exit_take_s: How long an exit takes bids before what is left rests at its floor.
    """

    drop_pct: Decimal = Decimal("0.05")
    drop_window_s: float = 600.0
    profit_pct: Decimal = Decimal("0.05")
    order_size: Decimal | None = Decimal(10)
    buy_price_threshold: Decimal | None = None
    max_buy_price: Decimal = Decimal("0.98")
    min_buy_price: Decimal = ZERO
    enable_incremental_drop_pct: bool = False
    incremental_drop_pct_step: Decimal = Decimal("0.001")
    drop_pct_cap: Decimal = Decimal("0.20")
    sell_mode: SellMode = SellMode.AGGRESSIVE
    sell_step_s: float = 300.0
    sell_step: Decimal = Decimal("0.01")
    sell_inactive_s: float = 0.0
    max_chase_s: float = 600.0
    post_only: bool = True
    exit_slippage: Decimal = Decimal("0.05")
    exit_take_s: float = TAKE_S


class Chase(msgspec.Struct, frozen=True):
    """A buy being followed.

    Attributes:
        since: When it began.
        target: Shares to hold at its end.
        peak: Most shares held since it began: what was sold meanwhile is not bought again.
    """

    since: float
    target: Decimal
    peak: Decimal


class Holding(msgspec.Struct, frozen=True):
    """What is held, and since when nothing has happened to it.

    Attributes:
        size: Shares that can be sold.
        since: When it last grew or shrank, or the market came back to life.
        quiet_mid: The middle price when its sell was withdrawn for inactivity; else None.
    """

    size: Decimal
    since: float
    quiet_mid: Decimal | None = None


class State(msgspec.Struct, frozen=True):
    """All that the strategy remembers.

    Attributes:
        window: Highs of the middle price.
        drop_pct: Needed drop in force.
        chase: The buy being followed; None when there is none.
        gave_up: Whether the last chase ran out of time while its cause still held.
        holding: What is held; None before anything that can rest is.
        exit: The exit that is going on; None until one met its first bid.
    """

    window: HighWindow
    drop_pct: Decimal
    chase: Chase | None = None
    gave_up: bool = False
    holding: Holding | None = None
    exit: Exit | None = None
