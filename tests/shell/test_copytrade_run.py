"""The token source as a program of its own, reading the offline exchange."""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from POLYMARKET_MAKER.tokens import Tokens, TokenSource
from tests.support.program import ROOT, Ended, run_program
from tests.support.simulator import Simulator, running_simulator

SCRIPT = str(ROOT / "POLYMARKET_MAKER" / "copytrade_run.py")

pytestmark = pytest.mark.timeout(90)


@pytest.fixture(scope="module")
def exchange() -> Iterator[Simulator]:
    with running_simulator(tokens=4, no_flow=True, seed=3) as simulator:
        for token in simulator.tokens:
            for side, price in (("SELL", "0.98"), ("BUY", "0.02")):
                simulator.control(do="quote", token=token, side=side, price=price, size="100000")
        yield simulator


@dataclass
class Source:
    """A token source in a directory of its own, watching one account of the exchange."""

    folder: Path
    exchange: Simulator
    account: str = field(default_factory=lambda: f"0x{secrets.token_hex(20)}")

    def __post_init__(self) -> None:
        self.configure()
        shares = dict.fromkeys(self.exchange.tokens, "1000")
        self.exchange.control(do="fund", wallet=self.account, usd="100000", shares=shares)

    @property
    def env(self) -> dict[str, str]:
        return {
            "POLY_DATA_API_ROOT": self.exchange.urls["data"],
            "POLY_GAMMA_ROOT": self.exchange.urls["gamma"],
            "POLY_HOST": self.exchange.urls["clob"],
            "POLY_DATA_DIR": str(self.folder / "data"),
            "POLY_LOG_DIR": str(self.folder / "logs"),
        }

    def configure(self, **more: object) -> None:
        target = {"account": self.account, "min_size": 1}
        config = {"poll_interval_sec": 1, "initial_lookback_sec": 3600, "targets": [target], **more}
        (self.folder / "copytrade.json").write_text(json.dumps(config))

    def once(self, *options: str, **env: str) -> Ended:
        config = str(self.folder / "copytrade.json")
        command = (SCRIPT, "--config", config, "--once", *options)
        return run_program(*command, env=self.env | env, cwd=self.folder)

    @contextmanager
    def running(self, **env: str) -> Iterator[subprocess.Popen[str]]:
        """Run it without an end, until it has looked once."""
        process = subprocess.Popen(
            [sys.executable, SCRIPT, "--config", str(self.folder / "copytrade.json")],
            env={"PATH": "", **self.env, **env},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def trade(self, side: str, token: str, size: str = "5") -> None:
        price = {"BUY": "0.98", "SELL": "0.02"}[side]
        order = {"wallet": self.account, "token": token, "side": side, "price": price, "size": size}
        assert self.exchange.control(do="foreign_order", **order)["trades"]

    def fault(self, kind: str, count: int = 1) -> None:
        self.exchange.control(do="fault", path="/data-api/v2/activity", kind=kind, count=count)

    def seen(self) -> Tokens:
        data = self.folder / "data"
        source = TokenSource(
            tokens_path=data / "tokens_from_copytrade.json",
            signals_path=data / "copytrade_sell_signals.json",
        )
        return source.read(0.0)


@pytest.fixture
def source(tmp_path: Path, exchange: Simulator) -> Iterator[Source]:
    yield Source(tmp_path, exchange)
    exchange.control(do="clear_faults")


def read_line(process: subprocess.Popen[str], mark: str) -> str:
    """Wait for a line of the log that holds *mark*."""
    assert process.stderr is not None
    for line in process.stderr:
        if mark in line:
            return line
    raise AssertionError(f"it ended without saying {mark}")


def test_a_purchase_a_sale_and_a_purchase_again(source: Source) -> None:
    token = source.exchange.tokens[0]
    source.trade("BUY", token)
    assert source.once().code == 0
    assert source.seen().token_ids == (token,)

    source.trade("SELL", token)
    assert source.once().code == 0
    assert source.seen().token_ids == ()
    (sold,) = source.seen().signals
    assert (sold.token_id, sold.source_account) == (token, source.account)
    source.once()
    assert source.seen().signals == (sold,)

    source.trade("BUY", token)
    source.once()
    assert (source.seen().token_ids, source.seen().signals) == ((token,), ())


def test_a_token_that_was_only_sold_is_not_followed(source: Source) -> None:
    source.trade("SELL", source.exchange.tokens[0])

    assert source.once().code == 0
    assert (source.seen().token_ids, source.seen().signals) == ((), ())


def test_hundreds_of_trades_in_the_same_seconds_are_read_page_by_page(source: Source) -> None:
    """The only trade of the last token stands behind the end of the first page of 500."""
    first, *rest = source.exchange.tokens
    for _ in range(510):
        source.trade("BUY", first, "2")
    source.trade("BUY", rest[0], "2")

    ended = source.once()

    assert ended.code == 0, ended.err
    assert set(source.seen().token_ids) == {first, rest[0]}


@pytest.mark.parametrize("kind", ["429", "500", "drop", "garbage"])
def test_what_could_not_be_read_is_said_and_read_the_next_time(source: Source, kind: str) -> None:
    source.trade("BUY", source.exchange.tokens[0])
    source.fault(kind)

    failed = source.once()

    assert failed.code == 1
    assert "event=unreadable" in failed.err
    assert "Traceback" not in failed.err
    assert source.seen().token_ids == ()
    assert source.once().code == 0
    assert source.seen().token_ids == (source.exchange.tokens[0],)


def test_a_closed_market_leaves(source: Source) -> None:
    *_, kept, closed = source.exchange.tokens
    source.trade("BUY", closed)
    source.trade("BUY", kept)
    source.once()
    assert set(source.seen().token_ids) == {kept, closed}
    source.exchange.control(do="resolve", token=closed, event=False)

    source.once()

    assert source.seen().token_ids == (kept,)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_ends_at_once_with_0(source: Source, number: signal.Signals) -> None:
    source.configure(poll_interval_sec=3600)
    source.trade("BUY", source.exchange.tokens[0])
    with source.running() as process:
        read_line(process, "event=token")
        process.send_signal(number)

        assert process.wait(10) == 0
    assert source.seen().token_ids == (source.exchange.tokens[0],)


def test_killed_it_goes_on_where_it_stood(source: Source) -> None:
    first, second, *_ = source.exchange.tokens
    source.trade("BUY", first)
    with source.running() as process:
        read_line(process, "event=token")
        process.kill()
        process.wait()
    source.trade("SELL", first)
    source.trade("BUY", second)

    assert source.once().code == 0
    assert source.seen().token_ids == (second,)
    assert [each.token_id for each in source.seen().signals] == [first]


def test_told_by_sighup_it_reads_its_accounts_again_and_keeps_them_when_they_are_wrong(
    source: Source,
) -> None:
    with source.running() as process:
        read_line(process, "event=started")
        source.configure(targets=[])
        process.send_signal(signal.SIGHUP)
        assert "nothing_to_watch" in read_line(process, "event=reload_failed")
        source.configure()
        process.send_signal(signal.SIGHUP)

        assert "accounts=1" in read_line(process, "event=reloaded")


def test_a_second_one_for_the_same_files_does_not_start(source: Source) -> None:
    with source.running() as process:
        read_line(process, "event=started")

        ended = source.once()

    assert ended.code == 3
    assert "another copytrade_run.py runs" in ended.err


def test_it_ends_with_the_supervisor_that_started_it(source: Source) -> None:
    """One that is gone by now is no longer the parent."""
    with source.running(POLY_SUPERVISOR_PID="1") as process:
        assert process.wait(10) == 0


def test_no_key_is_read_and_none_is_told(source: Source) -> None:
    key = "0x" + "5e" * 32

    ended = source.once(POLY_KEY=key, POLY_FUNDER="nonsense", POLY_SIGNATURE="9")

    assert ended.code == 0
    written = [path.read_text() for path in source.folder.rglob("*") if path.is_file()]
    assert not any(key in text for text in [*written, ended.out, ended.err])


CASES: dict[str, tuple[dict[str, Any], int, str]] = {
    "no account": ({"targets": []}, 4, "nothing to watch"),
    "no account enabled": (
        {"targets": [{"account": f"0x{'a' * 40}", "enabled": False}]},
        4,
        "nothing to watch",
    ),
    "not an address": ({"targets": [{"account": "0x1"}]}, 4, "account needs 0x and 40 hex digits"),
    "unknown key": ({"poll_intervall_sec": 5}, 4, "did you mean 'poll_interval_sec'"),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_settings_are_one_sentence_and_an_exit_code(source: Source, case: str) -> None:
    change, code, sentence = CASES[case]
    source.configure(**change)

    ended = source.once()

    assert (ended.code, "Traceback" in ended.err) == (code, False)
    assert sentence in ended.err


def test_a_damaged_state_is_one_sentence_and_exit_code_3(source: Source) -> None:
    (source.folder / "data").mkdir()
    (source.folder / "data" / "copytrade_state.json").write_text("{")

    ended = source.once()

    assert (ended.code, "Traceback" in ended.err) == (3, False)
    assert "copytrade_state.json: " in ended.err


def test_an_address_that_live_refuses_is_exit_code_4(source: Source) -> None:
    ended = source.once(POLY_DATA_API_ROOT="http://data.example")

    assert ended.code == 4
    assert "POLY_DATA_API_ROOT" in ended.err


@pytest.mark.parametrize(("mode", "folder"), [("live", "elsewhere"), ("paper", "data")])
def test_only_live_writes_outside_of_its_data_directory(
    source: Source, tmp_path: Path, mode: str, folder: str
) -> None:
    """What paper follows must not become what live trades."""
    said = {
        f"{name}_file": str(tmp_path / "elsewhere" / f"{name}.json")
        for name in ("tokens", "sell_signals", "state")
    }
    config = json.loads((tmp_path / "copytrade.json").read_text())
    (tmp_path / "copytrade.json").write_text(json.dumps(config | said))

    assert source.once(POLY_RUN_MODE=mode).code == 0
    written = {path.parent.name for path in tmp_path.glob("*/tokens.json")}
    assert written == {folder}
    assert (tmp_path / folder / "state.json").exists()


def test_a_wrong_option_is_exit_code_2(source: Source) -> None:
    assert source.once("--twice").code == 2
