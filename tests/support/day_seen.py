"""What a day is judged by: outcomes that are waited for, and how things are."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.live_account import ADDRESS, LiveAccount
from tests.support.program import eventually, read_json
from tests.support.simulator import Simulator

PATIENCE_S = 240.0
"""How long an outcome may take to come about; it is there at once where the machine is quick."""


@dataclass(slots=True)
class Seen:
    """Everything that can be seen of a day, whoever did it.

    Attributes:
        sim: The exchange.
        folder: Where the settings are, and the data and log directories.
        say: Told how far the day is.
        signals: How many sell signals each token has had.
        bought_at: When an account first bought each token, in epoch seconds.
    """

    sim: Simulator
    folder: Path
    say: Callable[[str], None]
    signals: Counter[str] = field(default_factory=Counter)
    bought_at: dict[str, float] = field(default_factory=dict)
    _account: LiveAccount | None = None
    _began: float = field(default_factory=time.monotonic)

    @property
    def account(self) -> LiveAccount:
        """The program as it runs now."""
        assert self._account is not None
        return self._account

    def note(self, what: str) -> None:
        """Say how far the day is."""
        self.say(f"{time.monotonic() - self._began:6.1f} s  {what}")

    # -- what is waited for

    def until_quoting(self, tokens: Iterable[str]) -> None:
        """Wait until an order of ours rests on each token."""
        wanted = set(tokens)
        self._until(
            lambda: wanted <= {order["asset_id"] for order in self.account.ours()},
            f"an order on each of {len(wanted)} tokens",
        )

    def until_taken_over(self, tokens: Iterable[str]) -> None:
        """Wait until the supervisor of now has a child for each token, and its order rests."""
        wanted = set(tokens)
        for token in wanted:
            self.pid_of(token)
        self.until_quoting(wanted)

    def until_hung(self, pids: dict[str, int]) -> None:
        """Wait until every stopped child is found."""
        self._until(
            lambda: self._now().count("event=hung") >= len(pids), f"{len(pids)} children found hung"
        )

    def until_replaced(self, pids: dict[str, int]) -> None:
        """Wait until each token has another child."""
        self._until(
            lambda: all(self._task(token)["pid"] not in (None, pid) for token, pid in pids.items()),
            f"another child for each of {len(pids)}",
        )

    def until_signals_are_done(self) -> None:
        """Wait until every signal so far was acted on."""
        expected = sum(self.signals.values())
        self._until(lambda: len(self.consumed()) >= expected, f"{expected} signals acted on")

    def until_first_signal_of(self, tokens: Iterable[str]) -> None:
        """Wait until the supervisor has begun to sell one of these tokens."""
        wanted = set(tokens)
        self._until(
            lambda: (
                any(
                    token in wanted
                    and (self.account.run.data / f"exit_signal_{token}.json").exists()
                    for token in wanted
                )
                or any(signal.partition(":")[0] in wanted for signal in self.consumed())
            ),
            "the first of the signals",
        )

    def until_gone(self, token: str) -> None:
        """Wait until a token whose market is closed has no child any more."""
        self._until(lambda: self._task(token)["status"] == "ended", "the end of its child")

    def until_settled(self) -> None:
        """Wait until the ledger's shares are those that the exchange says we own."""
        self._until(lambda: self.our_shares() == self.their_shares(), "the same shares")

    def _until(self, is_so: Callable[[], bool], what: str) -> None:
        eventually(is_so, within_s=PATIENCE_S, what=what)

    # -- how things are

    def consumed(self) -> list[str]:
        """Return the ids of the signals that were acted on."""
        return self.account.consumed()

    def our_shares(self) -> dict[str, float]:
        """Return what the ledger says we hold."""
        rows = self.account.query("SELECT token_id, size FROM positions")
        return {token: float(size) for token, size in rows if float(size)}

    def their_shares(self) -> dict[str, float]:
        """Return what the exchange says we hold."""
        wallets = self.sim.stats()["wallets"]
        mine = next(each for address, each in wallets.items() if address.lower() == ADDRESS.lower())
        return {token: float(size) for token, size in mine["shares"].items() if float(size)}

    def waits_s(self) -> dict[str, float]:
        """Return for each token how long it took from the account's purchase to our first order."""
        rows = self.account.query("SELECT token_id, min(created_at) FROM intents GROUP BY token_id")
        first = {token: float(at) for token, at in rows}
        return {t: first[t] - at for t, at in self.bought_at.items() if t in first}

    def faults(self) -> list[str]:
        """Return the files that tell of a fault nobody had thought of."""
        texts = {path.name: path.read_text("utf-8") for path in self.account.run.logs.iterdir()}
        return [name for name, text in texts.items() if "Traceback (most recent" in text]

    def handled(self) -> set[str]:
        """Return the tokens whose child was started since they were bought."""
        found = read_json(self.account.run.data / "handled_topics.json")
        return set(found["topics"])

    def sellers(self) -> int:
        """Return for how many tokens a child was started that only sells."""
        return len(list(self.account.run.logs.glob("autorun_exit_*.log")))

    def left_running(self) -> list[int]:
        """Return processes of this day that are still there."""
        mark = f"POLY_DATA_DIR={self.account.run.data}\0".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if mark in path.read_bytes():
                    found.append(int(path.parent.name))
        return found

    def pid_of(self, token: str) -> int:
        """Return the pid of a running child, once the status file shows it."""
        self._until(lambda: self._task(token)["pid"] is not None, "a pid")
        pid: int = self._task(token)["pid"]
        return pid

    def _task(self, token: str) -> dict[str, Any]:
        status = read_json(self.account.run.data / "autorun_status.json")
        if status["pid"] != self.account.run.process.pid:
            raise ValueError("the status file is of an earlier supervisor")
        task: dict[str, Any] = status["tasks"][token]
        return task

    def _now(self) -> str:
        return (self.folder / "out.txt").read_text("utf-8")
