"""A whole program that trades a throw-away account on the simulator, in live mode."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from eth_account import Account

from tests.support.program import (
    AUTORUN,
    Ended,
    Supervised,
    eventually,
    run_program,
    supervised,
)
from tests.support.simulator import Simulator, addresses

KEY = "0x" + "4d" * 32
ADDRESS = str(Account.from_key(KEY).address)
STRATEGY = {
    "default": {
        "order_size": 20,
        "drop_window_minutes": 0.02,
        "buy_price_threshold": 0.98,
        "max_buy_price": 0.98,
        "profit_pct": 0.2,
        "countdown": {"minutes_before_end": 0},
    }
}
"""Always buys at the best bid, and sells far above: what rests stays until somebody comes."""


@dataclass(frozen=True, slots=True)
class LiveAccount:
    """A running program, its exchange and its ledger.

    Attributes:
        run: The supervisor.
        sim: The exchange.
        arguments: What it was started with.
        env: Its environment, the directories apart.
    """

    run: Supervised
    sim: Simulator
    arguments: tuple[str, ...]
    env: dict[str, str]

    def errand(self, *options: str, timeout_s: float = 120) -> Ended:
        """Run the program once more, with *options* on top, to its end."""
        places = {"POLY_DATA_DIR": str(self.run.data), "POLY_LOG_DIR": str(self.run.logs)}
        command = (str(AUTORUN), *self.arguments, *options)
        return run_program(*command, env={**self.env, **places}, timeout_s=timeout_s)

    def pid_of(self, token: str) -> int | None:
        """Return the pid of a token's child as the status file has it; None: no child."""
        found = self.run.status()["tasks"][token]["pid"]
        assert found is None or isinstance(found, int)
        return found

    def shown_pid(self, token: str) -> int:
        """Return the pid of a running child, once the status file shows it.

        A child may have an order up to a second before that.
        """
        eventually(lambda: self.pid_of(token) is not None, within_s=60, what="a pid")
        pid = self.pid_of(token)
        assert pid is not None
        return pid

    def shares(self) -> dict[str, float]:
        """Return what the wallet holds at the exchange, foreign shares too."""
        wallets = self.sim.stats()["wallets"]
        (found,) = (each for name, each in wallets.items() if name.lower() == ADDRESS.lower())
        held = {token: float(size) for token, size in found["shares"].items()}
        return {token: size for token, size in held.items() if size}

    def orders(self) -> list[dict[str, Any]]:
        """Return what the exchange has open for the account, foreign orders too."""
        found: list[dict[str, Any]] = self.sim.control(do="orders", wallet=ADDRESS)["orders"]
        return found

    def ours(self, token: str | None = None) -> list[dict[str, Any]]:
        """Return the open orders whose ids stand in the ledger."""
        known = {row[0] for row in self.query("SELECT order_id FROM intents")}
        return [
            order
            for order in self.orders()
            if order["id"] in known and token in (None, order["asset_id"])
        ]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the ledger.

        Raises:
            OSError: It is not there yet.
        """
        path = f"file:{self.run.data}/ledger.db?mode=ro"
        try:
            with closing(sqlite3.connect(path, uri=True)) as db:
                return db.execute(sql).fetchall()
        except sqlite3.OperationalError as error:
            raise OSError(str(error)) from error

    def sell_to_us(self, token: str, size: float) -> None:
        """Let a stranger sell until our resting buy has got *size*; others go first."""
        buy = self._resting(token, "BUY")
        levels = self.sim.control(do="book", token=token)["bids"]
        ahead = sum(float(each["size"]) for each in levels if each["price"] >= buy["price"])
        self._take(token, "SELL", buy, ahead - _remaining(buy) + size)

    def fill(self, token: str, shares: float) -> None:
        """Let strangers sell to us until we hold so many, however often our order moves."""

        def is_held() -> bool:
            if self.held(token) >= shares:
                return True
            with suppress(AssertionError):  # no order of ours rests at this moment
                self.sell_to_us(token, shares)
                eventually(lambda: self.held(token) >= shares, within_s=5, what="the fill")
            return False

        eventually(is_held, within_s=120, what="our shares")

    def buy_from_us(self, token: str) -> None:
        """Let a stranger buy until our resting sell is gone."""
        sell = self._resting(token, "SELL")
        levels = self.sim.control(do="book", token=token)["asks"]
        ahead = sum(float(each["size"]) for each in levels if each["price"] <= sell["price"])
        self._take(token, "BUY", sell, ahead)

    def _resting(self, token: str, side: str) -> dict[str, Any]:
        """Wait for our order on one side: it may be on its way from one price to another."""
        found: list[dict[str, Any]] = []

        def rests() -> bool:
            found[:] = [order for order in self.ours(token) if order["side"] == side]
            return bool(found)

        eventually(rests, within_s=10, what=f"our {side}")
        return found[0]

    def _take(self, token: str, side: str, order: dict[str, Any], size: float) -> None:
        self.sim.control(
            do="trade", token=token, side=side, size=f"{size:.2f}", price=order["price"]
        )

    def pull_the_plug(self) -> None:
        """End everything at once, as a power cut does: no process has time to cancel.

        The kernel is asked who there is. A child younger than the status file would else live
        on for a moment, and cancel what it has because its supervisor is gone.
        """
        supervisor = psutil.Process(self.run.process.pid)
        supervisor.suspend()  # it starts nobody any more
        family = supervisor.children(recursive=True)
        for each in family:
            with suppress(psutil.NoSuchProcess):
                each.suspend()
        self.run.process.kill()
        self.run.process.wait(10)
        for each in family:
            with suppress(psutil.NoSuchProcess):
                each.kill()

    def consumed(self) -> list[str]:
        """Return the ids of the sell signals that were acted on."""
        return [row[0] for row in self.query("SELECT signal_id FROM consumed_signals")]

    def held(self, token: str) -> float:
        """Return what the ledger says we hold."""
        rows = self.query("SELECT token_id, size FROM positions")
        return {token_id: float(size) for token_id, size in rows}.get(token, 0.0)

    def log(self) -> str:
        """Return everything that the program has logged."""
        paths = [*self.run.logs.glob("*.log"), self.run.logs.parent / "out.txt"]
        return "".join(path.read_text(encoding="utf-8") for path in paths)

    def wait_for_orders(self, count: int, *, within_s: float = 60) -> list[str]:
        """Wait until so many orders of ours rest; return their ids as of that very look.

        On a busy machine a quote may become stale, and an order be replaced, at any time.
        """
        seen: list[str] = []

        def rest() -> bool:
            seen[:] = [order["id"] for order in self.ours()]
            return len(seen) == count

        eventually(rest, within_s=within_s, what=f"{count} orders")
        return seen


def _remaining(order: dict[str, Any]) -> float:
    return float(order["original_size"]) - float(order["size_matched"])


@contextmanager
def live_account(
    sim: Simulator,
    folder: Path,
    *options: str,
    tokens: int = 1,
    order_size: int = 20,
    **config: Any,
) -> Iterator[LiveAccount]:
    """Run the program on the first *tokens* of *sim*; *config* goes to the global config.

    With no *tokens* it trades what its settings and the copytrade files name.
    """
    strategy, settings = folder / "strategy.json", folder / "global.json"
    wanted = {"default": STRATEGY["default"] | {"order_size": order_size}}
    strategy.write_text(json.dumps(wanted), encoding="utf-8")
    scheduler = {"topic_start_cooldown_sec": 0, "process_stagger_max_sec": 0}
    settings.write_text(json.dumps({"scheduler": scheduler, **config}), encoding="utf-8")
    env = {
        "POLY_KEY": KEY,
        "POLY_FUNDER": ADDRESS,
        "POLY_SIGNATURE": "0",
        **addresses(sim),
    }
    arguments = (
        *("--live", "--no-repl"),
        *(("--tokens", ",".join(sim.tokens[:tokens])) if tokens else ()),
        *("--strategy-config", str(strategy), "--global-config", str(settings)),
        *options,
    )
    with supervised(*arguments, directory=folder, env=env) as run:
        yield LiveAccount(run, sim, arguments, env)
