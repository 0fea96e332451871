"""Processes that use a ledger, for tests that kill them or set them on each other; run by path.

ledger_writer.py LEDGER make        make the ledger and end
ledger_writer.py LEDGER write NAME  write orders and fills until killed
ledger_writer.py LEDGER die NAME    kill itself between an intent and its answer
ledger_writer.py LEDGER trade NAME  trade under caps until SIGTERM
"""

from __future__ import annotations

import os
import random
import signal
import sys
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[2])

from POLYMARKET_MAKER.core.model import Side  # noqa: E402 - the root is on the path only now
from POLYMARKET_MAKER.core.order import (  # noqa: E402 - the root is on the path only now
    Fill,
    FillStatus,
    NewOrder,
    OpenOrder,
    Placed,
    SignedOrder,
)
from POLYMARKET_MAKER.core.risk import Limits  # noqa: E402
from POLYMARKET_MAKER.errors import IntentRefused  # noqa: E402
from POLYMARKET_MAKER.ledger import Identity, Ledger  # noqa: E402

ME = Identity("demo", "http://h", 137, "0x")
AT = 1_795_187_463.0
PRICE = Decimal("0.5")
LIMITS = Limits(Decimal(25), Decimal(100), None)


def intend(ledger: Ledger, name: str, token: str, side: Side, size: Decimal) -> None:
    order = SignedOrder(NewOrder(token, side, PRICE, size), name, b"{}")
    ledger.record_intent(order, at=AT, reason="test", limits=LIMITS)


def fill(ledger: Ledger, name: str, token: str, side: Side, size: Decimal) -> None:
    fee, matched = Decimal(0), FillStatus.MATCHED
    ledger.record_fill(
        Fill(name, name, token, side, PRICE, size, fee, is_maker=True, status=matched, at=AT)
    )


def say(what: str, name: str) -> None:
    sys.stdout.write(f"{what} {name} .\n")
    sys.stdout.flush()


def write(ledger: Ledger, life: str, *, dying: bool) -> None:
    """Say each step on stdout after it returned; a line is whole when it ends with a dot."""
    for number in range(100_000):
        name = f"{life}-{number}"
        intend(ledger, name, name, Side.BUY, Decimal(5))
        say("intent", name)
        if dying:
            os.kill(os.getpid(), signal.SIGKILL)
        ledger.record_outcome(name, Placed(name, "live"), at=AT, boot_s=AT)
        fill(ledger, name, name, Side.BUY, Decimal(5))
        say("filled", name)
        intend(ledger, f"s{name}", name, Side.SELL, Decimal(5))
        fill(ledger, f"s{name}", name, Side.SELL, Decimal(5))


def trade(ledger: Ledger, token: str) -> None:
    """Buy, get filled in part, cancel; sell out when refused. As fast as the ledger lets it.

    A child that never placed or never met a cap would prove nothing: it goes on.
    """
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    luck = random.Random(token)  # noqa: S311 - the same luck each time
    refused = placed = 0
    while not (told and refused and placed):
        name = f"{token}-{refused + placed}"
        size = Decimal(luck.randint(5, 60))
        try:
            intend(ledger, name, token, Side.BUY, size)
        except IntentRefused:
            refused += 1
            with suppress(IntentRefused):
                held = ledger.position(token).size
                intend(ledger, f"s{name}", token, Side.SELL, held)
                fill(ledger, f"s{name}", token, Side.SELL, held)
            continue
        placed += 1
        ledger.record_outcome(name, Placed(name, "live"), at=AT, boot_s=AT)
        matched = Decimal(luck.randint(1, int(size)))
        fill(ledger, name, token, Side.BUY, matched)
        over = OpenOrder(name, token, "", Side.BUY, PRICE, size, matched, "CANCELED", AT)
        ledger.record_order(over)


def main() -> None:
    path, how, *name = sys.argv[1:]
    with Ledger.open(Path(path), ME, busy_s=15.0) as ledger:
        if how == "trade":
            trade(ledger, name[0])
        elif how in ("write", "die"):
            write(ledger, name[0], dying=how == "die")


main()
