"""The whole way of a token, over real processes: a watched account buys, sells, and so do we.

Nobody here is played: the token source reads the simulator's data API, the supervisor starts
it, and the child that trades, and the one that only sells.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.live_account import KEY, LiveAccount, live_account
from tests.support.program import eventually, read_json
from tests.support.simulator import Simulator, running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

WATCHED = "0x" + "a1" * 20
SHARES = 20


def settings_of(folder: Path) -> dict[str, Any]:
    """Have the supervisor run the token source, which looks at one account every second."""
    accounts = folder / "accounts.json"
    target = {"account": WATCHED, "min_size": 1, "enabled": True}
    accounts.write_text(json.dumps({"poll_interval_sec": 1, "targets": [target]}))
    return {"tokens": 0, "copytrade": {"autostart": True, "config": str(accounts)}}


def watched_account_trades(sim: Simulator, side: str, token: str) -> None:
    price = {"BUY": "0.99", "SELL": "0.01"}[side]
    order = {"wallet": WATCHED, "token": token, "side": side, "price": price, "size": "5"}
    assert sim.control(do="foreign_order", **order)["trades"]


def task(account: LiveAccount, token: str) -> dict[str, Any]:
    """Return what the supervisor of now says of a token."""
    status = account.run.status()
    if status["pid"] != account.run.process.pid:
        raise ValueError("the status file is of an earlier supervisor")
    found: dict[str, Any] = status["tasks"][token]
    return found


def signals(account: LiveAccount) -> list[str]:
    """Return the ids of the signals that the token source tells."""
    told = read_json(account.run.data / "copytrade_sell_signals.json")["sell_tokens"]
    return [each["id"] for each in told]


def handled(account: LiveAccount) -> list[str]:
    found = read_json(account.run.data / "handled_topics.json")["topics"]
    assert isinstance(found, list)
    return found


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_an_account_s_purchase_and_sale_are_followed_to_the_end_through_a_power_cut(
    tmp_path: Path,
) -> None:
    settings = settings_of(tmp_path)
    with running_simulator(tokens=2, no_flow=True) as sim:
        token, other = sim.tokens
        sim.control(do="fund", wallet=WATCHED, usd="1000", shares={other: "50"})
        with live_account(sim, tmp_path, **settings) as account:
            source = _is_bought_after_the_account(account, token, other)
            _is_cut_off_while_it_sells(account, token)
        eventually(lambda: is_gone(source), within_s=30, what="the end of the token source")
        with live_account(sim, tmp_path, **settings) as account:
            _is_sold_once(account, token)
            source = account.run.status()["token_source"]["pid"]
            assert account.run.stop() == 0
            assert account.orders() == []
            assert is_gone(source), "it ends with who started it"


def _is_bought_after_the_account(account: LiveAccount, token: str, other: str) -> int:
    """A purchase introduces its token and no other; return the pid of the token source."""
    eventually(
        lambda: account.run.status()["token_source"]["state"] == "running",
        within_s=60,
        what="the token source",
    )
    source: int = account.run.status()["token_source"]["pid"]
    assert KEY.removeprefix("0x").encode() not in Path(f"/proc/{source}/environ").read_bytes()
    eventually(
        (account.run.data / "copytrade_state.json").exists, within_s=60, what="its first look"
    )

    watched_account_trades(account.sim, "SELL", other)  # it never bought that one
    watched_account_trades(account.sim, "BUY", token)
    account.wait_for_orders(1)
    assert handled(account) == [token]
    assert list(account.run.status()["tasks"]) == [token]
    account.fill(token, SHARES)
    return source


def _is_cut_off_while_it_sells(account: LiveAccount, token: str) -> None:
    """The sale is told, the exchange takes no order, and everything of ours dies."""
    account.sim.control(do="mode", mode="restart")
    watched_account_trades(account.sim, "SELL", token)
    eventually(
        (account.run.data / f"exit_signal_{token}.json").exists, within_s=60, what="the signal"
    )
    account.pull_the_plug()
    account.sim.control(do="mode", mode="normal")
    assert account.consumed() == []
    assert account.held(token) == SHARES


def _is_sold_once(account: LiveAccount, token: str) -> None:
    """The next supervisor sells what the ledger holds, and nobody trades the token any more."""
    eventually(lambda: len(account.consumed()) > 0, within_s=120, what="the signal acted on")
    assert account.consumed() == signals(account)
    assert account.held(token) == 0
    assert account.shares() == {}
    [(sold,)] = account.query("SELECT sum(size) FROM fills WHERE side = 'SELL'")
    assert float(sold) == SHARES
    assert (account.run.logs / f"autorun_exit_{token}.log").exists(), "by a child that only sells"

    eventually(lambda: task(account, token)["pid"] is None, within_s=30, what="no child")
    eventually(lambda: handled(account) == [], within_s=30, what="its next purchase is a new one")
    eventually(lambda: account.run.status()["pending_topics"] == [], within_s=30, what="no queue")
    assert not (account.run.data / f"exit_signal_{token}.json").exists()
