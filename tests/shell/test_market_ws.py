"""The old names of the WebSocket shell go on working, wherever they are imported from."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from POLYMARKET_MAKER.Volatility_arbitrage_main_ws import (
    DEFAULT_URL,
    WSAggregatorClient,
    main,
    ws_watch_by_ids,
)
from tests.support import market_text as market
from tests.support.market_text import NO, YES
from tests.support.scripted_ws import ScriptedServer
from tests.support.simulator import running_simulator

WAIT_S = 5.0

HAND_TEST = """
import sys
sys.path.insert(0, sys.argv[1])
from Volatility_arbitrage_main_ws import ws_watch_by_ids
import threading
stop = threading.Event()
def show(event):
    print(event["event_type"], flush=True)
    stop.set()
ws_watch_by_ids([sys.argv[2]], "test", show, stop_event=stop)
import POLYMARKET_MAKER.Volatility_arbitrage_main_ws as same
assert same.ws_watch_by_ids is ws_watch_by_ids
"""


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def test_the_report_s_hand_test_works_from_any_directory(
    server: ScriptedServer, root: Path, tmp_path: Path
) -> None:
    """Only the program's folder is on sys.path, and the name is bare."""
    with subprocess.Popen(
        [sys.executable, "-c", HAND_TEST, str(root / "POLYMARKET_MAKER"), YES],
        cwd=tmp_path,
        env=os.environ | {"POLY_WS_URL": server.url},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        peer = server.accept().upgrade()
        peer.read_json()
        peer.send([market.book()])
        out, _ = process.communicate(timeout=15)

    assert process.returncode == 0
    assert out == "book\n"


def test_run_as_a_program_it_prints_events(
    server: ScriptedServer, root: Path, tmp_path: Path
) -> None:
    script = root / "POLYMARKET_MAKER" / "Volatility_arbitrage_main_ws.py"
    with subprocess.Popen(
        [sys.executable, str(script), "--source", f"{YES},{NO}", "--url", server.url],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        peer = server.accept().upgrade()
        assert peer.read_json()["assets_ids"] == [YES, NO]
        peer.send([market.book(), market.last_trade("0.5")])
        assert process.stdout is not None
        lines = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=15)

    assert [line["event_type"] for line in lines] == ["book", "last_trade_price"]
    assert process.returncode == 0


def test_a_market_may_be_named_by_the_address_of_its_page(root: Path, tmp_path: Path) -> None:
    """As before; its tokens come from the catalogue, without keys."""
    script = root / "POLYMARKET_MAKER" / "Volatility_arbitrage_main_ws.py"
    with running_simulator(tokens=2, no_flow=True) as sim:
        asked = httpx.get(f"{sim.urls['gamma']}/markets/keyset", trust_env=False)
        market_row = asked.json()["markets"][1]
        address = f"https://polymarket.com/event/{market_row['slug']}?tid=1"
        done = subprocess.run(
            [sys.executable, str(script), "--source", address, "--seconds", "3"],
            cwd=tmp_path,
            env=os.environ
            | {"POLY_WS_URL": sim.urls["ws_market"], "POLY_GAMMA_ROOT": sim.urls["gamma"]},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        lost = subprocess.run(
            [sys.executable, str(script), "--source", "no-such-market"],
            env=os.environ | {"POLY_GAMMA_ROOT": sim.urls["gamma"]},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    books = [json.loads(line) for line in done.stdout.splitlines()]
    assert {each["asset_id"] for each in books if each["event_type"] == "book"} == set(
        json.loads(market_row["clobTokenIds"])
    )
    assert market_row["question"] in done.stderr
    assert (lost.returncode, lost.stdout) == (1, "")
    assert lost.stderr == "gamma has no market and no event called 'no-such-market'\n"


@pytest.mark.parametrize("source", ["", ",", "https://example.com/event", "12,abc"])
def test_a_source_that_is_no_token_and_no_market_is_a_usage_error(
    source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--source", source])

    assert end.value.code == 2
    assert "expected token ids" in capsys.readouterr().err


def test_arrays_are_taken_apart_and_text_frames_left_out(server: ScriptedServer) -> None:
    events: queue.Queue[dict[str, Any]] = queue.Queue()
    client = WSAggregatorClient(events.put, url=server.url)
    client.subscribe([YES])
    client.start()
    peer = server.accept().upgrade()
    peer.read_json()
    peer.send("PONG")
    peer.send("{broken")
    peer.send([market.book(YES), market.book(NO)])

    assert [events.get(timeout=WAIT_S)["asset_id"] for _ in range(2)] == [YES, NO]
    assert client.is_connected()
    stats = client.get_stats()
    assert (stats["desired"], stats["confirmed"], stats["frames"]) == (1, 1, 3)
    client.stop()
    assert not client.is_connected()


def test_tokens_come_and_go(server: ScriptedServer) -> None:
    client = WSAggregatorClient(lambda _event: None, url=server.url)
    client.start()
    client.subscribe([YES])
    peer = server.accept().upgrade()
    assert peer.read_json()["assets_ids"] == [YES]

    client.subscribe([YES, NO])
    assert peer.read_json()["assets_ids"] == [NO]
    client.unsubscribe([NO])
    assert client.get_stats()["desired"] == 1
    client.stop()


def test_a_fault_of_the_callback_does_not_end_the_watch(server: ScriptedServer) -> None:
    seen: queue.Queue[str] = queue.Queue()

    def take(event: dict[str, Any]) -> None:
        seen.put(event["event_type"])
        raise RuntimeError("broken on purpose")

    client = WSAggregatorClient(take, url=server.url)
    client.subscribe([YES])
    client.start()
    peer = server.accept().upgrade()
    peer.send(market.book())
    peer.send(market.last_trade("0.5"))

    assert [seen.get(timeout=WAIT_S) for _ in range(2)] == ["book", "last_trade_price"]
    client.stop()


def test_states_are_told_in_the_old_words(server: ScriptedServer) -> None:
    states: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
    stop = threading.Event()
    watcher = threading.Thread(
        target=ws_watch_by_ids,
        args=([YES], "label", None),
        kwargs={"on_state": lambda *told: states.put(told), "stop_event": stop},
    )
    os.environ["POLY_WS_URL"] = server.url
    try:
        watcher.start()
        peer = server.accept().upgrade()
    finally:
        del os.environ["POLY_WS_URL"]
    peer.close(1001, "restart")
    server.accept().upgrade()

    told = [states.get(timeout=WAIT_S) for _ in range(4)]
    assert [state for state, _ in told] == ["connecting", "open", "closed", "connecting"]
    assert told[2][1] == {"reason": "closed by the exchange: code 1001 restart"}
    stop.set()
    watcher.join(timeout=2)
    assert not watcher.is_alive()


def test_no_token_is_an_error_and_not_an_empty_frame() -> None:
    with pytest.raises(ValueError, match="asset_ids was empty"):
        ws_watch_by_ids([], "label", None)


def test_the_default_is_production() -> None:
    assert DEFAULT_URL == "wss://ws-subscriptions-clob.polymarket.com/ws/market"
