"""A process that writes orders and fills to a ledger until it is killed; run by path.

Arguments: the ledger, a name for this life, and optionally ``die``: then it kills
itself between the first intent and its answer.
"""

from __future__ import annotations

import os
import signal
import sys
from decimal import Decimal
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[2])

from POLYMARKET_MAKER.core.model import (  # noqa: E402 - the root is on the path only now
    Fill,
    FillStatus,
    NewOrder,
    Placed,
    Side,
    SignedOrder,
)
from POLYMARKET_MAKER.ledger import Identity, Ledger  # noqa: E402

AT = 1_795_187_463.0


def main() -> None:
    path, life, *how = sys.argv[1:]
    ledger = Ledger.open(Path(path), Identity("demo", "http://h", 137, "0x"))
    price, size = Decimal("0.5"), Decimal(4)
    for number in range(100_000):
        name = f"{life}-{number}"
        order = NewOrder(name, Side.BUY, price, Decimal(10))
        ledger.record_intent(SignedOrder(order, name, b"{}"), at=AT, reason="test")
        print("intent", name, ".", flush=True)
        if how == ["die"]:
            os.kill(os.getpid(), signal.SIGKILL)
        ledger.record_outcome(name, Placed(name, "live"), at=AT)
        ledger.record_fill(
            Fill(
                name,
                name,
                name,
                Side.BUY,
                price,
                size,
                Decimal(0),
                is_maker=True,
                status=FillStatus.MATCHED,
                at=AT,
            )
        )
        print("filled", name, ".", flush=True)


main()
