"""When a quiet token is doubted, what a second source proves, and how a token is mended.

The exchange's known fault is the silent freeze: the socket is open, PONGs come, and
no book does (py-clob-client #292). Nothing on the socket tells that from a quiet market,
so REST is asked. REST has a fault of its own, the ghost book of 0.01 and 0.99
(py-clob-client #180), so one answer that differs convicts nobody.

Everything here is a decision; who reads and who reconnects is elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from POLYMARKET_MAKER.core.bookhash import book_hash, hash_prefix
from POLYMARKET_MAKER.core.events import BookSnapshot
from POLYMARKET_MAKER.core.health import DEFAULT_LIMITS, HealthLimits, Rhythm
from POLYMARKET_MAKER.core.model import Level, Quote
from POLYMARKET_MAKER.core.sanity import Top, fault_of

ANSWER_S = 10.0
"""A question that is not answered by then counts as not asked."""
SECOND_READ_S = 1.0
LEAD = 6
"""The part of the shortest suspicious silence by which a question goes out early: 10 s of 60."""
LONGEST_RETRY_S = 300.0
LONGEST_MOVE_S = 600.0
GHOST_BID, GHOST_ASK = Decimal("0.01"), Decimal("0.99")


class Verdict(StrEnum):
    """What one REST book says about our quote."""

    SAME = "same"
    DIFFERENT = "different"
    UNCLEAR = "unclear"  # older than ours, a ghost, impossible, or no answer


def compare(quote: Quote, theirs: BookSnapshot, *, our_hash: str, verified: bool) -> Verdict:
    """Hold a REST book against our quote.

    Args:
        quote: Ours.
        theirs: REST's.
        our_hash: The last hash that the exchange sent us for this token; "" if none.
        verified: Their hash is that of their own levels; a ghost may carry the true hash.
    """
    if verified and theirs.hash == our_hash:
        return Verdict.SAME
    top = top_of(theirs)
    if top == (quote.best_bid, quote.best_ask):
        return Verdict.SAME
    if fault_of(top) is not None:
        return Verdict.UNCLEAR
    at = theirs.exchange_at
    if at is not None and quote.exchange_at is not None and at < quote.exchange_at:
        return Verdict.UNCLEAR
    return Verdict.UNCLEAR if is_ghost(top) and not verified else Verdict.DIFFERENT


def top_of(book: BookSnapshot) -> Top:
    """Return best bid and ask of a snapshot, whatever the order of its levels."""
    bid = max((level.price for level in book.bids if level.size > 0), default=None)
    ask = min((level.price for level in book.asks if level.size > 0), default=None)
    return bid, ask


def is_ghost(top: Top) -> bool:
    """Whether a top of book is what REST's ghost books look like."""
    bid, ask = top
    return (bid is None or bid <= GHOST_BID) and (ask is None or ask >= GHOST_ASK)


def is_verified(book: BookSnapshot, *, min_order_size: str, neg_risk: bool) -> bool:
    """Whether a REST book's hash is that of its own levels."""
    if book.tick_size is None or book.last_trade_price is None:
        return False
    prefix = hash_prefix(
        book.market,
        book.token_id,
        book.timestamp,
        sorted(book.bids, key=_price),
        sorted(book.asks, key=_price, reverse=True),
    )
    digest = book_hash(
        prefix,
        tick_size=book.tick_size,
        last_trade_price=book.last_trade_price,
        min_order_size=min_order_size,
        neg_risk=neg_risk,
        version=book.version,
    )
    return digest == book.hash


@dataclass(slots=True)
class Suspicion:
    """Doubt about one token that has a whole book on a living line.

    A token is asked after a little before it would become suspect, so that a market
    which is truly quiet stays tradable all the time.

    Attributes:
        is_suspect: Whether nobody has vouched for the quote in time.
        rhythm: How often the token usually speaks.
    """

    limits: HealthLimits = DEFAULT_LIMITS
    is_suspect: bool = False
    rhythm: Rhythm = field(default_factory=Rhythm)
    _vouched_until: float = -math.inf
    _ask_mono: float = -math.inf
    _differing: int = 0
    _fruitless: int = 0

    def heard(self, now: float) -> None:
        """Note an accepted book event: the feed vouches for itself."""
        self.rhythm.heard(now)
        if self.is_suspect or self._differing or self._fruitless:
            self.is_suspect = False
            self._differing = self._fruitless = 0
            self._ask_mono = -math.inf

    def look(self, now: float, *, quote_mono: float, rejected_since_mono: float | None) -> bool:
        """Judge the silence; return whether a witness is to be asked now."""
        limits = self.limits
        doubt_mono = quote_mono + self.rhythm.suspect_after_s(limits)
        if rejected_since_mono is not None:
            doubt_mono = min(doubt_mono, rejected_since_mono + limits.rejects_s)
        doubt_mono = max(doubt_mono, self._vouched_until)
        self.is_suspect = now >= doubt_mono or self._differing > 0
        lead_s = limits.suspect_s / LEAD
        if now < self._ask_mono or not (self._differing or now >= doubt_mono - lead_s):
            return False
        self._ask_mono = now + ANSWER_S
        return True

    def answered(self, now: float, verdict: Verdict) -> bool:
        """Take a witness's verdict; return whether the token is convicted: different twice."""
        if verdict is Verdict.SAME:
            self._vouched_until = now + max(self.limits.suspect_s, self.rhythm.median_gap_s)
            self._ask_mono = -math.inf
            self._differing = self._fruitless = 0
            self.is_suspect = False
        elif verdict is Verdict.UNCLEAR:
            self._ask_mono = now + min(LONGEST_RETRY_S, ANSWER_S * 2.0 ** min(self._fruitless, 8))
            self._fruitless += 1
        else:
            self._differing += 1
            self.is_suspect = True
            self._ask_mono = now + SECOND_READ_S
            if self._differing > 1:
                self._differing = 0
                self._ask_mono = now + self.limits.suspect_s
                return True
        return False


class Step(StrEnum):
    """What to do for a token without a whole book."""

    WAIT = "wait"
    ASK_REST = "ask_rest"
    MOVE = "move"  # to a fresh connection


@dataclass(slots=True)
class Recovery:
    """The way back for a token whose book never came, or is known to be wrong.

    First the feed asks the exchange again by itself; then REST is asked for a book whose
    hash verifies; then the token moves to a fresh connection, because unsubscribing and
    subscribing again may give no snapshot (nautilus_trader #4635). The waits double
    each time, so that a token the exchange never confirms costs little.
    """

    limits: HealthLimits = DEFAULT_LIMITS
    _begun_mono: float | None = None
    _has_asked: bool = False
    _moves: int = 0

    def done(self) -> None:
        """Note that the book is whole."""
        self._begun_mono = None
        self._has_asked = False
        self._moves = 0

    def hurry(self, now: float) -> None:
        """Begin at the REST read: the book is known to be wrong, waiting mends nothing."""
        self._begun_mono = now - self.limits.ask_rest_s
        self._has_asked = False

    def look(self, now: float, *, line_opened_mono: float | None) -> Step:
        """Return the step that is due now; each is returned once.

        Args:
            now: Monotonic reading.
            line_opened_mono: When the token's line opened; None while it is not open,
                and then only the line can help.
        """
        if line_opened_mono is None:
            self._begun_mono = None
            return Step.WAIT
        if self._begun_mono is None:
            self._begun_mono = now
            self._has_asked = False
        waited_s = now - self._begun_mono
        if waited_s >= min(LONGEST_MOVE_S, self.limits.move_s * 2.0 ** min(self._moves, 8)):
            self._begun_mono = now
            self._has_asked = False
            self._moves += 1
            return Step.MOVE
        if waited_s >= self.limits.ask_rest_s and not self._has_asked:
            self._has_asked = True
            return Step.ASK_REST
        return Step.WAIT


@dataclass(slots=True)
class EndWatch:
    """When to ask whether a market has ended: the event is not always sent (rs-clob-client #226).

    Attributes:
        end_at: Announced end in epoch seconds; None while not known or not announced.
    """

    every_s: float = 60.0
    unannounced_s: float = 3600.0
    end_at: float | None = None
    _next_mono: float = -math.inf

    def look(self, now: float) -> bool:
        """Return whether to ask now."""
        if now < self._next_mono:
            return False
        self._next_mono = now + self.every_s
        return True

    def answered(self, now: float, at: float, *, end_at: float | None) -> None:
        """Note the announced end, and plan the next question.

        Args:
            now: Monotonic reading.
            at: Wall-clock time of the same instant.
            end_at: What the exchange announces; None when it announces nothing.
        """
        self.end_at = end_at
        left_s = self.unannounced_s if end_at is None else end_at - at
        self._next_mono = now + min(self.unannounced_s, max(self.every_s, left_s))


def _price(level: Level) -> Decimal:
    return level.price
