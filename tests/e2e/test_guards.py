"""What must not happen to money, whatever somebody types: found by trying it once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.order import NewOrder, SignedOrder
from POLYMARKET_MAKER.ledger import Identity, Ledger
from tests.support.live_account import ADDRESS, KEY
from tests.support.program import (
    ROOT,
    Supervised,
    eventually,
    read_json,
    run_program,
    supervised,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
CHILD = ROOT / "POLYMARKET_MAKER" / "Volatility_arbitrage_run.py"


def test_a_demo_never_replaces_the_ledger_of_real_money(tmp_path: Path) -> None:
    """POLY_DATA_DIR of a live installation, and --demo typed in the wrong window."""
    real = Identity("live", "https://clob.polymarket.com", 137, "0x1")
    with Ledger.open(tmp_path / "ledger.db", real):
        pass
    before = (tmp_path / "ledger.db").read_bytes()

    ended = run_program(
        *("poly_maker_autorun.py", "--demo", "--seconds", "3"),
        env={"POLY_DATA_DIR": str(tmp_path), "POLY_LOG_DIR": str(tmp_path / "logs")},
    )

    assert ended.code == 4
    assert "ledger of a live run" in ended.err
    assert (tmp_path / "ledger.db").read_bytes() == before


def test_a_token_has_one_child_at_a_time(tmp_path: Path) -> None:
    """The second one is told to come back later, and trades nothing meanwhile."""
    params = tmp_path / "run_params.json"
    nowhere = dict.fromkeys(("clob", "gamma", "data"), "http://127.0.0.1:9")
    nowhere |= dict.fromkeys(("ws_market", "ws_user"), "ws://127.0.0.1:9/ws")
    content = {"mode": "paper", "token_id": "1", "data_dir": str(tmp_path / "data")}
    params.write_text(json.dumps(content | {"urls": nowhere}), encoding="utf-8")
    first = subprocess.Popen(
        [sys.executable, str(CHILD), str(params)], stdout=subprocess.DEVNULL, cwd=tmp_path
    )
    try:
        status = tmp_path / "data" / "children" / "1.json"
        eventually(status.exists, within_s=30, what="the first child's status")
        second = run_program(str(CHILD), str(params))
    finally:
        first.terminate()
        first.wait(30)

    assert second.code == 75
    assert "another child" in second.out


@pytest.mark.parametrize(("is_open", "code"), [(True, 5), (False, 0)])
def test_a_child_that_never_reached_the_exchange_does_not_call_orders_gone(
    tmp_path: Path, *, is_open: bool, code: int
) -> None:
    """By hand there is no supervisor that would cancel what an earlier life left."""
    params, data = tmp_path / "run_params.json", tmp_path / "data"
    nowhere = dict.fromkeys(("clob", "gamma", "data"), "http://127.0.0.1:9")
    nowhere |= dict.fromkeys(("ws_market", "ws_user"), "ws://127.0.0.1:9/ws")
    content = {"mode": "live", "token_id": "1", "data_dir": str(data), "urls": nowhere}
    params.write_text(json.dumps(content), encoding="utf-8")
    data.mkdir()
    with Ledger.open(data / "ledger.db", Identity("live", nowhere["clob"], 137, ADDRESS)) as ledger:
        for token_id in ("1", "2") if is_open else ("2",):
            order = NewOrder(token_id, Side.BUY, Decimal("0.4"), Decimal(10))
            ledger.record_intent(SignedOrder(order, f"0x{token_id}", b"{}"), at=1, reason="test")
    keys = {"POLY_KEY": KEY, "POLY_FUNDER": ADDRESS, "POLY_SIGNATURE": "0"}
    out = tmp_path / "out.txt"
    with out.open("wb") as file:
        child = subprocess.Popen(
            [sys.executable, str(CHILD), str(params)],
            cwd=tmp_path,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **keys},
        )
        try:
            status = data / "children" / "1.json"
            eventually(
                lambda: read_json(status)["stages"]["venue"]["reason"] == "unreachable",
                within_s=60,
                what="a child that waits",
            )
            child.terminate()
            assert child.wait(30) == code, out.read_text(encoding="utf-8")
        finally:
            child.kill()


def offline_exchanges(run: Supervised) -> list[int]:
    """Return the pids of the simulators that a demo has started."""
    listing = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(run.process.pid)],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [int(line.split()[0]) for line in listing.splitlines() if ".sim" in line]


def test_the_offline_exchange_has_no_secret_and_its_death_does_not_hide_the_summary(
    tmp_path: Path,
) -> None:
    """When the exchange is gone orders may be open, and the exit code says so."""
    secrets = {"POLY_KEY": "11" * 32, "POLY_API_SECRET": "c2VjcmV0", "POLY_FUNDER": "0x1"}
    with supervised("--demo", directory=tmp_path, env=secrets) as run:

        def has_orders() -> bool:
            return any(child["open_orders"] for child in run.children().values())

        eventually(has_orders, within_s=60, what="a resting order")
        (exchange,) = offline_exchanges(run)
        environment = Path(f"/proc/{exchange}/environ").read_bytes()
        assert not [name for name in secrets if name.encode() + b"=" in environment]

        os.kill(exchange, signal.SIGKILL)
        code = run.stop(timeout_s=90)

    text = (tmp_path / "out.txt").read_text(encoding="utf-8")
    assert code == 5, text
    assert "may still be open: " in text
    assert "not known" in text
