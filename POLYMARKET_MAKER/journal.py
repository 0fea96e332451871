"""What a child says of its work: log lines that people grep for, and stages of its status."""

from __future__ import annotations

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.child_status import ChildStatus
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.decision import NO_ASK, NO_BID, Stage, StageName
from POLYMARKET_MAKER.core.model import AgedQuote, Side, Source, TokenHealth
from POLYMARKET_MAKER.core.order import Placed, Rejected, Unknown
from POLYMARKET_MAKER.core.reconcile import Plan
from POLYMARKET_MAKER.core.risk import Allowed
from POLYMARKET_MAKER.errors import IntentRefused
from POLYMARKET_MAKER.ledger import TokenView
from POLYMARKET_MAKER.orders import News
from POLYMARKET_MAKER.progress import Mark, after_rules, at_order, at_venue
from POLYMARKET_MAKER.quotes import NoQuote, Quotes
from POLYMARKET_MAKER.sending import Posted
from POLYMARKET_MAKER.stages import StageState

PX_EVERY_S = 60.0
WAIT_EVERY_S = 60.0
RISK_EVERY_S = 60.0


class Journal:
    """Tells changes when they happen, and steady states at most once a minute."""

    def __init__(self, token_id: str, status: ChildStatus, clock: Clock, quotes: Quotes) -> None:
        """Write of *token_id*, whose quotes are *quotes*, to the log and to *status*."""
        self._token = token_id
        self._status = status
        self._clock = clock
        self._quotes = quotes
        self._health: TokenHealth | None = None
        self._seen: tuple[AgedQuote | NoQuote, TokenView] | None = None
        self._checked: tuple[Allowed, Plan] | None = None
        self._quote = Mark(StageState.WAIT, "starting")
        # What the stages show already, so that it need not be said again:
        self._source: tuple[str | None, Source, TokenHealth] | None = None
        self._decided: tuple[Stage, Mark] | None = None
        self._px_mono = float("-inf")  # when the next line of prices is due
        self._trouble: str | None = None
        self._failed: dict[Side, str] = {}
        status.before_writing = self._describe

    def waiting(self, reading: NoQuote) -> None:
        """There is no quote at all."""
        self._source = self._checked = None
        self._status.mark(StageName.SOURCE, StageState.WAIT, reading.reason)
        self._status.mark(StageName.VENUE, *at_venue(self._trouble))
        if log.every(WAIT_EVERY_S, "wait", reading.reason):
            log.info("[WAIT]", "尚未收到行情，继续等待", token=self._token, reason=reading.reason)

    def quoted(self, aged: AgedQuote, view: TokenView, refused: str | None) -> None:
        """There is a quote, good or not; *refused* is why a better source cannot be had."""
        source = refused, aged.source, aged.health
        if source != self._source:
            self._source = source
            state = StageState.OK if refused is None else StageState.BLOCKED
            self._status.mark(StageName.SOURCE, state, refused or aged.source)
            state = StageState.OK if aged.health.is_tradable else StageState.BLOCKED
            self._quote = Mark(state, aged.health)  # the strategy may see more wrong with it
        if aged.health is not self._health:
            self._health = aged.health
            log.info("[HEALTH]", token=self._token, health=aged.health, src=aged.source)
        if (mono := self._clock.mono()) >= self._px_mono:
            self._px_mono = mono + PX_EVERY_S
            log.info(
                "[PX]",
                token=self._token,
                bid=aged.quote.best_bid,
                ask=aged.quote.best_ask,
                last=aged.quote.last_trade_price,
                age_s=round(aged.age_s, 1),
                seq=aged.quote.seq,
                src=aged.source,
                health=aged.health,
                position=view.position.size,
                entry=view.position.entry_price,
            )

    def recovering(self) -> None:
        """The exchange has not yet said what we own and what we have open."""
        venue = at_venue(self._trouble)
        if venue.state is StageState.OK:
            venue = Mark(StageState.WAIT, "account_not_read")
        self._decided = self._checked = None
        self._status.mark(StageName.QUOTE, *self._quote)
        self._status.mark(StageName.VENUE, *venue)

    def decided(self, stage: Stage) -> None:
        """The strategy has spoken; a side that is empty is nobody's fault."""
        if (stage, self._quote) == self._decided:
            return
        self._decided = stage, self._quote
        if stage.name is StageName.QUOTE:
            state = StageState.WAIT if stage in (NO_BID, NO_ASK) else StageState.BLOCKED
            self._status.mark(StageName.QUOTE, state, stage.reason)
            return
        self._status.mark(StageName.QUOTE, *self._quote)
        if stage.name is StageName.SIGNAL:
            self._status.mark(StageName.WARMUP, StageState.OK, "window_filled")
        state = StageState.OK if stage.passed else StageState.WAIT
        self._status.mark(stage.name, state, stage.reason)

    def checked(self, allowed: Allowed, todo: Plan, view: TokenView) -> None:
        """Risk and reconcile have spoken; the same objects again have nothing new to say."""
        for refusal in allowed.refusals:
            if log.every(RISK_EVERY_S, ("risk", refusal.side), refusal.reason):
                log.info("[RISK]", token=self._token, reason=refusal.reason, detail=refusal.detail)
        known = self._checked
        if known is not None and known[0] is allowed and known[1] is todo:
            return
        self._checked = allowed, todo
        waits = todo.waiting | {order.side for order in todo.place}
        self._failed = {side: reason for side, reason in self._failed.items() if side in waits}
        marks = after_rules(allowed, self._trouble)
        marks[StageName.ORDER] = at_order(allowed, todo, view, self._failed)
        for name, mark in marks.items():
            self._status.mark(name, *mark)

    def brought(self, news: News, trouble: str | None) -> None:
        """Requests have ended; *trouble* is what keeps this child from the exchange."""
        if trouble != self._trouble:
            self._trouble, self._checked = trouble, None
        for posted in news.posted:
            self._posted(posted)
        self._status.counts["cancels"] += len(news.canceled)
        for order_id in sorted(news.canceled):
            log.info("[ORDER]", event="canceled", token=self._token, order=order_id)
        for fill in news.fills:
            self._status.counts["fills"] += 1
            log.info(
                "[FILL]",
                token=fill.token_id,
                side=fill.side,
                price=fill.price,
                size=fill.size,
                maker=fill.is_maker,
                order=fill.order_id,
            )

    def _posted(self, posted: Posted) -> None:
        self._checked = None  # the order's stage is not what it was
        outcome, order, aged = posted.outcome, posted.order, posted.aged
        name, reason = _outcome(outcome)
        self._status.counts["orders" if name == "placed" else name] += 1
        self._status.last_order = {
            "at": self._clock.now(),
            "side": order.side,
            "price": order.price,
            "size": order.size,
            "outcome": name,
            "reason": reason,
            "data_age_ms": round(aged.age_s * 1000),
            "seq": aged.quote.seq,
            "src": aged.source,
        }
        if isinstance(outcome, Placed | Unknown):  # the ledger says when that one is over
            self._failed.pop(order.side, None)
        else:
            self._failed[order.side] = reason
        write = log.info if name in ("placed", "refused") else log.warning
        write(
            f"[ORDER] [MAKER][{order.side}]",
            event=name if posted.again is None else f"{name}_again",
            token=order.token_id,
            price=order.price,
            size=order.size,
            order=outcome.order_id if isinstance(outcome, Placed) else posted.again,
            reason=reason,
            data_age_ms=round(aged.age_s * 1000),
            seq=aged.quote.seq,
            src=aged.source,
        )

    def saw(self, reading: AgedQuote | NoQuote, view: TokenView) -> None:
        """Keep what is known now for the status file's next writing."""
        self._seen = reading, view

    def _describe(self) -> None:
        """Put what is known into the status file, which is about to be written."""
        if self._seen is None:
            return
        reading, view = self._seen
        aged = reading if isinstance(reading, AgedQuote) else None
        self._status.position = view.position
        self._status.open_orders = view.orders
        self._status.quotes = self._quotes.status() | {
            "epoch": self._quotes.epoch,
            "seq": aged.quote.seq if aged else None,
            "quote": None
            if aged is None
            else {
                "best_bid": aged.quote.best_bid,
                "best_ask": aged.quote.best_ask,
                "age_s": round(aged.age_s, 3),
                "health": aged.health,
                "at": aged.quote.received_at,
            },
        }


def _outcome(outcome: object) -> tuple[str, str]:
    """Return the word for an outcome and its reason."""
    if isinstance(outcome, Placed):
        return "placed", outcome.status
    if isinstance(outcome, IntentRefused):
        return "refused", outcome.reason
    if isinstance(outcome, Rejected):
        return "rejected", outcome.reason
    return "unknown", getattr(outcome, "reason", "")
