"""The program as a service: what systemd hears, what the token source gets, what is warned of."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import pytest

from tests.support.live_account import KEY, live_account
from tests.support.program import eventually, supervised
from tests.support.simulator import running_simulator
from tests.support.waiting_fleet import NOWHERE

pytestmark = pytest.mark.timeout(120)

ENV = {
    "POLY_HOST": NOWHERE,
    "POLY_GAMMA_ROOT": NOWHERE,
    "POLY_DATA_API_ROOT": NOWHERE,
    "POLY_WS_URL": "ws://127.0.0.1:9/ws/market",
    "POLY_WS_USER_URL": "ws://127.0.0.1:9/ws/user",
}


@contextmanager
def listening(path: Path) -> Iterator[Queue[bytes]]:
    """Be systemd: take every message as it comes."""
    heard: Queue[bytes] = Queue()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))

        def listen() -> None:
            while said := manager.recv(1000):
                heard.put(said)

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield heard
        finally:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
                last.sendto(b"", str(path))
            thread.join()


@pytest.mark.slow
def test_systemd_hears_of_start_life_and_end_and_no_child_can_speak_for_us(tmp_path: Path) -> None:
    notify = tmp_path / "notify"
    env = {**ENV, "NOTIFY_SOCKET": str(notify), "WATCHDOG_USEC": "120000000"}
    with (
        listening(notify) as heard,
        supervised("--paper", "--no-repl", "--tokens", "1", directory=tmp_path, env=env) as run,
    ):
        assert heard.get(timeout=40) == b"READY=1\nSTATUS=paper, 0 children"
        while (said := heard.get(timeout=40)) != b"WATCHDOG=1\nSTATUS=paper, 1 children":
            assert said == b"WATCHDOG=1\nSTATUS=paper, 0 children"
        eventually(lambda: len(run.pids()) == 1, within_s=40, what="a child")
        environment = Path(f"/proc/{run.pids()[0]}/environ").read_bytes()
        assert b"NOTIFY_SOCKET" not in environment
        assert run.stop() == 0
        while b"STOPPING=1" not in said:
            said = heard.get(timeout=10)

    assert said == b"STOPPING=1\nSTATUS=stopping: sigterm"


@pytest.mark.slow
def test_hours_without_an_order_are_told_with_the_stage_of_each_token(tmp_path: Path) -> None:
    config = tmp_path / "own.json"
    config.write_text(json.dumps({"alerts": {"no_order_warn_h": 8 / 3600}}))
    with supervised(
        *("--paper", "--no-repl", "--tokens", "1", "--global-config", str(config)),
        directory=tmp_path,
        env=ENV,
    ) as run:
        out = tmp_path / "out.txt"
        eventually(
            lambda: "event=no_order token=1 kind=" in out.read_text(), within_s=40, what="a warning"
        )
        assert run.stop() == 0


@pytest.mark.slow
def test_one_command_runs_the_token_source_too_and_tells_it_no_secret(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.json"
    target = {"account": "0x" + "ab" * 20, "min_size": 1, "enabled": True}
    accounts.write_text(json.dumps({"poll_interval_sec": 1, "targets": [target]}))
    copytrade = {"autostart": True, "config": str(accounts)}
    with (
        running_simulator(tokens=1, no_flow=True) as sim,
        live_account(sim, tmp_path, tokens=0, copytrade=copytrade) as account,
    ):
        eventually(
            lambda: account.run.status()["token_source"]["state"] == "running",
            within_s=30,
            what="the token source",
        )
        pid = account.run.status()["token_source"]["pid"]
        assert KEY.removeprefix("0x").encode() not in Path(f"/proc/{pid}/environ").read_bytes()
        eventually(
            (account.run.data / "tokens_from_copytrade.json").exists, within_s=30, what="its file"
        )
        assert account.run.stop() == 0
        eventually(lambda: not Path(f"/proc/{pid}").exists(), within_s=60, what="its end")
