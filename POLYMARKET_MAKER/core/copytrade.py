"""Trades of watched accounts in, tokens to follow and sell signals out.

A purchase introduces a token. A sale of a token by an account that had introduced
it is a signal to sell ours; later sales belong to the same signal until somebody
buys again, which clears it. A sale of anything else means nothing: the account
may have held it long before we looked.

Trades may be told twice, late, and out of order: nothing is known of the lag of the
exchange's data API, and its stamps have whole seconds. So the window that is read
overlaps the last one, a trade is known by its transaction, token, side, size, price
and how often that occurred, and to :func:`follow` the same trades again changes
nothing. That is why a restart between any two writes loses nothing.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from POLYMARKET_MAKER.core.model import Side

OVERLAP_S = 600.0
SLICE_S = 3600.0
FIRST_RETRY_S = 5.0
LONGEST_RETRY_S = 600.0


@dataclass(frozen=True, slots=True)
class AccountTrade:
    """A trade of a watched account.

    Attributes:
        account: Its wallet, in lower case.
        at: The exchange's stamp, whole epoch seconds.
        transaction: Hash of the transaction; several trades may share one.
        slug: The market's name in URLs.
    """

    account: str
    at: float
    transaction: str
    token_id: str
    side: Side
    size: Decimal
    price: Decimal
    condition_id: str = ""
    slug: str = ""


@dataclass(frozen=True, slots=True)
class Followed:
    """A token that was introduced by a purchase.

    Attributes:
        buyers: Each watched account that bought it, with the time of its last purchase.
    """

    token_id: str
    buyers: Mapping[str, float]
    condition_id: str = ""
    slug: str = ""

    @property
    def last_bought_at(self) -> float:
        return max(self.buyers.values(), default=0.0)

    @property
    def last_buyer(self) -> str:
        return max(self.buyers, key=lambda account: (self.buyers[account], account), default="")


@dataclass(frozen=True, slots=True)
class Signal:
    """A sale that has not been cleared by a later purchase.

    Attributes:
        signal_id: The same for every sale until the next purchase; made of the first.
        at: Time of the last sale that belongs to it.
        account: Who made that one.
    """

    token_id: str
    signal_id: str
    at: float
    account: str


@dataclass(frozen=True, slots=True)
class Following:
    """What is followed, by token."""

    tokens: Mapping[str, Followed] = field(default_factory=dict)
    signals: Mapping[str, Signal] = field(default_factory=dict)


def follow(following: Following, trades: Iterable[AccountTrade]) -> Following:
    """Take trades, oldest first; to take the last ones of them again changes nothing."""
    tokens, signals = dict(following.tokens), dict(following.signals)
    for trade in trades:
        known = tokens.get(trade.token_id)
        if trade.side is Side.BUY:
            tokens[trade.token_id] = _bought(known, trade)
            standing = signals.get(trade.token_id)
            if standing is not None and _clears(trade, standing):
                del signals[trade.token_id]
        elif known is not None and _is_signal(known, trade):
            signals[trade.token_id] = _sold(signals.get(trade.token_id), trade)
    return Following(tokens, signals)


def without(following: Following, token_ids: Iterable[str]) -> Following:
    """Let tokens go, with their signals: their market is closed."""
    gone = set(token_ids)
    return Following(
        {key: each for key, each in following.tokens.items() if key not in gone},
        {key: each for key, each in following.signals.items() if key not in gone},
    )


def _bought(known: Followed | None, trade: AccountTrade) -> Followed:
    buyers = dict(known.buyers) if known is not None else {}
    buyers[trade.account] = max(trade.at, buyers.get(trade.account, 0.0))
    return Followed(trade.token_id, buyers, trade.condition_id, trade.slug)


def _clears(bought: AccountTrade, standing: Signal) -> bool:
    """Tell whether a purchase came after the sales of a signal.

    Within one second only the order of one and the same account is known.
    """
    if bought.at == standing.at:
        return bought.account == standing.account
    return bought.at > standing.at


def _is_signal(known: Followed, trade: AccountTrade) -> bool:
    # A sale that is told late and lies before the last purchase is already cleared.
    return trade.account in known.buyers and trade.at >= known.last_bought_at


def _sold(known: Signal | None, trade: AccountTrade) -> Signal:
    if known is not None:
        return replace(known, at=trade.at, account=trade.account) if trade.at > known.at else known
    signal_id = f"{trade.token_id}:{trade.at:.0f}:{_digest(trade, 0)}"
    return Signal(trade.token_id, signal_id, trade.at, trade.account)


# -- reading an account ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far an account has been read. Times are the exchange's, in epoch seconds.

    Attributes:
        since: Trades before this do not count: it is when we began to watch.
        at: Everything up to here was read at least once.
        seen: Trades within the overlap that were taken, by their key, with their time.
    """

    since: float
    at: float
    seen: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Window:
    """What to read next, both ends included; no *end* means all there is."""

    start: float
    end: float | None


def begin(now: float, *, lookback_s: float) -> Cursor:
    """Begin to watch an account that was never read before."""
    since = float(max(0, math.floor(now - lookback_s)))  # stamps have whole seconds
    return Cursor(since, since)


def window(cursor: Cursor, now: float) -> Window:
    """Choose what to read next.

    After a long absence that is a slice of bounded length, so that no answer
    grows without limit and progress is kept. This machine's clock only decides
    between slice and rest: a few minutes wrong lose nothing.
    """
    start = max(cursor.since, cursor.at - OVERLAP_S)
    end = cursor.at + SLICE_S
    return Window(start, end if end < now - OVERLAP_S else None)


def take(
    cursor: Cursor, read: Window, trades: Sequence[AccountTrade]
) -> tuple[Cursor, list[AccountTrade]]:
    """Take what was read in a window.

    Args:
        cursor: As it was when *read* was chosen.
        read: The window; it was read to its end.
        trades: Everything in it.

    Returns:
        The cursor that follows, and the trades to :func:`follow`, oldest first: those
        that were not taken before, each with what came after it in its token. A
        purchase that is told later than the sale after it must not look like the last word.
    """
    ordered = sorted(trades, key=lambda each: each.at)
    keyed = [(key, each) for key, each in _keyed(ordered) if each.at >= read.start]
    first_new: dict[str, float] = {}
    for key, each in keyed:
        if key not in cursor.seen:
            first_new.setdefault(each.token_id, each.at)
    new = [each for _, each in keyed if each.at >= first_new.get(each.token_id, math.inf)]
    at = max([cursor.at if read.end is None else read.end, *(each.at for _, each in keyed)])
    seen = {**cursor.seen, **{key: each.at for key, each in keyed}}
    kept = {key: stamp for key, stamp in seen.items() if stamp >= at - OVERLAP_S}
    return replace(cursor, at=at, seen=kept), new


def _keyed(trades: Iterable[AccountTrade]) -> list[tuple[str, AccountTrade]]:
    """Name each trade; equal ones are told apart by how many came before."""
    counts: Counter[str] = Counter()
    keyed = []
    for trade in trades:
        plain = _digest(trade, 0)
        keyed.append((_digest(trade, counts[plain]), trade))
        counts[plain] += 1
    return keyed


def _digest(trade: AccountTrade, occurrence: int) -> str:
    parts = (
        trade.transaction
        or f"{trade.at:.0f}",  # a transaction has one time, and its trades with it
        trade.token_id,
        trade.side.value,
        # 25 and 25.0 are the same size.
        f"{trade.size.normalize():f}",
        f"{trade.price.normalize():f}",
        str(occurrence),
    )
    return hashlib.blake2b("|".join(parts).encode(), digest_size=12).hexdigest()


def retry_after_s(failures: int, asked_s: float | None, *, jitter: float) -> float:
    """Return how long to leave an account alone after *failures* in a row.

    Args:
        failures: At least 1.
        asked_s: What the exchange asked us to wait; None when it did not.
        jitter: 0 to 1; up to a quarter is added.
    """
    wait_s = min(FIRST_RETRY_S * 2.0 ** min(failures - 1, 16), LONGEST_RETRY_S)
    return max(asked_s or 0.0, wait_s) * (1 + jitter / 4)
