"""The simulator as a program of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import httpx
import pytest

from POLYMARKET_MAKER.sim import __main__ as script
from tests.support.simulator import ROOT, running_simulator


def test_it_says_in_one_line_where_it_serves() -> None:
    with running_simulator(tokens=2) as simulator:
        assert len(simulator.tokens) == 2
        assert simulator.urls["pid"] == simulator.process.pid
        assert httpx.get(f"{simulator.urls['clob']}/ok").json() == "OK"


def test_it_ends_with_zero_when_told_to() -> None:
    with running_simulator(tokens=1) as simulator:
        simulator.process.terminate()

        assert simulator.process.wait(5) == 0


def test_the_same_seed_makes_the_same_markets() -> None:
    with running_simulator(seed=5, tokens=1) as first, running_simulator(seed=5, tokens=1) as again:
        assert first.tokens == again.tokens
        assert first.control(do="book", token=first.tokens[0])["bids"]


def test_a_port_in_use_is_exit_3_and_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        ended = subprocess.run(
            [sys.executable, "-m", "POLYMARKET_MAKER.sim", f"--port={port}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=15,
            check=False,
        )

    assert ended.returncode == 3
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert str(port) in ended.stderr


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_it_ends_after_its_parent_but_lets_the_traders_cancel() -> None:
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with running_simulator(tokens=1, parent_pid=parent.pid) as simulator:
        parent.communicate(b"\n")
        ended = time.monotonic()

        assert simulator.process.wait(40) == 0
        assert time.monotonic() - ended >= 10


def test_it_listens_on_loopback_only() -> None:
    with running_simulator(tokens=1) as simulator:
        assert simulator.urls["clob"].startswith("http://127.0.0.1:")
        assert os.getpid() != simulator.urls["pid"]


def test_a_package_that_is_only_needed_later_is_missed_at_the_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What judges signatures is imported with the first one, and must be there by then."""
    monkeypatch.setattr(script, "LATE", ("no_such_package",))

    assert script.main([]) == 3
    assert "package no_such_package is missing" in capsys.readouterr().err
