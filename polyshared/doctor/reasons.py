"""What the reason codes of the status files mean, and what one can do about them.

The codes are the trading program's; this table only explains them. A code that is not
here is shown as it is.
"""

from __future__ import annotations

from typing import NamedTuple


class Meaning(NamedTuple):
    """One reason code in words.

    Attributes:
        text: What it means.
        cure: What to do; None when there is nothing to do but wait.
        settings: Those that decide it, named as in run_params.
    """

    text: str
    cure: str | None = None
    settings: tuple[str, ...] = ()


_AGE = ("feed.quote_max_age_s",)
_BAND = ("min_buy_price", "max_buy_price")
_PROFIT = ("profit_pct",)
_RAISE = "wait for a sale, or raise it and restart"
_WAIT = "wait; it goes on by itself"
_DOUBT = "wait a minute; then polyshared doctor agg"
_ASK = "wait; it is asked until it is known; then polyshared doctor order.ledger"
_PLACES = "it waits its turn; else polyshared doctor agg: the shared file should serve"


MEANINGS: dict[str, Meaning] = {
    # source and quote
    "missing": Meaning("the shared file is not there", "polyshared doctor cache"),
    "corrupt": Meaning("the shared file is no snapshot", "polyshared doctor cache.json"),
    "too_new": Meaning("a newer version wrote the shared file", "restart the children"),
    "writer_silent": Meaning("the shared file's writer is silent", "polyshared doctor agg"),
    "line_down": Meaning("the connection to the exchange is down", "polyshared doctor agg.socket"),
    "token_absent": Meaning("the shared file lacks this token", "polyshared doctor agg.subscribed"),
    "token_pending": Meaning("asked for, the first book has not come"),
    "token_resync": Meaning("the line broke after the last quote; waiting for a new book", _DOUBT),
    "token_suspect": Meaning("quiet for unusually long; a second source is being asked", _DOUBT),
    "no_quote": Meaning("the shared file has no quote of this token yet"),
    "line_opening": Meaning("its own connection is being opened; the first book has not come"),
    "no_dialling_slot": Meaning(
        "it may not dial yet: others do", _PLACES, ("feed.fallback_dial_concurrency",)
    ),
    "no_connection_slot": Meaning(
        "no own connection is left for it", _PLACES, ("feed.fallback_max_connections",)
    ),
    "waits_for_next_try": Meaning("its own connection did not open; it tries again soon", _WAIT),
    "exchange_asks_to_wait": Meaning(
        "the exchange has had too many dials; nobody dials now", _WAIT
    ),
    "slots_unusable": Meaning(
        "the places for own connections cannot be taken", "polyshared errors"
    ),
    "pending": Meaning("asked for, the first book has not come"),
    "resync": Meaning("the line broke after the last quote; waiting for a new book", _DOUBT),
    "suspect": Meaning("quiet for unusually long; a second source is being asked", _DOUBT),
    "stale": Meaning("the writer of the quotes is silent", "polyshared doctor agg", _AGE),
    "closed": Meaning("the market is closed; the child ends", _WAIT),
    "crossed": Meaning("bid is not below ask: the middle of a batch of messages", _WAIT),
    "no_bid": Meaning("one-sided book: nobody bids"),
    "no_ask": Meaning("one-sided book: nobody offers"),
    # warmup and signal
    "starting": Meaning("the child has just started"),
    "first_quote": Meaning("the first quote has come; a drop needs two"),
    "no_drop": Meaning(
        "no signal: the price has not dropped enough in the window",
        settings=("drop_pct", "drop_window_minutes"),
    ),
    "no_price_pays": Meaning("no price would leave a profit after fees", settings=_PROFIT),
    "no_room_for_profit": Meaning("no price above the bid would leave a profit", settings=_PROFIT),
    "gave_up": Meaning(
        "the buy was chased too long; a new cause must come", settings=("maker.max_chase_s",)
    ),
    "outside_band": Meaning("the price is outside the band in which is bought", settings=_BAND),
    "bid_above_max": Meaning("too dear: nothing is bought at such a bid", settings=_BAND),
    "bid_below_min": Meaning("too cheap: nothing is bought at such a bid", settings=_BAND),
    "holding": Meaning("shares are held; no more are bought"),
    "target_held": Meaning("the wanted position is held", settings=("order_size",)),
    "sell_only": Meaning("countdown before the market's end: nothing is bought any more"),
    "ask_below_floor": Meaning(
        "the market asks less than we need; the sell waits", settings=_PROFIT
    ),
    "sell_inactive": Meaning(
        "nobody took the sell for so long that it was taken off the book",
        settings=("sell_inactive_hours",),
    ),
    "dust": Meaning("what is held is too small to rest; it is sold with the next buy"),
    "exit_flat": Meaning("told to leave, and nothing is held"),
    "exit_waits": Meaning("told to leave; nobody bids as much as the floor of the exit"),
    "exit_dust": Meaning("told to leave; what is left is too little to sell"),
    # risk and budget
    "killed": Meaning("the kill switch is set (data/KILL)", "polyshared resume"),
    "paused": Meaning("paused by hand", "polyshared resume"),
    "stopping": Meaning("the child is told to stop", _WAIT),
    "health": Meaning("the quote may not be traded on", "polyshared doctor cache.health"),
    "crossed_quote": Meaning("bid is not below ask: the middle of a batch of messages", _WAIT),
    "account_stale": Meaning(
        "the account was not read for a minute, so nothing new is placed",
        "polyshared doctor --live net",
    ),
    "market_closed": Meaning("the market is closed; the child ends", _WAIT),
    "daily_loss": Meaning(
        "the day's loss limit is reached", "wait for 00:00 UTC", ("risk.max_daily_loss",)
    ),
    "cap_token": Meaning(
        "the cap of this token is reached", _RAISE, ("risk.max_notional_per_token",)
    ),
    "cap_total": Meaning("the cap of all tokens is reached", _RAISE, ("risk.max_notional_total",)),
    "not_held": Meaning("there is nothing to sell", _WAIT),
    "off_grid": Meaning("the price is not on the market's grid", _WAIT),
    "too_small": Meaning(
        "the size is below the market's smallest", "raise order_size", ("order_size",)
    ),
    "below_one_dollar": Meaning(
        "an order that takes must be worth 1 USD", "raise order_size", ("order_size",)
    ),
    "would_take": Meaning(
        "it would trade at once, and only resting orders are wanted", _WAIT, ("maker.post_only",)
    ),
    "crosses_own": Meaning("it would trade with our own order", _WAIT),
    "crosses_sibling": Meaning("it would trade with our order on the other outcome", _WAIT),
    "side_busy": Meaning("an order of this side is not settled yet: nothing new is signed", _WAIT),
    "breaker": Meaning(
        "too many orders failed; it closes itself 5 minutes later",
        "polyshared errors",
        ("risk.max_order_errors",),
    ),
    "late": Meaning("the decision was too old when the order could leave; it is made anew", _WAIT),
    "budget": Meaning("the request budget is used up; it refills by itself", _WAIT),
    "rate_budget": Meaning("the request budget is used up; it refills by itself", _WAIT),
    # venue and order
    "venue": Meaning("the exchange takes no such order just now", "polyshared doctor order.venue"),
    "unreachable": Meaning("the exchange does not answer", "polyshared doctor --live net"),
    "refusing": Meaning("the exchange refused who asks, once; a second request decides", _WAIT),
    "post_only": Meaning("the exchange takes only resting orders just now", _WAIT),
    "cancel_only": Meaning("the exchange takes only cancels just now", _WAIT),
    "disabled": Meaning("the exchange takes neither orders nor cancels just now", _WAIT),
    "restarting": Meaning(
        "the exchange's matching engine restarts; that takes a minute or two", _WAIT
    ),
    "account_not_read": Meaning("the account has not been read yet since the start"),
    "balance": Meaning("the balance is too small", "add funds, or lower order_size"),
    "unknown": Meaning("an order's outcome is not known; nothing new is signed before it is", _ASK),
    "timeout": Meaning("an order's outcome is not known; nothing new is signed before it is", _ASK),
    "nothing_wanted": Meaning("the strategy wants nothing on the book"),
    "resting": Meaning("an order rests on the book"),
}

# The exchange's own sentences, by a part of them.
_TEXTS: tuple[tuple[str, str], ...] = (
    ("not enough balance", "balance"),
    ("balance / allowance", "balance"),
    ("post-only", "post_only"),
    ("post only", "post_only"),
    ("cancel-only", "cancel_only"),
    ("cancel only", "cancel_only"),
    ("timeout", "timeout"),
    ("timed out", "timeout"),
)


def explain(code: str) -> Meaning:
    """Return what a reason code, or a sentence of the exchange, means."""
    if code in MEANINGS:
        return MEANINGS[code]
    lower = code.lower()
    for part, known in _TEXTS:
        if part in lower:
            return MEANINGS[known]._replace(text=f"{MEANINGS[known].text} ({code})")
    return Meaning(code.replace("_", " "))
