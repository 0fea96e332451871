"""A day of the whole program, hour by hour: simulator, supervisor, token source, children.

Watched accounts trade on the simulator, the token source follows them, and the test is
everybody else: the strangers who trade with us, and whatever goes wrong. Every hour ends
when its outcome is seen, so that a slow machine makes a longer day and not another one.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.day_seen import Seen
from tests.support.live_account import live_account
from tests.support.program import eventually
from tests.support.simulator import Simulator

ACCOUNTS = ("0x" + "a1" * 20, "0x" + "b2" * 20)
SCALE = 10
SHARES = 20
LINES_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Plan:
    """How much happens.

    Attributes:
        tokens: Tokens that the accounts buy, half of them held by us at some time.
        slots: Children that may trade at once; the tokens come in groups of this size.
        crashes: Children that are killed.
        hangs: Children that are stopped.
    """

    tokens: int
    slots: int
    crashes: int
    hangs: int


@dataclass(slots=True, kw_only=True)
class Day(Seen):
    """What happens.

    Attributes:
        plan: How much of it.
        lives: How often the supervisor was started.
    """

    plan: Plan
    lives: int = 0
    _stack: ExitStack = field(default_factory=ExitStack)
    _logs: str = ""

    # -- the supervisor

    def begin(self) -> None:
        """Start the supervisor; it starts the token source and the children itself."""
        self.lives += 1
        self._account = self._stack.enter_context(
            live_account(
                self.sim,
                self.folder,
                *("--clock-scale", str(SCALE)),
                tokens=0,
                scheduler={
                    "max_concurrent_tasks": self.plan.slots,
                    "max_exit_cleanup_tasks": 2,
                    "topic_start_cooldown_sec": 1,
                    "process_stagger_max_sec": 1,
                    "process_graceful_timeout_sec": 5,
                },
                maker={"max_chase_s": 86_400},
                risk={"max_notional_total": 5000, "max_daily_loss": 1000},
                copytrade={"autostart": True, "config": str(self.folder / "copytrade.json")},
            )
        )

    def kill_supervisor(self) -> None:
        """End the supervisor without a warning, as the kernel does when memory is short."""
        self._keep_output()
        self.account.run.process.kill()
        self.account.run.process.wait(30)
        self.note("supervisor killed")

    def stop(self) -> int:
        """End everything in order and return the exit code."""
        code = self.account.run.stop(timeout_s=120)
        self._keep_output()
        return code

    def close(self) -> None:
        """End what still runs."""
        self._stack.close()

    def output(self) -> str:
        """Return what every supervisor of this day printed."""
        return self._logs

    def _keep_output(self) -> None:
        self._logs += (self.folder / "out.txt").read_text("utf-8")

    # -- the others

    def accounts_buy(self, tokens: Iterable[str]) -> None:
        """Let watched accounts buy: the token source finds out by itself."""
        for token in tokens:
            self._account_trades("BUY", token)
            self.bought_at.setdefault(token, time.time())

    def accounts_sell(self, tokens: Iterable[str]) -> None:
        """Let the accounts sell what they had bought: each is a signal, to be acted on once."""
        for token in tokens:
            self._account_trades("SELL", token)
            self.signals[token] += 1

    def _account_trades(self, side: str, token: str) -> None:
        wallet = ACCOUNTS[self.sim.tokens.index(token) % len(ACCOUNTS)]
        price = {"BUY": "0.99", "SELL": "0.01"}[side]
        order = {"wallet": wallet, "token": token, "side": side, "price": price, "size": "5"}
        assert self.sim.control(do="foreign_order", **order)["trades"]

    def strangers_sell_to_us(self, tokens: Iterable[str]) -> None:
        """Let what we bid for be sold to us, however often our order moves meanwhile."""
        for token in tokens:
            self._until(
                lambda token=token: self._is_bought(token),  # type: ignore[misc]
                f"our shares of {token}",
            )

    def _is_bought(self, token: str) -> bool:
        if self.account.held(token) >= SHARES / 2:
            return True
        with suppress(AssertionError):  # no order of ours rests at this moment
            self.account.sell_to_us(token, SHARES)
        with suppress(AssertionError):
            eventually(lambda: self.account.held(token) > 0, within_s=5, what="the fill")
        return False

    # -- trouble

    def crash(self, tokens: Iterable[str]) -> dict[str, int]:
        """Kill children, and return their pids."""
        return self._send(signal.SIGKILL, tokens)

    def hang(self, tokens: Iterable[str]) -> dict[str, int]:
        """Stop children, and return their pids."""
        return self._send(signal.SIGSTOP, tokens)

    def _send(self, number: signal.Signals, tokens: Iterable[str]) -> dict[str, int]:
        pids = {token: self.pid_of(token) for token in tokens}
        for pid in pids.values():
            os.kill(pid, number)
        return pids

    @contextmanager
    def exchange_restarts(self) -> Iterator[None]:
        """Answer 425 until somebody met it, then take only orders that rest, then all."""
        self.sim.control(do="mode", mode="restart", retry_after_s=1)
        yield
        self._until(lambda: self._refused("restarting") > 0, "a request that met the restart")
        self.sim.control(do="mode", mode="post_only", retry_after_s=1)
        self.note("the exchange takes only orders that rest")

    def exchange_is_back(self) -> None:
        """Take all orders again."""
        self.sim.control(do="mode", mode="normal")

    def _refused(self, reason: str) -> int:
        stats = self.sim.stats()
        groups = (stats.get("refused", {}), stats.get("orders_refused", {}))
        return sum(group.get(reason, 0) for group in groups)

    @contextmanager
    def full_disk(self, filler: Path) -> Iterator[None]:
        """Leave no room on the disk of data and logs."""
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 12))
        self._until(lambda: "event=status_not_written" in self._now(), "a full disk is told")
        try:
            yield
        finally:
            filler.unlink()


@contextmanager
def day(
    sim: Simulator, folder: Path, disk: Path | None, plan: Plan, say: Callable[[str], None]
) -> Iterator[Day]:
    """Prepare a day; data and logs are on *disk* where there is one."""
    for name in ("data", "logs"):
        if disk is not None:
            (disk / name).mkdir()
            (folder / name).symlink_to(disk / name)
    targets = [{"account": account, "min_size": 0} for account in ACCOUNTS]
    config = {"poll_interval_sec": 1, "initial_lookback_sec": 3600, "targets": targets}
    (folder / "copytrade.json").write_text(json.dumps(config))
    for account in ACCOUNTS:
        sim.control(do="fund", wallet=account, usd="100000", shares=dict.fromkeys(sim.tokens, "50"))
    for token in sim.tokens:  # so that nobody ever lacks a counterparty
        book = sim.control(do="book", token=token)
        bid = max(float(each["price"]) for each in book["bids"])
        sim.control(do="quote", token=token, side="BUY", price=f"{bid:.2f}", size="500")
        sim.control(do="quote", token=token, side="SELL", price="0.99", size="100000")
    made = Day(sim, folder, say, plan=plan)
    try:
        yield made
    except BaseException:
        say(_last_words(folder))
        raise
    finally:
        made.close()


def _last_words(folder: Path) -> str:
    """Return the end of what was printed and logged: the disk is gone when a test has failed."""
    paths = [folder / "out.txt", *sorted((folder / "logs").glob("autorun_[0-9]*.log"))]
    return "\n".join(
        f"--- {path.name}\n" + "\n".join(path.read_text("utf-8").splitlines()[-LINES_SHOWN:])
        for path in paths
        if path.exists()
    )
