"""What surrounds the feed, over real processes: signals, crashes, reloads, orphans, requests.

Children that hang are part of ``test_day.py``: to find one takes half a minute.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from POLYMARKET_MAKER.token_files import SellSignal, Topic, encode_signals, encode_tokens
from polyshared import write_atomic
from tests.support.live_account import LiveAccount, live_account
from tests.support.program import ROOT, eventually, read_json, run_program
from tests.support.simulator import running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def follow(data: Path, *topics: Topic, signals: tuple[SellSignal, ...] = ()) -> None:
    """Be the token source."""
    data.mkdir(exist_ok=True)
    now = time.time()
    write_atomic(data / "copytrade_sell_signals.json", encode_signals(signals, now))
    write_atomic(data / "tokens_from_copytrade.json", encode_tokens(topics, now))


def test_a_sell_signal_sells_once_and_a_later_purchase_begins_anew(tmp_path: Path) -> None:
    with running_simulator(tokens=2, no_flow=True) as sim:
        token, other = sim.tokens[:2]
        topics = [Topic(each, last_seen_at=100.0) for each in (token, other)]
        follow(tmp_path / "data", *topics)
        with live_account(sim, tmp_path, tokens=0) as account:
            account.wait_for_orders(2)
            account.fill(token, 20)
            pids = {each: account.shown_pid(each) for each in (token, other)}

            sold = SellSignal(token, "signal-1", at=200.0)
            follow(tmp_path / "data", *topics, signals=(sold,))
            eventually(lambda: account.consumed() == ["signal-1"], within_s=40, what="the end")
            assert account.held(token) == 0
            assert account.ours(token) == []
            eventually(lambda: account.pid_of(token) is None, within_s=60, what="no child")
            assert not (account.run.data / f"exit_signal_{token}.json").exists()
            assert account.pid_of(other) == pids[other], "nobody else was touched"

            bought = Topic(token, last_seen_at=300.0)
            follow(tmp_path / "data", topics[1], bought)
            eventually(
                lambda: len(account.ours(token)) == 1, within_s=30, what="an order once more"
            )
            assert account.shown_pid(token) != pids[token]
            assert account.run.stop() == 0


def test_what_nobody_buys_rests_at_the_floor_of_its_exit_and_gives_up_its_slot(
    tmp_path: Path,
) -> None:
    """Bids are taken for 120 s, here 6; then the token that waits gets the slot."""
    scheduler = {"topic_start_cooldown_sec": 0, "max_concurrent_tasks": 1}
    with running_simulator(tokens=2, no_flow=True) as sim:
        token, other = sim.tokens[:2]
        follow(tmp_path / "data", Topic(token, last_seen_at=100.0))
        with live_account(
            sim, tmp_path, "--clock-scale", "20", tokens=0, scheduler=scheduler
        ) as account:
            account.wait_for_orders(1)
            account.fill(token, 20)
            sim.control(do="clear_book", token=token)
            for side, price in (("BUY", "0.30"), ("SELL", "0.90")):
                sim.control(do="quote", token=token, side=side, price=price, size="8")

            topics = [Topic(token, last_seen_at=100.0), Topic(other, last_seen_at=99.0)]
            sold = SellSignal(token, "signal-1", at=200.0)
            follow(tmp_path / "data", *topics, signals=(sold,))
            eventually(lambda: account.held(token) == 12, within_s=30, what="the bid was taken")
            eventually(
                lambda: (
                    [(each["side"], each["price"]) for each in account.ours(token)]
                    == [("SELL", "0.25")]
                ),
                within_s=60,
                what="what is left rests at the bid of the beginning less 0.05",
            )
            eventually(lambda: "reason=below_floor" in account.log(), within_s=60, what="a word")
            eventually(lambda: account.ours(other) != [], within_s=40, what="the other's turn")
            assert account.consumed() == [], "it is over when it is sold"

            account.buy_from_us(token)
            eventually(lambda: account.consumed() == ["signal-1"], within_s=40, what="the end")
            assert account.held(token) == 0
            assert account.run.stop() == 0
            assert account.orders() == []


def test_a_child_that_crashes_again_and_again_is_kept_away_with_nothing_open(
    tmp_path: Path,
) -> None:
    scheduler = {"topic_start_cooldown_sec": 0, "process_stagger_max_sec": 0}
    with (
        running_simulator(tokens=1, no_flow=True) as sim,
        live_account(sim, tmp_path, "--clock-scale", "4", scheduler=scheduler) as account,
    ):
        [token] = sim.tokens
        crashed: list[int | None] = [None]
        for _ in range(5):
            eventually(lambda: account.pid_of(token) not in crashed, within_s=40, what="a child")
            account.wait_for_orders(1)
            pid = account.shown_pid(token)
            os.kill(pid, signal.SIGKILL)
            crashed.append(pid)

        def status() -> object:
            return account.run.status()["tasks"][token]["status"]

        eventually(lambda: status() == "quarantined", within_s=60, what="the quarantine")
        eventually(lambda: account.orders() == [], within_s=10, what="nothing open")
        assert "event=quarantined" in account.log()
        assert account.run.stop() == 0


def test_an_orphan_of_a_killed_supervisor_never_trades_beside_its_successor(
    tmp_path: Path,
) -> None:
    with running_simulator(tokens=1, no_flow=True) as sim:
        [token] = sim.tokens
        with live_account(sim, tmp_path) as account:
            account.wait_for_orders(1)
            orphan = account.shown_pid(token)
            os.kill(orphan, signal.SIGSTOP)  # it cannot hear that its supervisor is gone
            account.run.process.kill()
            account.run.process.wait(10)
        with live_account(sim, tmp_path) as account:
            eventually(
                lambda: account.pid_of(token) not in (None, orphan), within_s=60, what="a child"
            )
            assert not Path(f"/proc/{orphan}").exists() or _is_zombie(orphan)
            assert "event=orphan" in account.log()
            account.wait_for_orders(1)
            assert account.run.stop() == 0
            assert account.orders() == []


def _is_zombie(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return stat.rpartition(")")[2].split()[0] == "Z"


def test_changed_settings_are_taken_over_while_it_runs(tmp_path: Path) -> None:
    with (
        running_simulator(tokens=2, no_flow=True) as sim,
        live_account(sim, tmp_path, tokens=0) as account,
    ):
        first, second = sim.tokens
        config = tmp_path / "global.json"
        scheduler = {"topic_start_cooldown_sec": 0, "process_stagger_max_sec": 0}

        def say(**keys: object) -> None:
            write_atomic(config, json.dumps({"scheduler": scheduler, **keys}).encode())

        say(tokens=[first])
        eventually(lambda: len(account.ours(first)) == 1, within_s=40, what="the first token")
        pid = account.shown_pid(first)
        config.write_text('{"tokens": ', encoding="utf-8")
        account.run.process.send_signal(signal.SIGHUP)
        eventually(lambda: "event=reload_failed" in account.log(), within_s=60, what="a refusal")
        assert account.pid_of(first) == pid, "a bad file keeps the old settings"

        say(tokens=[first, second])
        account.run.process.send_signal(signal.SIGHUP)
        eventually(lambda: len(account.ours(second)) == 1, within_s=40, what="the second token")

        say(tokens=[first, second], risk={"max_notional_per_token": 6})
        eventually(
            lambda: account.pid_of(first) not in (None, pid), within_s=40, what="a new child"
        )
        risk = read_json(account.run.data / f"run_params_{first}.json")["risk"]
        assert risk["max_notional_per_token"] == 6
        eventually(lambda: len(account.ours(second)) == 1, within_s=40, what="the second's, too")

        say(tokens=[first], risk={"max_notional_per_token": 6})
        eventually(lambda: account.pid_of(second) is None, within_s=40, what="no second child")
        eventually(lambda: account.ours(second) == [], within_s=40, what="its order is gone")
        eventually(lambda: len(account.ours(first)) == 1, within_s=40, what="the first token's")
        eventually(
            lambda: second not in account.run.status()["pending_topics"],
            within_s=10,
            what="a status without it",
        )
        assert account.run.stop() == 0


def test_requests_by_file_are_carried_out_and_answered(tmp_path: Path) -> None:
    with (
        running_simulator(tokens=1, no_flow=True) as sim,
        live_account(sim, tmp_path) as account,
    ):
        [token] = sim.tokens
        account.wait_for_orders(1)

        def polyshared(*command: str) -> tuple[int, str]:
            ended = run_program(
                "-m", "polyshared", *command, "--data-dir", str(account.run.data), cwd=ROOT
            )
            return ended.code, ended.out + ended.err

        assert polyshared("pause", token)[0] == 0
        eventually(lambda: account.ours() == [], within_s=20, what="nothing open")
        code, text = polyshared("resume", token)
        assert (code, "is resumed" in text) == (0, True)
        account.wait_for_orders(1)

        control = account.run.data / "control"
        pid = account.shown_pid(token)
        epoch = read_json(account.run.data / "ws_cache.json")["epoch"]
        for name, said in (("1-child", token), ("2-feed", None), ("3-nobody", "999")):
            request = {"schema": 1, "id": name, "request": "restart", "token": said, "by": "test"}
            write_atomic(control / f"{name}.json", json.dumps(request).encode())
        answers = [control / f"{name}.answer.json" for name in ("1-child", "2-feed", "3-nobody")]
        eventually(lambda: all(each.exists() for each in answers), within_s=60, what="answers")

        assert [read_json(each)["ok"] for each in answers] == [True, True, False]
        eventually(lambda: account.pid_of(token) not in (None, pid), within_s=30, what="a child")
        assert read_json(account.run.data / "ws_cache.json")["epoch"] != epoch
        account.wait_for_orders(1)
        assert account.run.stop() == 0


def test_children_that_outlive_their_supervisor_are_taken_over_as_they_are(tmp_path: Path) -> None:
    """`continue`: they trade on from their own lines; the next supervisor starts nothing twice."""
    scheduler = {
        "topic_start_cooldown_sec": 0,
        "process_stagger_max_sec": 0,
        "on_supervisor_loss": "continue",
    }
    with (
        running_simulator(tokens=2, no_flow=True) as sim,
        live_account(sim, tmp_path, tokens=2, scheduler=scheduler) as account,
    ):
        token = sim.tokens[0]
        account.wait_for_orders(2)
        pids = [account.shown_pid(each) for each in sim.tokens]
        account.run.process.kill()
        account.run.process.wait(10)
        try:
            account.sell_to_us(token, 20)
            eventually(
                lambda: any(order["side"] == "SELL" for order in account.ours(token)),
                within_s=60,
                what="a sell that nobody but the child can have placed",
            )
            with live_account(sim, tmp_path, tokens=2, scheduler=scheduler) as second:
                _is_taken_over(second, token, pids)
                assert second.run.stop() == 0
            assert account.orders() == []
            assert not any(_runs(pid) for pid in pids)
        finally:
            for pid in pids:
                if _runs(pid):
                    os.kill(pid, signal.SIGKILL)


def _is_taken_over(second: LiveAccount, token: str, pids: list[int]) -> None:
    eventually(
        lambda: (
            second.run.status()["pid"] == second.run.process.pid
            and sorted(second.run.pids()) == sorted(pids)
        ),
        within_s=30,
        what="the same children",
    )
    said = (second.run.logs.parent / "out.txt").read_text(encoding="utf-8")
    assert said.count("event=adopted") == 2
    assert second.held(token) > 0
    second.buy_from_us(token)
    eventually(lambda: second.held(token) == 0, within_s=30, what="its sale")
    eventually(
        lambda: [order["side"] for order in second.ours()] == ["BUY", "BUY"],
        within_s=30,
        what="one child a token, and each bids once",
    )


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and not _is_zombie(pid)


def test_children_that_trade_on_and_a_dead_man_switch_exclude_each_other(tmp_path: Path) -> None:
    with (
        running_simulator(tokens=1, no_flow=True) as sim,
        live_account(
            sim,
            tmp_path,
            scheduler={"on_supervisor_loss": "continue"},
            risk={"dead_man": True},
        ) as account,
    ):
        assert account.run.process.wait(30) == 2
        assert "contradict each other" in account.log()
