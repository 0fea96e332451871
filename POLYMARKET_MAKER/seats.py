"""One wanted token in the aggregator: its book, its line and what its quote is worth."""

from __future__ import annotations

from dataclasses import fields
from enum import StrEnum

from POLYMARKET_MAKER.core.batch import Checks
from POLYMARKET_MAKER.core.book import Book
from POLYMARKET_MAKER.core.entry import EntryMaker, EntryText
from POLYMARKET_MAKER.core.events import BookSnapshot, Event
from POLYMARKET_MAKER.core.health import DEFAULT_LIMITS, HealthLimits, token_health
from POLYMARKET_MAKER.core.model import TokenHealth
from POLYMARKET_MAKER.core.witness import (
    EndWatch,
    Recovery,
    Step,
    Suspicion,
    Verdict,
    compare,
    is_verified,
)
from POLYMARKET_MAKER.exchange.public import RestBook
from POLYMARKET_MAKER.line import Frame

BAD_BATCHES = 2
"""So many batches in a row that disagree with the exchange make a ladder worthless."""
DISTRUST_AGAIN_S = 30.0
LONGEST_DISTRUST_S = 600.0
_SUMMED = tuple(field.name for field in fields(Checks) if field.name != "bad_in_a_row")


class Outcome(StrEnum):
    """What came of a REST book."""

    VOUCHED = "vouched"
    UNCLEAR = "unclear"
    DIFFERS = "differs"  # once: it is asked again
    CONVICTED = "convicted"  # twice: the token's connection does not deliver
    MENDED = "mended"  # a missing or wrong ladder was replaced
    UNVERIFIED = "unverified"  # a missing ladder was not: the hash does not match


class Seat:
    """A token's place on a line. Not thread-safe: the aggregator's lock guards it.

    Attributes:
        conn: Id of the line whose events count.
        next_conn: Id of the line it moves to, from whose first book on that line counts.
        health: As last judged.
        leaves_mono: When it is dropped; None while it is wanted.
        is_unproven: Its ladder came from REST, and the line has not spoken of it since.
        end_watch: When to ask whether its market has ended.
    """

    def __init__(
        self,
        token_id: str,
        conn: int,
        *,
        limits: HealthLimits = DEFAULT_LIMITS,
        end_watch: EndWatch | None = None,
    ) -> None:
        self.token_id = token_id
        self.conn = conn
        self.next_conn: int | None = None
        self.book = Book(token_id)
        self.health = TokenHealth.PENDING
        self.leaves_mono: float | None = None
        self.is_unproven = False
        self.end_watch = end_watch or EndWatch()
        self.proven_mono = 0.0
        self._limits = limits
        self._suspicion = Suspicion(limits)
        self._recovery = Recovery(limits)
        self._entries = EntryMaker()
        self._distrusted = 0
        self._may_distrust_mono = 0.0

    @property
    def needs_snapshot(self) -> bool:
        return self.book.snapshot_mono is None

    def apply(self, event: Event, frame: Frame) -> bool:
        """Apply an event that just arrived; return whether there is something to publish."""
        book, now = self.book, frame.now
        quote = book.apply(event, now=now, at=frame.at)
        if quote is not None and book.quote_mono == now:
            self._suspicion.heard(now)
            self.is_unproven = False
            if self.health is TokenHealth.LIVE and not (self.needs_snapshot or book.closed):
                return True  # as nearly always: it was live, and has just spoken
        return self.judge(now, line_alive=True) or quote is not None

    def apply_mirror(self, event: BookSnapshot, frame: Frame) -> bool:
        """Apply the sibling's snapshot in place of our own."""
        quote = self.book.apply_mirror(event, now=frame.now, at=frame.at)
        return self.judge(frame.now, line_alive=True) or quote is not None

    def lose_line(self) -> bool:
        """Note that the line broke; return whether the health changed."""
        self.book.lose_line()
        before = self.health
        if self.health not in (TokenHealth.PENDING, TokenHealth.CLOSED):
            self.health = TokenHealth.RESYNC
        return self.health is not before

    def judge(self, now: float, *, line_alive: bool) -> bool:
        """Judge the quote anew; return whether the health changed."""
        book, before = self.book, self.health
        self.health = token_health(
            quote_mono=book.quote_mono,
            snapshot_mono=book.snapshot_mono,
            line_alive=line_alive,
            now=now,
            closed=book.closed,
            suspect=self._suspicion.is_suspect or self.is_unproven,
            limits=self._limits,
        )
        return self.health is not before

    def look(self, now: float, *, line_opened_mono: float | None) -> Step:
        """Return what is to be done for this token now.

        Args:
            now: Monotonic reading.
            line_opened_mono: When its line opened; None while the line is not alive.
        """
        book = self.book
        if book.closed or self.leaves_mono is not None:
            return Step.WAIT
        if book.checks.bad_in_a_row >= BAD_BATCHES and now >= self._may_distrust_mono:
            self._distrust(now)
        if self.needs_snapshot or self.is_unproven or book.quote_mono is None:
            return self._recovery.look(now, line_opened_mono=line_opened_mono)
        self._recovery.done()
        if line_opened_mono is None:
            return Step.WAIT
        asks = self._suspicion.look(
            now, quote_mono=book.quote_mono, rejected_since_mono=book.rejected_since_mono
        )
        return Step.ASK_REST if asks else Step.WAIT

    def take_rest(self, rest: RestBook, *, now: float, at: float) -> Outcome:
        """Use REST's book of this token: as a witness, or as the ladder that is missing."""
        proof = self.book.proof
        proof.min_order_size, proof.neg_risk = rest.min_order_size, rest.neg_risk
        verified = is_verified(
            rest.snapshot, min_order_size=rest.min_order_size, neg_risk=rest.neg_risk
        )
        if self.needs_snapshot:
            if not verified:
                return Outcome.UNVERIFIED
            quote = self.book.apply(rest.snapshot, now=now, at=at)
            self.is_unproven = quote is not None
            return Outcome.MENDED if quote is not None else Outcome.UNVERIFIED
        return self._hear_witness(rest.snapshot, now, verified=verified)

    def no_answer(self, now: float) -> None:
        """Note that REST could not be asked."""
        if not self.needs_snapshot:
            self._suspicion.answered(now, Verdict.UNCLEAR)

    def settle(self, now: float) -> bool:
        """End the batch if it has gone quiet; return whether one is still going on."""
        self.book.settle(now)
        return self.book.in_batch

    def entry(self) -> EntryText | None:
        """Write the quote as an entry; None before the first quote, when there is nothing."""
        if self.book.quote is None:
            return None
        return self._entries.to_entry(self.book.quote, self.health, self.conn)

    def check_counts(self) -> dict[str, int]:
        """Return the counters that may be summed over tokens."""
        checks = self.book.checks
        counts = {name: int(getattr(checks, name)) for name in _SUMMED}
        return counts | {"hash_unsupported": int(self.book.proof.is_unsupported)}

    def _hear_witness(self, theirs: BookSnapshot, now: float, *, verified: bool) -> Outcome:
        quote = self.book.quote
        if quote is None:
            return Outcome.UNCLEAR
        verdict = compare(quote, theirs, our_hash=self.book.last_hash, verified=verified)
        convicted = self._suspicion.answered(now, verdict)
        if convicted:
            return Outcome.CONVICTED
        if verdict is Verdict.DIFFERENT:
            return Outcome.DIFFERS
        return Outcome.VOUCHED if verdict is Verdict.SAME else Outcome.UNCLEAR

    def _distrust(self, now: float) -> None:
        """Give up a ladder that disagrees with the exchange, ever less often."""
        self.book.lose_line()
        self._recovery.hurry(now)
        wait_s = DISTRUST_AGAIN_S * 2.0 ** min(self._distrusted, 8)
        self._may_distrust_mono = now + min(LONGEST_DISTRUST_S, wait_s)
        self._distrusted += 1
