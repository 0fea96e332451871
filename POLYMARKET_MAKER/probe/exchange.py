"""What the program can tell of the exchange: our account, and a live frame."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.probe.answer import Answer, Json, not_available
from POLYMARKET_MAKER.processes import started_s

if TYPE_CHECKING:
    from POLYMARKET_MAKER.settings import Credentials as Keys
    from POLYMARKET_MAKER.settings import Settings

SHORTEST_WAIT_S = 1.0


def probe_account(_: argparse.Namespace) -> Answer:
    """Read the account with the key of the environment: funds, permission, open orders."""
    from POLYMARKET_MAKER.derive_credentials import derive  # noqa: PLC0415
    from POLYMARKET_MAKER.errors import MakerError  # noqa: PLC0415
    from POLYMARKET_MAKER.settings import load_settings, parse_options  # noqa: PLC0415

    try:
        settings = load_settings(env=os.environ, options=parse_options(["--live"]))
        if settings.credentials is None:
            return not_available("there is no key in the environment")
        keys, address = derive(settings, os.environ)
        return Answer(ok=True, data=_account_facts(settings, keys, address))
    except MakerError as error:
        return Answer(ok=False, reason=str(error))


def _account_facts(settings: Settings, keys: Keys, address: str) -> Json:
    from POLYMARKET_MAKER.exchange.account import Account  # noqa: PLC0415
    from POLYMARKET_MAKER.exchange.auth import Credentials, SignatureType  # noqa: PLC0415
    from POLYMARKET_MAKER.exchange.data_api import DataApi  # noqa: PLC0415
    from POLYMARKET_MAKER.exchange.http import Http  # noqa: PLC0415

    assert keys.api is not None  # derived just now
    funder = keys.funder or address
    with contextlib.closing(Http()) as http:
        account = Account(
            http,
            settings.urls.clob,
            Credentials(keys.api.key, keys.api.secret, keys.api.passphrase, address),
            funder=funder,
            signature_type=SignatureType(keys.signature_type),
        )
        funds = account.allowance()
        positions = DataApi(http, data_url=settings.urls.data).positions(funder)
        return {
            "balance": str(funds.balance),
            "allowance": str(min(funds.allowances.values(), default=0)),
            "closed_only": account.is_closed_only(),
            "has_positions": bool(positions),
            "open_orders": [order.order_id for order in account.open_orders()],
            "signature_type": keys.signature_type,
        }


def probe_frame(options: argparse.Namespace) -> Answer:
    """Wait for frames of one token on a line of our own, and read them as production does."""
    from POLYMARKET_MAKER.core import wire  # noqa: PLC0415
    from POLYMARKET_MAKER.core.events import Unreadable  # noqa: PLC0415
    from POLYMARKET_MAKER.Volatility_arbitrage_main_ws import (  # noqa: PLC0415
        WSAggregatorClient,
    )

    if not options.token:
        return not_available("--token is needed")
    wait_s = max(SHORTEST_WAIT_S, options.seconds - _age_s())
    events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    client = WSAggregatorClient(events.put, label="probe")
    started = time.monotonic()
    client.subscribe([options.token])
    client.start()
    try:
        first = events.get(timeout=wait_s)
    except queue.Empty:
        state = client.get_stats()
        reason = f"no frame in {wait_s:.0f} s; line {state['state']}"
        return Answer(ok=False, reason=f"{reason} ({state['last_reason'] or 'no reason given'})")
    finally:
        client.stop()
    first_after_s = round(time.monotonic() - started, 2)
    seen = [first, *_drain(events)]
    unreadable = [
        event
        for raw in seen
        for event in wire.parse(json.dumps(raw))
        if isinstance(event, Unreadable)
    ]
    data: Json = {
        "events": dict(Counter(str(raw.get("event_type")) for raw in seen)),
        "first_after_s": first_after_s,
        "unreadable": len(unreadable),
    }
    if unreadable:
        said = f"{len(unreadable)} of {len(seen)} frames could not be read"
        return Answer(ok=False, reason=said, data=data)
    return Answer(ok=True, data=data)


def _age_s() -> float:
    """Return how long this process has run: on a busy machine its start takes seconds."""
    started = started_s()
    return 0.0 if started is None else Clock().boot() - started


def _drain(events: queue.SimpleQueue[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    while not events.empty():
        yield events.get_nowait()
