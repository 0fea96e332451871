"""Orders signed by the client libraries themselves, with salt and time held still.

``golden_orders.json`` holds what py-clob-client 0.34.6 and py-clob-client-v2 1.2.1
sent for them. ``PYTHONPATH=. python tests/exchange/golden.py`` writes it anew; that it changes
is news about a library, never a reason to just commit it.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Self
from unittest import mock

from POLYMARKET_MAKER.core.model import MarketInfo, OrderVersion, Side
from POLYMARKET_MAKER.core.order import NewOrder
from POLYMARKET_MAKER.exchange.auth import SignatureType, Wallet

FILE = Path(__file__).with_name("golden_orders.json")
NOW = 1_795_187_463
KEY = "0x" + "11" * 32
ADDRESS = "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"
FUNDER = "0x8ba1f109551bD432803012645Ac136ddd64DBA72"
OWNER = "00000000-0000-0000-0000-000000000001"
TOKEN = "65818619657568813474341868652308942079804919287380422192892211131408793125422"
POSITION = "663574927012476832975694178961957910328055987427402067619466963999000625152"


@dataclass(frozen=True)
class Case:
    """One order of one wallet kind in one kind of market."""

    version: OrderVersion
    kind: SignatureType
    neg_risk: bool = False
    side: Side = Side.BUY

    @property
    def name(self) -> str:
        market = " neg-risk" if self.neg_risk else ""
        return f"V{self.version}{market} {self.kind.name} {self.side}"

    @property
    def wallet(self) -> Wallet:
        return Wallet(KEY, ADDRESS if self.kind is SignatureType.EOA else FUNDER, self.kind)

    @property
    def market(self) -> MarketInfo:
        return MarketInfo(
            token_id=POSITION if self.version is OrderVersion.V3 else TOKEN,
            condition_id="0x5f65177b394277fd294cd75650044e32ba009a95022d88a0c1d565897d72f8f1",
            sibling_id=None,
            outcome="Yes",
            title="Will it rain?",
            tick_size=Decimal("0.01"),
            min_order_size=Decimal(5),
            neg_risk=self.neg_risk,
            order_version=self.version,
        )

    @property
    def order(self) -> NewOrder:
        # A size that float arithmetic keeps, so that the libraries' own rounding agrees.
        token = self.market.token_id
        return NewOrder(token, self.side, Decimal("0.52"), Decimal("12.5"))


_V1, _V2, _V3 = OrderVersion.V1, OrderVersion.V2, OrderVersion.V3
CASES = [
    *(Case(_V1, kind) for kind in SignatureType if kind is not SignatureType.DEPOSIT),
    *(Case(version, kind) for version in (_V2, _V3) for kind in SignatureType),
    Case(_V1, SignatureType.EOA, neg_risk=True),
    Case(_V2, SignatureType.SAFE, neg_risk=True),
    Case(_V2, SignatureType.DEPOSIT, neg_risk=True, side=Side.SELL),
    Case(_V3, SignatureType.PROXY, neg_risk=True, side=Side.SELL),
]


class _StillDatetime(dt.datetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Self:
        return cls(2026, 11, 20, 15, 11, 3, tzinfo=tz)


@contextmanager
def still() -> Iterator[None]:
    """Hold the libraries' salt and time still."""
    import py_order_utils.utils  # noqa: PLC0415 - slow

    with (
        mock.patch.object(random, "random", return_value=0.25),
        mock.patch.object(time, "time_ns", return_value=NOW * 1_000_000_000),
        mock.patch.object(py_order_utils.utils, "random", return_value=0.25),
        mock.patch.object(py_order_utils.utils, "datetime", _StillDatetime),
    ):
        yield


def by_the_library(case: Case) -> dict[str, Any]:
    """Let the client library do everything up to the request, through its public door."""
    with still():
        return _by_v1(case) if case.version is OrderVersion.V1 else _by_v2(case)


def _by_v1(case: Case) -> dict[str, Any]:
    from py_clob_client import client, clob_types, utilities  # noqa: PLC0415

    wallet, order = case.wallet, case.order
    made = client.ClobClient(
        "http://127.0.0.1:1",
        key=wallet.private_key,
        chain_id=137,
        signature_type=int(wallet.signature_type),
        funder=wallet.funder,
    ).builder.create_order(
        clob_types.OrderArgs(
            token_id=order.token_id,
            price=float(order.price),
            size=float(order.size),
            side=order.side.value,
        ),
        clob_types.CreateOrderOptions(tick_size="0.01", neg_risk=case.neg_risk),
    )
    payload: dict[str, Any] = utilities.order_to_json(made, OWNER, "GTC", post_only=True)
    return payload


def _by_v2(case: Case) -> dict[str, Any]:
    from py_clob_client_v2 import client, clob_types  # noqa: PLC0415
    from py_clob_client_v2.order_utils.model import order_data_v2  # noqa: PLC0415

    wallet, order = case.wallet, case.order
    clob = client.ClobClient(
        "http://127.0.0.1:1",
        137,
        wallet.private_key,
        signature_type=int(wallet.signature_type),
        funder=wallet.funder,
    )
    clob._ClobClient__tick_sizes[order.token_id] = "0.01"  # else it asks the exchange
    is_position = case.version is OrderVersion.V3
    made = clob.create_order(
        clob_types.OrderArgs(
            token_id=None if is_position else order.token_id,
            position_id=order.token_id if is_position else None,
            price=float(order.price),
            size=float(order.size),
            side=order.side.value,
        ),
        clob_types.PartialCreateOrderOptions(tick_size="0.01", neg_risk=case.neg_risk, version=2),
    )
    payload: dict[str, Any] = order_data_v2.order_to_json_v2(made, OWNER, "GTC", post_only=True)
    return payload


def read() -> dict[str, dict[str, Any]]:
    """Return the recorded bodies by case."""
    golden: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return golden


if __name__ == "__main__":
    bodies = {case.name: by_the_library(case) for case in CASES}
    FILE.write_text(json.dumps(bodies, indent=1) + "\n", encoding="utf-8")
