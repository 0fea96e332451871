"""Children, the feed they share and the exchange behind both, as processes that a test breaks."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from eth_account import Account

from tests.support.program import ROOT, eventually, read_json
from tests.support.simulator import Simulator, addresses

CHILD = ROOT / "POLYMARKET_MAKER" / "Volatility_arbitrage_run.py"
FEED = ROOT / "tests" / "support" / "feed_program.py"
ESTABLISHED = "01"


def live_on(sim: Simulator) -> dict[str, str]:
    """Return the same with a throw-away key, for ``--live`` against *sim*."""
    key = secrets.token_hex(32)
    keys = {"POLY_KEY": key, "POLY_FUNDER": Account.from_key(key).address, "POLY_SIGNATURE": "0"}
    return {**addresses(sim), **keys}


def starting_together(directory: Path, **feed: object) -> tuple[str, str]:
    """Return the options of a supervisor whose children start at once."""
    path = directory / "global_config.json"
    scheduler = {"topic_start_cooldown_sec": 0, "process_stagger_max_sec": 0}
    path.write_text(json.dumps({"scheduler": scheduler, "feed": feed}), encoding="utf-8")
    return "--global-config", str(path)


def always_quoting(directory: Path) -> tuple[str, str]:
    """Return the options of a strategy that always has an order resting."""
    path = directory / "strategy.json"
    strategy = {"strategy": "quote_both_sides", "order_size": 5, "min_half_spread": "0.02"}
    path.write_text(json.dumps({"default": strategy, "topics": {}}), encoding="utf-8")
    return "--strategy-config", str(path)


@contextmanager
def feeding(cache: Path, sim: Simulator, tokens: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """Run the aggregator for the length of a block, or until the test kills it."""
    urls = [sim.urls[name] for name in ("ws_market", "clob", "gamma")]
    process = subprocess.Popen(
        [sys.executable, str(FEED), str(cache), *urls, *tokens],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "serves\n"
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[Any]) -> None:
    """Kill a process, also a suspended one, and reap it."""
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


class Family:
    """Children that were started by hand, all in one data directory, trading on paper.

    Attributes:
        cache: The snapshot that they share.
        processes: By token.
    """

    def __init__(self, directory: Path, sim: Simulator) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.cache = self.data / "ws_cache.json"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._sim = sim
        self.data.mkdir()

    def start(
        self, token: str, *, shared: bool = True, params: Mapping[str, object] | None = None
    ) -> None:
        """Start the child of *token*, told of the shared file or not."""
        path = self.directory / f"run_params_{token}.json"
        said = {
            "mode": "paper",
            "token_id": token,
            "data_dir": str(self.data),
            "log_dir": str(self.directory / "logs"),
            "shared_ws_cache_path": str(self.cache),
            "urls": {
                name: self._sim.urls[name]
                for name in ("clob", "ws_market", "ws_user", "gamma", "data")
            },
            **(params or {}),
        }
        path.write_text(json.dumps(said), encoding="utf-8")
        option = [f"--shared-ws-cache={self.cache}"] if shared else []
        with open(self.log_of(token), "ab") as log:
            self.processes[token] = subprocess.Popen(
                [sys.executable, str(CHILD), str(path), *option],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def log_of(self, token: str) -> Path:
        return self.directory / f"{token}.log"

    def status(self, token: str) -> dict[str, Any]:
        return read_json(self.data / "children" / f"{token}.json")

    def quoting(self, source: str) -> int:
        """Count the children that have a tradable quote of *source*."""
        return sum(is_quoting(self.status(token), source) for token in self.processes)

    def all_quote(self, source: str, *, within_s: float) -> None:
        """Wait until every child has a tradable quote of *source*."""
        eventually(
            lambda: self.quoting(source) == len(self.processes),
            within_s=within_s,
            what=f"all {len(self.processes)} children quote on {source}",
        )

    def ended(self) -> list[str]:
        """Return the tokens whose child has ended."""
        return [token for token, each in self.processes.items() if each.poll() is not None]

    def close(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                end(process)


@contextmanager
def family(directory: Path, sim: Simulator) -> Iterator[Family]:
    """Have children for the length of a block; none is left behind."""
    found = Family(directory, sim)
    try:
        yield found
    finally:
        found.close()


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


def connections_to(sim: Simulator) -> int:
    """Count the TCP connections to the simulator, as the system knows them.

    Also those that it has not accepted yet, because it is suspended.
    """
    port = urlsplit(sim.urls["clob"]).port
    rows = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    remote_and_state = [row.split()[2:4] for row in rows]
    return sum(
        int(remote.rpartition(":")[2], 16) == port and state == ESTABLISHED
        for remote, state in remote_and_state
    )
