"""Children and the exchange behind them, as processes that a test breaks."""

from __future__ import annotations

import json
import os
import secrets
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from eth_account import Account

from polyshared import SnapshotWriter, write_atomic
from tests.support.program import Supervised
from tests.support.simulator import Simulator, addresses


def live_on(sim: Simulator) -> dict[str, str]:
    """Return the same with a throw-away key, for ``--live`` against *sim*."""
    key = secrets.token_hex(32)
    keys = {"POLY_KEY": key, "POLY_FUNDER": Account.from_key(key).address, "POLY_SIGNATURE": "0"}
    return {**addresses(sim), **keys}


def starting_together(
    directory: Path, *, scheduler: Mapping[str, object] | None = None, **feed: object
) -> tuple[str, str]:
    """Return the options of a supervisor whose children start at once."""
    path = directory / "global_config.json"
    at_once = {"topic_start_cooldown_sec": 0, "process_stagger_max_sec": 0, **(scheduler or {})}
    path.write_text(json.dumps({"scheduler": at_once, "feed": feed}), encoding="utf-8")
    return "--global-config", str(path)


def always_quoting(directory: Path) -> tuple[str, str]:
    """Return the options of a strategy that always has an order resting."""
    path = directory / "strategy.json"
    strategy = {"strategy": "quote_both_sides", "order_size": 5, "min_half_spread": "0.02"}
    path.write_text(json.dumps({"default": strategy, "topics": {}}), encoding="utf-8")
    return "--strategy-config", str(path)


def buying_at_the_bid(directory: Path) -> tuple[str, str]:
    """Return the options of a strategy that buys at the best bid, wherever that is."""
    path = directory / "strategy.json"
    strategy = {"drop_window_minutes": 0.02, "buy_price_threshold": 0.98, "max_buy_price": 0.98}
    path.write_text(json.dumps({"default": strategy, "topics": {}}), encoding="utf-8")
    return "--strategy-config", str(path)


def taking_the_place(run: Supervised, *, lane: bool = True) -> SnapshotWriter:
    """Take the snapshot from a supervisor, however lately it wrote: its aggregator ends.

    No other can start until this writer is closed. Without a lane, and until it is told to
    flush, it changes nothing that children read.
    """
    return SnapshotWriter(run.data / "ws_cache.json", take_over=True, max_age_s=-1, lane=lane)


def ask(run: Supervised, request: str) -> None:
    """Leave a request in the supervisor's control directory, as ``polyshared`` does."""
    said = {"schema": 1, "id": "asked", "request": request, "token": None, "by": "test"}
    write_atomic(run.data / "control" / "asked.json", json.dumps(said).encode())


def is_quoting(status: Mapping[str, Any], source: str) -> bool:
    """Whether a child's status file tells of a tradable quote of *source*."""
    quote = status.get("quote")
    return (
        status["state"] == "running"
        and status["source"] == source
        and quote is not None
        and quote["health"] in ("live", "quiet")
    )


@contextmanager
def suspended(*pids: int) -> Iterator[None]:
    """Stop processes for the length of a block: they keep what they have and do nothing."""
    with ExitStack() as stack:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
            stack.callback(os.kill, pid, signal.SIGCONT)
        yield
