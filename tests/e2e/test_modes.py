"""Paper reads no key, a child is never more live than its file, a recording is an exchange."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.program import ROOT, eventually, read_json, run_program, supervised
from tests.support.simulator import addresses, running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
CHILD = ROOT / "POLYMARKET_MAKER" / "Volatility_arbitrage_run.py"


def test_paper_reads_no_key_and_sends_no_order(tmp_path: Path) -> None:
    """The keys are wrong on purpose: whoever read one would fail."""
    wrong = {"POLY_KEY": "not a key", "POLY_FUNDER": "nobody", "POLY_API_KEY": "x"}
    with running_simulator(tokens=2) as sim:
        with supervised(
            *("--paper", "--tokens", ",".join(sim.tokens)),
            directory=tmp_path,
            env={**addresses(sim), **wrong},
        ) as run:

            def trades_on_paper() -> bool:
                children = run.children().values()
                return len(children) == 2 and all(
                    child["stages"]["signal"]["reason"] != "starting" for child in children
                )

            eventually(trades_on_paper, within_s=30, what="two children that decide")
            environments = [
                Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") for pid in run.shown_pids(2)
            ]
            assert run.stop() == 0
        requests = sim.stats().get("requests", {})

    for environment in environments:
        names = {pair.partition(b"=")[0] for pair in environment}
        assert names.isdisjoint({b"POLY_KEY", b"POLY_API_KEY", b"POLY_FUNDER"})
    assert not [name for name in requests if name.startswith(("POST /order", "POST /auth"))]
    assert not [name for name in requests if "/data/" in name], "paper asked for an account"


def test_a_child_by_hand_works_from_another_directory(tmp_path: Path) -> None:
    with running_simulator(tokens=1) as sim:
        params = tmp_path / "run_params.json"
        params.write_text(
            json.dumps(
                {
                    "mode": "paper",
                    "token_id": sim.tokens[0],
                    "data_dir": str(tmp_path / "data"),
                    "log_dir": str(tmp_path / "logs"),
                    "urls": {
                        name: sim.urls[name]
                        for name in ("clob", "ws_market", "ws_user", "gamma", "data")
                    },
                }
            ),
            encoding="utf-8",
        )
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        process = subprocess.Popen(
            [sys.executable, str(CHILD), str(params)],
            cwd=elsewhere,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            status = tmp_path / "data" / "children" / f"{sim.tokens[0]}.json"
            eventually(
                lambda: read_json(status)["quote"]["health"] == "live",
                within_s=60,
                what="a live quote on the child's own line",
            )
            assert read_json(status)["source"] == "direct"
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=30)
        finally:
            process.kill()

    assert process.returncode == 0, out
    assert "[PX]" in out
    assert "Traceback" not in out


def test_a_child_is_never_more_live_than_its_file(tmp_path: Path) -> None:
    params = tmp_path / "run_params.json"
    params.write_text(json.dumps({"mode": "paper", "token_id": "1"}), encoding="utf-8")

    ended = run_program(str(CHILD), str(params), env={"POLY_RUN_MODE": "live"})

    assert ended.code == 2
    assert "Traceback" not in ended.out + ended.err


def test_what_was_recorded_is_replayed_to_its_end(tmp_path: Path) -> None:
    """A demo's own frames, recorded, run through the same program in paper mode."""
    frames = tmp_path / "frames.jsonl"
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with supervised(
        "--demo", "--seconds", "10", "--record", str(frames), directory=first
    ) as recording:
        assert recording.process.wait(60) == 0

    began = time.monotonic()
    with supervised("--replay", f"{frames}@2", directory=second) as replaying:
        assert replaying.process.wait(60) == 0
        children = replaying.children()
        received = replaying.status()["aggregator"]["frames"]["received"]
        unreadable = replaying.status()["aggregator"]["unreadable"]

    assert time.monotonic() - began >= 4  # it took recorded time, not no time
    assert len(children) >= 2
    assert received["price_change"] > 20
    assert unreadable == 0
