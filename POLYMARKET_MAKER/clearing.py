"""Cancel what a child left behind, beside the supervisor's loop, until it is proven gone."""

from __future__ import annotations

import threading
from collections.abc import Collection

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.account_sync import read_account
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.unknown import (
    Inquiry,
    Phase,
    after_cancel,
    after_read,
    begin,
    deadline,
)
from POLYMARKET_MAKER.errors import MakerError
from POLYMARKET_MAKER.exchange.protocol import AccountReader
from POLYMARKET_MAKER.inquiries import written_at
from POLYMARKET_MAKER.ledger import Intent, Ledger

RETRY_S = 1.0
STOP_S = 6.0


def clear(
    account: AccountReader,
    ledger: Ledger,
    token_ids: Collection[str] | None,
    *,
    clock: Clock,
    left: frozenset[str] = frozenset(),
) -> frozenset[str]:
    """Cancel by id what may be open, read the account, and return what is not proven gone.

    Proven is what the exchange says is over. What it neither lists nor knows is proven by
    the rule of ``core.unknown``: only once it cannot be on its way any more. So call again.

    Args:
        account: The exchange.
        ledger: What is ours; nothing else is touched.
        token_ids: Of these tokens, whose children are gone; of all when None.
        clock: The clock.
        left: What the last call returned: the exchange may list what the ledger has as over.

    Raises:
        VenueError: The exchange could not be asked; nothing more is proven than before.
        LedgerError: The ledger could not be used.
    """
    ours = left | _open(ledger, token_ids)
    if not ours:
        return frozenset()
    boot = clock.boot()
    asked = [_inquiry(intent, clock, boot) for intent in ledger.live() if intent.order_id in ours]
    result, answered_boot = account.cancel(sorted(ours)), clock.boot()
    ledger.record_cancel(result)
    view = read_account(account, ledger, clock=clock)
    for inquiry in asked:
        if inquiry.order_id in view.missing:
            told = after_cancel(inquiry, result, at=answered_boot)
            told = after_read(told, began_at=view.began_boot, found=False)
            if told.phase is Phase.GONE:
                ledger.record_gone(inquiry.order_id, reason="canceled_by_supervisor")
    listed = {order.order_id for order in view.listed}
    return ours & (listed | _open(ledger, token_ids))


def _inquiry(intent: Intent, clock: Clock, boot: float) -> Inquiry:
    """Begin to ask about an order whose process is gone: nothing sends it any more."""
    return begin(intent.order_id, deadline_at=deadline(written_at(intent, clock), boot))


def _open(ledger: Ledger, token_ids: Collection[str] | None) -> frozenset[str]:
    if token_ids is None:
        return frozenset(ledger.open_order_ids())
    return frozenset(each for token in token_ids for each in ledger.open_order_ids(token))


class Clearing:
    """The tokens whose orders are being cancelled; a thread of its own works at them."""

    def __init__(self, account: AccountReader, ledger: Ledger, clock: Clock) -> None:
        """Start the thread; it waits for the first token."""
        self._account = account
        self._ledger = ledger
        self._clock = clock
        self._tokens: frozenset[str] = frozenset()
        self._left: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clearing", daemon=True)
        self._thread.start()

    def begin(self, token_id: str) -> None:
        """Cancel every order of a token whose child is gone."""
        with self._lock:
            self._tokens |= {token_id}
        self._wake.set()

    def is_clear(self, token_id: str) -> bool:
        """Whether nothing of the token is waiting for its proof."""
        return token_id not in self._tokens

    def close(self) -> None:
        """End the thread, after the request that is under way."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(STOP_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            if not self._tokens:
                self._wake.wait()
                self._wake.clear()
                continue
            self._wake.clear()
            self._work(self._tokens)
            if self._tokens:
                self._wake.wait(RETRY_S)

    def _work(self, tokens: frozenset[str]) -> None:
        try:
            left = clear(self._account, self._ledger, tokens, clock=self._clock, left=self._left)
            intents = [self._ledger.intent(order_id) for order_id in left]
            waiting = {each.signed.order.token_id for each in intents if each is not None}
        except MakerError as error:
            if log.every(60, "clearing"):
                log.error("[ORDER]", event="not_cleared", tokens=len(tokens), reason=str(error))
            return
        except Exception as error:  # noqa: BLE001 - the last line of a thread
            log.error("[ORDER]", event="clearing_fault", exc=error)
            return
        if left and log.every(60, "left_open"):
            log.warning("[ORDER]", event="left_open", orders=sorted(left))
        self._left = left
        with self._lock:
            self._tokens -= tokens - waiting
