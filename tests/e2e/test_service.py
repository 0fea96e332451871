"""The program as a service: what systemd hears, and what is warned of."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import pytest

from tests.support.program import eventually, supervised
from tests.support.waiting_fleet import NO_EXCHANGE

pytestmark = pytest.mark.timeout(120)


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
    env = {**NO_EXCHANGE, "NOTIFY_SOCKET": str(notify), "WATCHDOG_USEC": "120000000"}
    with (
        listening(notify) as heard,
        supervised("--paper", "--no-repl", "--tokens", "1", directory=tmp_path, env=env) as run,
    ):
        assert heard.get(timeout=40) == b"READY=1\nSTATUS=paper, 0 children"
        while (said := heard.get(timeout=40)) != b"WATCHDOG=1\nSTATUS=paper, 1 children":
            assert said == b"WATCHDOG=1\nSTATUS=paper, 0 children"
        (pid,) = run.shown_pids(1)
        environment = Path(f"/proc/{pid}/environ").read_bytes()
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
        env=NO_EXCHANGE,
    ) as run:
        out = tmp_path / "out.txt"
        eventually(
            lambda: "event=no_order token=1 kind=" in out.read_text(), within_s=40, what="a warning"
        )
        assert run.stop() == 0
