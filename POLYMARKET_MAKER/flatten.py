"""``--flatten``: sell what the ledger holds, show first what that means, prove it at the end.

Foreign shares of the same wallet are not touched: what is sold is what the ledger's fills
add up to. Nothing is left on the book: what cannot be sold at the floor or above stays
held, and is named.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout
from rich.console import Console
from rich.table import Table

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.account_desk import AccountDesk
from POLYMARKET_MAKER.brakes import Brakes
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.exiting import TAKE_S
from POLYMARKET_MAKER.core.model import ZERO
from POLYMARKET_MAKER.core.money import floor_size
from POLYMARKET_MAKER.errors import (
    CannotStart,
    LedgerError,
    SupervisorExit,
    UsageError,
    VenueRefused,
    VenueUnreachable,
)
from POLYMARKET_MAKER.flatten_plan import Appraiser, Planned, choose
from POLYMARKET_MAKER.ledger import Ledger
from POLYMARKET_MAKER.orphans import find_strangers
from POLYMARKET_MAKER.seller import Sale, Seller
from POLYMARKET_MAKER.settings import Mode, Settings

NOT_ALL = SupervisorExit.FAULT
"""Nothing of ours is open, and something that could be sold is still held."""


def flatten(settings: Settings, desk: AccountDesk, clock: Clock) -> SupervisorExit:
    """Sell what the ledger holds, or one token of it, when the operator agrees.

    Returns:
        DONE: Nothing of ours is open, and nothing is held that could be sold; or the
            operator said no.
        FAULT: Nothing of ours is open, and something is still held; it is named.
        ORDERS_OPEN: Orders of ours may be open; they are named.

    Raises:
        CannotStart: A child still trades here; nothing was done.
        UsageError: There is nobody to ask, or no such token is held.
        VenueUnreachable: The exchange does not answer; nothing was done.
        LedgerError: There is no ledger that could be used.
    """
    with ExitStack() as locks:
        hold_children(settings.data_dir, locks)
        return _flatten(settings, desk, clock)


def _flatten(settings: Settings, desk: AccountDesk, clock: Clock) -> SupervisorExit:
    if not desk.connect():
        raise VenueUnreachable("the exchange does not answer; nothing was sold or cancelled")
    ledger = desk.ledger
    assert ledger is not None  # it is open once the account is
    held = [each for each in ledger.positions() if floor_size(each.size) > 0]
    chosen = choose(held, settings.options.token)
    markets, exchange = desk.exchange()
    with ExitStack() as lines:
        appraiser = Appraiser(markets, ledger, settings, clock=clock, lines=lines)
        plan = [appraiser.look(position) for position in chosen]
        is_idle = all(each.sale is None for each in plan)
        _show(plan, open_orders=len(ledger.open_order_ids()))
        if is_idle and not ledger.open_order_ids():
            _say("nothing to do")
            return _verdict(ledger, plan)
        if not _agrees(settings):
            _say("nothing was sold or cancelled")
            return SupervisorExit.DONE
        brakes = Brakes(settings.data_dir)
        seller = Seller(exchange, ledger, clock, pause=time.sleep, is_killed=brakes.is_killed)
        return _carry_out(desk, seller, plan, for_s=clock.real_s(TAKE_S))


def refuse_contradictions(settings: Settings) -> None:
    """Refuse what cannot both be, before anybody is asked.

    Raises:
        UsageError: This mode sells nothing, or nothing may be placed.
    """
    if settings.mode is not Mode.LIVE:
        raise UsageError(f"--flatten sells at an exchange, the mode is {settings.mode}; say --live")
    if Brakes(settings.data_dir).is_killed():
        raise UsageError(
            f"{settings.data_dir / 'KILL'} is there: nothing may be placed; "
            "remove it (`polyshared resume`) and say --flatten again"
        )


def hold_children(data_dir: Path, locks: ExitStack) -> None:
    """Be every child that ever ran here: one that outlived its supervisor would trade on.

    Raises:
        CannotStart: One is alive; it is named.
    """
    for path in sorted((data_dir / "children").glob("*.lock")):
        try:
            locks.enter_context(FileLock(path, timeout=0))
        except Timeout:
            pids = {each.token_id: each.pid for each in find_strangers(data_dir)}
            holder = f"pid {pids[path.stem]}" if path.stem in pids else "an unknown process"
            raise CannotStart(
                f"nothing was sold or cancelled: a child of {log.short(path.stem)} still trades"
                f" here, {holder} holds {path}; stop it first"
            ) from None


# -- to the operator


def _show(plan: Sequence[Planned], *, open_orders: int) -> None:
    table = Table(title="flatten: this is going to be sold", title_justify="left")
    for name in ("token", "held", "cost", "best bid", "not below", "worth at bid", "remark"):
        table.add_column(name, justify="left" if name in ("token", "remark") else "right")
    for each in plan:
        position, worth = each.position, None if each.bid is None else each.bid * each.position.size
        table.add_row(
            log.short(position.token_id),
            str(position.size),
            _price(position.entry_price),
            _price(each.bid),
            _price(None if each.sale is None else each.sale.floor),
            _price(worth),
            each.sale.market.title if each.sale is not None else f"not sold: {each.why_not}",
        )
    Console().print(table)
    if open_orders:
        _say(f"before that, every order of the ledger is cancelled: {open_orders} may be open")
    _say("foreign shares of the wallet stay; what no bid at or above its floor takes stays too")


def _agrees(settings: Settings) -> bool:
    if settings.options.yes:
        return True
    if not sys.stdin or not sys.stdin.isatty():
        raise UsageError("nothing was done: there is no terminal to ask at; --yes means yes")
    try:
        return input("sell now? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - to the person who typed it


def _price(value: Decimal | None) -> str:
    return "-" if value is None else f"{value.normalize():f}"


# -- the deed and its proof


def _carry_out(
    desk: AccountDesk, seller: Seller, plan: Sequence[Planned], *, for_s: float
) -> SupervisorExit:
    ledger = desk.ledger
    assert ledger is not None
    sales = [each.sale for each in plan if each.sale is not None]
    with _interruptible() as no_more:
        try:
            if not desk.cancel_all():  # what rests binds shares, and may still trade
                seller.sell(sales, for_s=for_s)
            no_more()
        except KeyboardInterrupt:
            _say("interrupted: proving that nothing of ours is open")
        except (LedgerError, VenueRefused) as error:
            no_more()
            _say(f"stopped: {error}")
        finally:  # whatever happened: what is not named here nobody looks for
            no_more()
            left = desk.cancel_all()
            for order_id in sorted(left):
                _say(f"may still be open: {order_id}")
    for sale in sales:
        _report(ledger, sale)
    if left:
        return SupervisorExit.ORDERS_OPEN
    _say("no order of ours is open")
    return _verdict(ledger, plan)


def _report(ledger: Ledger, sale: Sale) -> None:
    ours = frozenset(sale.order_ids)
    fills = [fill for fill in ledger.fills(sale.token_id) if fill.order_id in ours]
    size = sum((fill.size for fill in fills), ZERO)
    usd = sum((fill.size * fill.price - fill.fee for fill in fills), ZERO)
    _say(f"{log.short(sale.token_id)}: sold {size} shares for {usd:.4f} USD, fees taken off")


def _verdict(ledger: Ledger, plan: Sequence[Planned]) -> SupervisorExit:
    """Name what is still held; say by the code whether any of it could have been sold."""
    verdict = SupervisorExit.DONE
    for each in plan:
        held = floor_size(ledger.position(each.position.token_id).size)
        if held > 0:
            why = each.why_not if each.sale is None else each.sale.reason or "not sold in time"
            _say(f"{log.short(each.position.token_id)}: {held} shares still held: {why}")
            if not (each.is_for_good or (each.sale is not None and each.sale.is_dust)):
                verdict = NOT_ALL
    return verdict


@contextmanager
def _interruptible() -> Iterator[Callable[[], None]]:
    """Let SIGTERM and Ctrl-C interrupt once; then, or when told so, the proof is not disturbed.

    The proof has a deadline of its own.
    """
    is_over = False

    def no_more() -> None:
        nonlocal is_over
        is_over = True

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if not is_over:
            no_more()
            raise KeyboardInterrupt

    numbers = (signal.SIGTERM, signal.SIGINT)
    previous = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield no_more
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
