"""Every setting of one child's strategy: ``run_params.json`` and ``strategy_defaults.json``."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from POLYMARKET_MAKER.settings.schema import Key


class StrategyName(StrEnum):
    """Which strategy trades."""

    VOLATILITY_ARBITRAGE = "volatility_arbitrage"  # buys a drop, sells at a profit
    QUOTE_BOTH_SIDES = "quote_both_sides"  # rests on both sides of the middle


class SellMode(StrEnum):
    """What a sell order does when the market falls below it."""

    AGGRESSIVE = "aggressive"  # follows the ask down to the cost floor
    CONSERVATIVE = "conservative"  # waits at its floor


@dataclass(frozen=True, slots=True, kw_only=True)
class Countdown:
    """Sell-only mode before a market ends."""

    minutes_before_end: Annotated[
        float, Key("min", "From so long before the end on, nothing is bought.", low=0)
    ] = 300.0
    absolute_time: Annotated[
        str | None,
        Key("ISO date and time", "From here on instead; without a zone it is in timezone."),
    ] = None
    timezone: Annotated[str | None, Key("IANA zone", "Zone of absolute_time.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultDeadline:
    """End of a day for markets that name only a date."""

    time: Annotated[str, Key("hour as HH:MM", "When a market ends whose date alone is known.")] = (
        "23:59"
    )
    timezone: Annotated[str, Key("IANA zone", "Zone of that time.")] = "America/New_York"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlinePolicy:
    """What to take for the end of a market when the exchange is vague."""

    override_choice: Annotated[
        int | None,
        Key(
            "", "1: 12:00 ET, 2: 23:59 ET, 3: 00:00 UTC of the end date; 4: no end.", low=1, high=4
        ),
    ] = None
    disable_deadline: Annotated[bool, Key("", "Markets have no end.")] = False
    timezone: Annotated[str | None, Key("IANA zone", "Zone of times without one.")] = None
    default_deadline: Annotated[
        DefaultDeadline, Key("", "Time of day for a bare date: time and timezone.")
    ] = DefaultDeadline()


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyParams:
    """What the strategy of one token is told."""

    strategy: Annotated[StrategyName, Key("", "Which strategy trades.")] = (
        StrategyName.VOLATILITY_ARBITRAGE
    )
    order_size: Annotated[
        Decimal | None,
        Key(
            "shares",
            "Shares to hold after a buy (quote_both_sides: of each order); "
            "null means the smallest order that the exchange takes.",
            above=0,
        ),
    ] = None
    drop_window_minutes: Annotated[
        float, Key("min", "Length of the window whose high the drop is measured from.", above=0)
    ] = 10.0
    drop_pct: Annotated[
        Decimal,
        Key("ratio", "Fall of the mid from the window's high that makes us buy.", above=0, high=1),
    ] = Decimal("0.05")
    profit_pct: Annotated[
        Decimal, Key("ratio", "Take-profit above the entry price.", above=0, high=1)
    ] = Decimal("0.05")
    enable_incremental_drop_pct: Annotated[
        bool | None,
        Key("", "Ask for a deeper drop after every sale; null: yes when the step is above 0."),
    ] = None
    incremental_drop_pct_step: Annotated[
        Decimal,
        Key("ratio", "How much deeper, each time.", low=0, high=1),
    ] = Decimal(0)
    drop_pct_cap: Annotated[
        Decimal, Key("ratio", "Where the drop stops growing.", above=0, high=1)
    ] = Decimal("0.20")
    buy_price_threshold: Annotated[
        Decimal | None,
        Key("USD per share", "Buy at a bid of at most this even without a drop.", above=0, high=1),
    ] = None
    max_buy_price: Annotated[
        Decimal, Key("USD per share", "Never buy at a bid of this or above.", above=0, high=1)
    ] = Decimal("0.98")
    min_buy_price: Annotated[
        Decimal, Key("USD per share", "Never buy at a bid of this or below.", low=0, high=1)
    ] = Decimal("0.03")
    sell_mode: Annotated[
        SellMode, Key("", "aggressive follows the ask down to the floor, conservative waits.")
    ] = SellMode.AGGRESSIVE
    sell_step_s: Annotated[
        float,
        Key("s", "An aggressive sell that nobody took comes down one step after so long.", above=0),
    ] = 300.0
    sell_step: Annotated[
        Decimal, Key("USD per share", "Size of that step, at least one tick.", above=0, high=1)
    ] = Decimal("0.01")
    sell_inactive_hours: Annotated[
        float,
        Key("h", "A sell without a fill for so long is cancelled and reported; 0: off.", low=0),
    ] = 0.0
    signal_timeout_minutes: Annotated[
        float,
        Key(
            "min",
            "A flat child without a signal for so long makes room while others wait.",
            above=0,
        ),
    ] = 45.0
    inventory_limit: Annotated[
        Decimal, Key("shares", "quote_both_sides: most to hold; the buy stops there.", above=0)
    ] = Decimal(30)
    volatility_window_minutes: Annotated[
        float, Key("min", "quote_both_sides: time that the volatility is measured over.", above=0)
    ] = 10.0
    spread_volatilities: Annotated[
        Decimal, Key("volatilities", "quote_both_sides: half spread, in volatilities.", above=0)
    ] = Decimal(2)
    min_half_spread: Annotated[
        Decimal, Key("USD per share", "quote_both_sides: smallest half spread.", above=0, high=0.5)
    ] = Decimal("0.01")
    skew: Annotated[
        Decimal,
        Key(
            "half spreads",
            "quote_both_sides: how far the middle moves down at a full inventory.",
            low=0,
        ),
    ] = Decimal(1)
    countdown: Annotated[
        Countdown, Key("", "Sell-only before the end: minutes_before_end, absolute_time, timezone.")
    ] = Countdown()
    deadline_policy: Annotated[
        DeadlinePolicy, Key("", "What counts as the end of a market that names only a date.")
    ] = DeadlinePolicy()
    deadline_override_ts: Annotated[
        float | None, Key("epoch s", "End of the market, whatever the exchange says.", above=0)
    ] = None
    disable_deadline_checks: Annotated[bool, Key("", "The market has no end for us.")] = False
    timezone: Annotated[str, Key("IANA zone", "Zone of times without one.")] = "America/New_York"
