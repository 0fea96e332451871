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
    """

    text: str
    cure: str | None = None


MEANINGS: dict[str, Meaning] = {
    # source and quote
    "missing": Meaning("the shared file is not there", "polyshared doctor cache"),
    "corrupt": Meaning("the shared file is no snapshot", "polyshared doctor cache.json"),
    "too_new": Meaning("a newer version wrote the shared file", "restart the children"),
    "writer_silent": Meaning("the shared file's writer is silent", "polyshared doctor agg"),
    "line_down": Meaning("the connection to the exchange is down", "polyshared doctor agg.socket"),
    "token_absent": Meaning("the shared file lacks this token", "polyshared doctor agg.subscribed"),
    "token_pending": Meaning("asked for, the first book has not come"),
    "token_resync": Meaning("the line broke after the last quote; waiting for a new book"),
    "token_suspect": Meaning("quiet for unusually long; a second source is being asked"),
    "pending": Meaning("asked for, the first book has not come"),
    "resync": Meaning("the line broke after the last quote; waiting for a new book"),
    "suspect": Meaning("quiet for unusually long; a second source is being asked"),
    "stale": Meaning("the writer of the quotes is silent", "polyshared doctor agg"),
    "closed": Meaning("the market is closed; the child ends"),
    "crossed": Meaning("bid is not below ask: the middle of a batch of messages"),
    "no_bid": Meaning("one-sided book: nobody bids"),
    "no_ask": Meaning("one-sided book: nobody offers"),
    # warmup and signal
    "starting": Meaning("the child has just started"),
    "first_quote": Meaning("the first quote has come; a drop needs two"),
    "no_drop": Meaning("no signal: the price has not dropped enough in the window (drop_pct)"),
    "no_price_pays": Meaning("no price would leave a profit after fees"),
    "gave_up": Meaning("the signal is gone, or was chased too long (max_chase_s)"),
    "outside_band": Meaning("the price is outside min_buy_price and max_buy_price"),
    "holding": Meaning("shares are held; no more are bought"),
    "target_held": Meaning("the wanted position is held"),
    "sell_only": Meaning("countdown before the market's end: nothing is bought any more"),
    "exit_flat": Meaning("told to leave, and nothing is held"),
    "exit_waits": Meaning("told to leave; nobody bids as much as the floor of the exit"),
    "exit_dust": Meaning("told to leave; what is left is too little to sell"),
    # risk and budget
    "killed": Meaning("the kill switch is set (data/KILL)", "polyshared resume"),
    "paused": Meaning("paused by hand", "polyshared resume"),
    "stopping": Meaning("the child is told to stop"),
    "health": Meaning("the quote may not be traded on", "polyshared doctor cache.health"),
    "crossed_quote": Meaning("bid is not below ask: the middle of a batch of messages"),
    "account_stale": Meaning(
        "the account was not read for a minute, so nothing new is placed",
        "polyshared doctor --live net",
    ),
    "market_closed": Meaning("the market is closed; the child ends"),
    "daily_loss": Meaning("the day's loss limit is reached (max_daily_loss)", "wait for 00:00 UTC"),
    "cap_token": Meaning(
        "the cap of this token is reached (max_notional_per_token)",
        "wait for a sale, or raise it and restart",
    ),
    "cap_total": Meaning(
        "the cap of all tokens is reached (max_notional_total)",
        "wait for a sale, or raise it and restart",
    ),
    "not_held": Meaning("there is nothing to sell"),
    "off_grid": Meaning("the price is not on the market's grid"),
    "too_small": Meaning("the size is below the market's smallest", "raise order_size"),
    "below_one_dollar": Meaning("an order that takes must be worth 1 USD", "raise order_size"),
    "would_take": Meaning("it would trade at once, and only resting orders are wanted (post_only)"),
    "crosses_own": Meaning("it would trade with our own order"),
    "crosses_sibling": Meaning("it would trade with our order on the other outcome"),
    "side_busy": Meaning("an order of this side is not settled yet: nothing new is signed"),
    "breaker": Meaning("too many orders failed (max_order_errors)", "closes itself in 5 minutes"),
    "budget": Meaning("the request budget is used up; it refills by itself"),
    "rate_budget": Meaning("the request budget is used up; it refills by itself"),
    # venue and order
    "venue": Meaning("the exchange takes no such order just now", "polyshared doctor order.venue"),
    "unreachable": Meaning("the exchange does not answer", "polyshared doctor --live net"),
    "refusing": Meaning("the exchange refused who asks, once; a second request decides"),
    "post_only": Meaning("the exchange takes only resting orders just now"),
    "cancel_only": Meaning("the exchange takes only cancels just now"),
    "balance": Meaning("the balance is too small", "add funds, or lower order_size"),
    "unknown": Meaning("an order's outcome is not known; nothing new is signed before it is"),
    "timeout": Meaning("an order's outcome is not known; nothing new is signed before it is"),
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
            return Meaning(f"{MEANINGS[known].text} ({code})", MEANINGS[known].cure)
    return Meaning(code.replace("_", " "))
