"""What a child says of its work: log lines that people grep for, and stages of its status."""

from __future__ import annotations

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.child_status import ChildStatus
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.decision import Stage, StageName
from POLYMARKET_MAKER.core.model import AgedQuote, Placed, Rejected, TokenHealth
from POLYMARKET_MAKER.core.reconcile import Plan
from POLYMARKET_MAKER.core.risk import Allowed, Reason
from POLYMARKET_MAKER.errors import IntentRefused
from POLYMARKET_MAKER.ledger import TokenView
from POLYMARKET_MAKER.orders import News
from POLYMARKET_MAKER.quotes import NoQuote, Quotes
from POLYMARKET_MAKER.sending import Posted
from POLYMARKET_MAKER.stages import StageState

PX_EVERY_S = 60.0
WAIT_EVERY_S = 60.0
RISK_EVERY_S = 60.0

_BUDGET = {Reason.CAP_TOKEN, Reason.CAP_TOTAL, Reason.DAILY_LOSS, Reason.BUDGET}


class Journal:
    """Tells changes when they happen, and steady states at most once a minute."""

    def __init__(self, token_id: str, status: ChildStatus, clock: Clock) -> None:
        """Write of *token_id* to the log and to *status*."""
        self._token = token_id
        self._status = status
        self._clock = clock
        self._health: TokenHealth | None = None

    def waiting(self, reading: NoQuote) -> None:
        """There is no quote at all."""
        self._status.mark(StageName.SOURCE, StageState.WAIT, reading.reason)
        if log.every(WAIT_EVERY_S, "wait", reading.reason):
            log.info("[WAIT]", "尚未收到行情，继续等待", token=self._token, reason=reading.reason)

    def quoted(self, aged: AgedQuote, view: TokenView, refused: str | None) -> None:
        """There is a quote, good or not; *refused* is why a better source cannot be had."""
        mark = self._status.mark
        state = StageState.OK if refused is None else StageState.BLOCKED
        mark(StageName.SOURCE, state, refused or aged.source.value)
        is_good = aged.health.is_tradable
        mark(StageName.QUOTE, StageState.OK if is_good else StageState.BLOCKED, aged.health.value)
        if aged.health is not self._health:
            self._health = aged.health
            log.info("[HEALTH]", token=self._token, health=aged.health, src=aged.source)
        if log.every(PX_EVERY_S, "px"):
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
        self._status.mark(StageName.VENUE, StageState.WAIT, "account_not_read")

    def decided(self, stage: Stage) -> None:
        """The strategy has spoken; a quote that it cannot use was told already."""
        if stage.name is StageName.QUOTE:
            if stage.reason == "crossed":
                self._status.mark(StageName.QUOTE, StageState.BLOCKED, stage.reason)
            return
        if stage.name is StageName.SIGNAL:
            self._status.mark(StageName.WARMUP, StageState.OK, "window_filled")
        state = StageState.OK if stage.passed else StageState.WAIT
        self._status.mark(stage.name, state, stage.reason)

    def checked(self, allowed: Allowed, todo: Plan) -> None:
        """Risk and reconcile have spoken."""
        mark = self._status.mark
        reasons = [refusal.reason for refusal in allowed.refusals]
        budget = next((reason for reason in reasons if reason in _BUDGET), None)
        other = next((reason for reason in reasons if reason not in _BUDGET), None)
        for name, reason, passed in (
            (StageName.RISK, other, "allowed"),
            (StageName.BUDGET, budget, "within"),
        ):
            state = StageState.OK if reason is None else StageState.BLOCKED
            mark(name, state, passed if reason is None else reason.value)
        for refusal in allowed.refusals:
            if log.every(RISK_EVERY_S, ("risk", refusal.side), refusal.reason):
                log.info("[RISK]", token=self._token, reason=refusal.reason, detail=refusal.detail)
        if todo.waiting:
            mark(StageName.ORDER, StageState.WAIT, "side_busy")
        elif not allowed.orders:
            mark(StageName.ORDER, StageState.WAIT, "nothing_wanted")
        elif not todo.place:
            mark(StageName.ORDER, StageState.OK, "resting")

    def brought(self, news: News, trouble: str | None) -> None:
        """Requests have ended; *trouble* is what keeps this child from the exchange."""
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
        state = StageState.OK if trouble is None else StageState.FAIL
        self._status.mark(StageName.VENUE, state, trouble or "open")

    def _posted(self, posted: Posted) -> None:
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
        state = StageState.OK if name == "placed" else StageState.BLOCKED
        self._status.mark(StageName.ORDER, state, reason)
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

    def describe(self, reading: AgedQuote | NoQuote, view: TokenView, quotes: Quotes) -> None:
        """Put what is known now into the status file's next writing."""
        aged = reading if isinstance(reading, AgedQuote) else None
        self._status.position = view.position
        self._status.open_orders = view.orders
        self._status.quotes = quotes.status() | {
            "epoch": quotes.epoch,
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
