"""The supervisor's access to the account: ready after a whole read, and honest about proof."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

from POLYMARKET_MAKER import account_desk, account_keeper
from POLYMARKET_MAKER.account_desk import AccountDesk
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core import shares
from POLYMARKET_MAKER.core.model import Side
from POLYMARKET_MAKER.core.order import CancelResult, NewOrder, Placed
from POLYMARKET_MAKER.desk import LEDGER_NAME
from POLYMARKET_MAKER.errors import SettingsError
from POLYMARKET_MAKER.exchange import venue
from POLYMARKET_MAKER.exchange.auth import Credentials, SignatureType, Wallet
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.protocol import Exchange
from POLYMARKET_MAKER.exchange.public import Public
from POLYMARKET_MAKER.ledger.database import BUSY_S
from POLYMARKET_MAKER.settings import load_settings, parse_options
from POLYMARKET_MAKER.sim.venue import Options
from tests.sim.running import Running
from tests.support.live_account import ADDRESS, KEY
from tests.support.program import eventually

pytestmark = pytest.mark.timeout(150)
PATIENCE_S = 60


@dataclass
class House:
    """A simulator and what a supervisor of one throw-away account is handed."""

    sim: Running
    folder: Path
    http: Http

    def desk(
        self,
        *errand: str,
        dead_man: bool = False,
        adopts: bool = False,
        **env: str,
    ) -> AccountDesk:
        config = self.folder / "global.json"
        risk = {"dead_man": dead_man, "adopt_wallet_positions": adopts}
        config.write_text(json.dumps({"risk": risk}), encoding="utf-8")
        variables = {
            "POLY_KEY": KEY,
            "POLY_FUNDER": ADDRESS,
            "POLY_SIGNATURE": "0",
            "POLY_HOST": self.sim.urls["clob"],
            "POLY_WS_URL": self.sim.urls["ws_market"],
            "POLY_WS_USER_URL": self.sim.urls["ws_user"],
            "POLY_GAMMA_ROOT": self.sim.urls["gamma"],
            "POLY_DATA_API_ROOT": self.sim.urls["data"],
            "POLY_DATA_DIR": str(self.folder),
            **env,
        }
        options = parse_options(["--live", "--global-config", str(config), *errand])
        return AccountDesk(load_settings(env=variables, options=options), variables, Clock())

    def exchange(self, desk: AccountDesk) -> Exchange:
        """Return what a child of *desk* would trade through."""
        api = desk.keys.api
        assert api is not None
        urls = self.sim.urls
        public = Public(self.http, clob_url=urls["clob"], gamma_url=urls["gamma"])
        key = Credentials(api.key, api.secret, api.passphrase, ADDRESS)
        wallet = Wallet(KEY, ADDRESS, SignatureType.EOA)
        return venue.connect(public, self.http, urls["clob"], key, wallet, clock=Clock())

    def place(self, desk: AccountDesk) -> str:
        """Rest a buy of ours, as a child would."""
        assert desk.ledger is not None
        urls = self.sim.urls
        public = Public(self.http, clob_url=urls["clob"], gamma_url=urls["gamma"])
        market = public.market_info(self.sim.tokens[0])
        exchange = self.exchange(desk)
        order = NewOrder(market.token_id, Side.BUY, Decimal("0.02"), Decimal(60))
        signed = exchange.sign(order, market)
        desk.ledger.record_intent(signed, at=Clock().now(), reason="test")
        outcome = exchange.post(signed)
        assert isinstance(outcome, Placed), outcome
        desk.ledger.record_outcome(
            signed.order_id, outcome, at=Clock().now(), boot_s=Clock().boot()
        )
        return signed.order_id

    def forget(self) -> None:
        """Have the next desk begin with an empty ledger."""
        for path in self.folder.glob("ledger.db*"):
            path.unlink()

    def orders(self) -> list[str]:
        found: list[dict[str, Any]] = self.sim.control(do="orders", wallet=ADDRESS)["orders"]
        return [order["id"] for order in found]


def _raises(desk: AccountDesk) -> bool:
    try:
        desk.is_ready()
    except SettingsError:
        return True
    return False


def connect(desk: AccountDesk) -> None:
    """Connect, however long a busy machine takes over a request whose deadline is 5 s."""
    eventually(desk.connect, within_s=PATIENCE_S, what="the account")


def unreachable(house: House, monkeypatch: pytest.MonkeyPatch) -> AccountDesk:
    """Return a desk whose exchange has not answered; it does not go on asking for long."""
    house.sim.control(do="fault", path="/version", kind="500", count=100)
    monkeypatch.setattr(account_desk, "CANCEL_S", 0.1)
    monkeypatch.setattr(account_desk, "CONNECT_S", 0.0)
    desk = house.desk()
    assert not desk.connect()
    return desk


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    http = Http()
    sim = Running(Options(tokens=1, flow=False))
    yield House(sim, tmp_path, http)
    sim.stop()
    http.close()


def test_it_is_ready_once_the_account_was_read_whole(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_desk, "CONNECT_S", 0.0)
    desk = house.desk()
    house.sim.control(do="fault", path="/data/trades", kind="500", count=1)
    assert not desk.connect()
    assert desk.venue()["state"] == "unreachable"

    connect(desk)
    assert desk.is_ready()
    assert desk.ledger is not None
    assert desk.ledger.account_read_at() is not None
    assert desk.venue()["state"] == "open"
    eventually(
        lambda: desk.venue()["user_channel"] == "open", within_s=PATIENCE_S, what="the channel"
    )
    desk.close()


def test_what_is_ours_is_cancelled_and_what_is_foreign_stays(house: House) -> None:
    desk = house.desk()
    connect(desk)
    order_id = house.place(desk)
    made = house.sim.control(
        do="foreign_order",
        wallet=ADDRESS,
        token=house.sim.tokens[0],
        side="BUY",
        price="0.01",
        size="9",
    )
    assert order_id in house.orders()

    assert desk.cancel_all() == frozenset()

    assert house.orders() == [made["order_id"]]
    desk.close()


def test_what_a_child_left_is_cleared_beside_the_caller(house: House) -> None:
    desk = house.desk()
    connect(desk)
    house.place(desk)
    token = house.sim.tokens[0]

    desk.clear(token)

    assert not desk.is_clear(token)
    eventually(lambda: desk.is_clear(token), within_s=PATIENCE_S, what="the proof")
    assert house.orders() == []
    desk.close()


def test_what_is_to_be_cleared_before_the_account_is_connected_is_cleared_then(
    house: House,
) -> None:
    first = house.desk()
    connect(first)
    house.place(first)
    first.close()
    token = house.sim.tokens[0]
    second = house.desk()

    second.clear(token)

    assert not second.is_clear(token)
    connect(second)
    eventually(lambda: second.is_clear(token), within_s=PATIENCE_S, what="the proof")
    assert house.orders() == []
    second.close()


def test_a_stop_that_comes_before_the_login_cancels_what_an_earlier_run_left(
    house: House,
) -> None:
    first = house.desk()
    connect(first)
    order_id = house.place(first)
    first.close()
    assert house.orders() == [order_id]

    second = house.desk()  # told to stop before it asked for anything

    assert second.cancel_all() == frozenset()
    assert house.orders() == []
    second.close()


NO_ORDERS = [{"do": "closed_only", "on": True}, {"do": "version", "version": 3}]


@pytest.mark.parametrize("trouble", NO_ORDERS)
def test_cancel_open_asks_for_nothing_that_only_orders_need(
    house: House, trouble: dict[str, object]
) -> None:
    first = house.desk()
    connect(first)
    house.place(first)
    first.close()
    house.sim.control(**trouble)

    errand = house.desk("--cancel-open")
    connect(errand)

    assert errand.cancel_all() == frozenset()
    assert house.orders() == []
    errand.close()


@pytest.mark.parametrize("trouble", NO_ORDERS)
def test_a_run_that_may_place_nothing_cancels_what_an_earlier_one_left(
    house: House, trouble: dict[str, object]
) -> None:
    first = house.desk()
    connect(first)
    house.place(first)
    first.close()
    house.sim.control(**trouble)
    second = house.desk()
    eventually(lambda: _raises(second), within_s=PATIENCE_S, what="the refusal")

    assert second.cancel_all() == frozenset()
    assert house.orders() == []
    second.close()


def test_a_stop_does_not_knock_again_where_we_are_not_let_in(house: House) -> None:
    first = house.desk()
    connect(first)
    order_id = house.place(first)
    first.close()
    second = house.desk(POLY_KEY="0x" + "00" * 32)
    eventually(lambda: _raises(second), within_s=PATIENCE_S, what="the refusal")
    asked = house.sim.stats()["requests"]["GET /version"]

    assert second.cancel_all() == {order_id}

    assert house.sim.stats()["requests"]["GET /version"] == asked
    second.close()


def test_orders_of_an_earlier_run_are_not_gone_because_nobody_could_ask(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = house.desk()
    connect(first)
    order_id = house.place(first)
    first.close()

    second = unreachable(house, monkeypatch)

    assert second.cancel_all() == {order_id}
    second.close()


def test_that_a_ledger_has_all_as_over_is_no_proof_when_nobody_could_ask(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The word of the ledger is that of processes of which one had no time for its proof."""
    first = house.desk()
    connect(first)
    house.place(first)
    first.clear(house.sim.tokens[0])
    eventually(lambda: first.is_clear(house.sim.tokens[0]), within_s=PATIENCE_S, what="its end")
    assert first.ledger is not None
    assert first.ledger.open_order_ids() == []
    first.close()

    second = unreachable(house, monkeypatch)

    assert second.cancel_all() == {f"any order of {house.folder / LEDGER_NAME}"}
    second.close()


def test_what_an_earlier_run_proved_stays_proven_until_the_next_order(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = house.desk()
    connect(first)
    house.place(first)
    assert first.cancel_all() == frozenset()
    first.close()
    second = unreachable(house, monkeypatch)
    assert second.cancel_all() == frozenset()
    second.close()
    house.sim.control(do="clear_faults")
    third = house.desk()
    connect(third)
    assert third._entry.care is not None
    third._entry.care.close()  # it would hear of the order, and correct the ledger
    assert third.ledger is not None
    third.ledger.record_gone(house.place(third), reason="as a child may believe")
    third.close()

    fourth = unreachable(house, monkeypatch)

    assert fourth.cancel_all() == {f"any order of {house.folder / LEDGER_NAME}"}
    fourth.close()


def test_a_ledger_that_somebody_holds_for_a_while_ends_no_proof(house: House) -> None:
    desk = house.desk()
    connect(desk)
    house.place(desk)
    assert desk._entry.care is not None
    desk._entry.care.close()  # who else writes would have to wait in turn
    with closing(sqlite3.connect(house.folder / LEDGER_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ended = Queue[frozenset[str]]()
        thread = threading.Thread(target=lambda: ended.put(desk.cancel_all()))
        thread.start()
        eventually(lambda: house.orders() == [], within_s=PATIENCE_S, what="the cancel itself")
        with pytest.raises(Empty):
            ended.get(timeout=2 * BUSY_S)  # the answer cannot be written all that time
        other.execute("ROLLBACK")

    assert ended.get(timeout=PATIENCE_S) == frozenset()
    thread.join()
    desk.close()


def test_what_the_exchange_lists_is_cancelled_although_the_ledger_has_it_as_over(
    house: House,
) -> None:
    desk = house.desk()
    connect(desk)
    assert desk._entry.care is not None
    desk._entry.care.close()  # it would hear of the order, and correct the ledger
    order_id = house.place(desk)
    assert desk.ledger is not None
    desk.ledger.record_cancel(CancelResult((order_id,), {}))  # so it was said, and it rests
    assert desk.ledger.open_order_ids() == []
    assert order_id in house.orders()

    assert desk.cancel_all() == frozenset()

    assert house.orders() == []
    desk.close()


def test_an_order_that_was_listed_is_named_although_ledger_and_proof_have_it_as_over(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is younger than both; after it the exchange did not cancel any more."""
    monkeypatch.setattr(account_desk, "CANCEL_S", 1.0)
    desk = house.desk()
    connect(desk)
    assert desk._entry.care is not None
    desk._entry.care.close()  # it would correct the ledger
    order_id = house.place(desk)
    assert desk.account is not None
    assert desk.ledger is not None
    shown = desk.account.order(order_id)
    assert shown is not None
    desk.ledger.record_order(replace(shown, status="CANCELED"))  # the last word, so it seemed
    desk.ledger.note_proof(desk.ledger.orders_meant())
    house.sim.control(do="fault", path="/orders", method="DELETE", kind="500", count=100)

    assert desk.cancel_all() == {order_id}
    desk.close()


def test_an_exchange_that_cancels_nothing_leaves_survivors(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_desk, "CANCEL_S", 0.1)
    desk = house.desk()
    connect(desk)
    order_id = house.place(desk)
    house.sim.control(do="fault", path="/orders", method="DELETE", kind="500", count=100)

    assert desk.cancel_all() == {order_id}
    desk.close()


def test_shares_that_left_the_wallet_are_booked_while_it_runs(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the account's own reads, here every half second instead of every 30."""
    monkeypatch.setattr(account_keeper, "READ_EVERY_S", 0.5)
    monkeypatch.setattr(shares, "LEAST_APART_S", 0.1)
    token = house.sim.tokens[0]
    house.sim.control(do="fund", wallet=ADDRESS, shares={token: "4"})
    desk = house.desk()
    connect(desk)
    assert desk.ledger is not None
    desk.ledger.record_external("test", token, Side.BUY, Decimal(10), price=None, at=0.0)

    def held() -> Decimal:
        assert desk.ledger is not None
        return desk.ledger.position(token).size

    eventually(lambda: held() == 4, within_s=PATIENCE_S, what="the shortfall of 6 shares")
    desk.close()


def test_shares_of_the_wallet_are_adopted_before_a_child_can_buy_more(house: House) -> None:
    token = house.sim.tokens[0]
    first = house.desk()
    connect(first)
    house.place(first)
    house.sim.control(do="trade", token=token, side="SELL", size="1000000", price="0.02")
    eventually(
        lambda: first.ledger is not None and first.ledger.position(token).size == 60,
        within_s=PATIENCE_S,
        what="60 shares",
    )
    first.close()
    house.forget()

    stranger = house.desk()
    connect(stranger)
    assert stranger.ledger is not None
    assert stranger.ledger.position(token).is_flat, "without the setting they are foreign"
    stranger.close()
    house.forget()

    desk = house.desk(adopts=True)
    connect(desk)
    assert desk.ledger is not None
    assert desk.ledger.position(token).size == 60
    assert desk.ledger.position(token).entry_price == Decimal("0.02")
    desk.close()


def test_with_the_switch_on_orders_go_under_a_key_of_its_own_and_the_old_ones_are_cancelled(
    house: House,
) -> None:
    """Armed is the new key only: what another program posts under the old one stays."""
    before = house.desk()
    connect(before)
    house.place(before)
    assert before.keys.api is not None
    before.close()
    assert house.sim.stats().get("heartbeats") is None

    desk = house.desk(dead_man=True)
    connect(desk)

    assert house.orders() == []
    assert desk.keys.api is not None
    assert desk.keys.api.key != before.keys.api.key
    assert desk.keys.api.key in desk.child_environment(None).values()
    assert before.keys.api.key not in desk.child_environment(None).values()
    assert house.sim.stats()["heartbeats"]["taken"] >= 2
    assert desk.venue()["dead_man"] == "beating"
    desk.close()


@pytest.mark.parametrize("errand", ["--flatten", "--cancel-open"])
def test_an_errand_arms_no_switch_and_cancels_only_when_it_is_told_to(
    house: House, errand: str
) -> None:
    before = house.desk()
    connect(before)
    order_id = house.place(before)
    before.close()

    desk = house.desk(errand, dead_man=True)
    connect(desk)
    assert house.orders() == [order_id], "the operator was not asked yet"
    assert desk.cancel_all() == frozenset()

    assert house.orders() == []
    assert house.sim.stats().get("heartbeats") is None
    desk.close()


def test_credentials_set_by_hand_are_not_used_for_the_switch(house: House) -> None:
    by_hand = {"POLY_API_KEY": "k", "POLY_API_SECRET": "c2Vj", "POLY_API_PASSPHRASE": "p"}
    desk = house.desk(dead_man=True, adopts=False, **by_hand)
    connect(desk)

    assert desk.keys.api is not None
    assert desk.keys.api.key != "k"
    desk.close()


def test_credentials_set_by_hand_are_used_and_the_exchange_is_not_asked_for_others(
    house: House,
) -> None:
    """The address that goes with them follows from the private key."""
    first = house.desk()
    connect(first)
    api = first.keys.api
    assert api is not None
    first.close()
    before = house.sim.stats()["requests"]
    by_hand = {
        "POLY_API_KEY": api.key,
        "POLY_API_SECRET": api.secret,
        "POLY_API_PASSPHRASE": api.passphrase,
    }

    desk = house.desk(dead_man=False, adopts=False, **by_hand)
    connect(desk)

    assert desk.keys.api == api
    assert ADDRESS in desk.child_environment(None).values()
    after = house.sim.stats()["requests"]
    auth = {name for name in after if "api-key" in name}
    assert auth, "the first desk had to ask"
    assert all(after[name] == before[name] for name in auth)
    desk.close()


def test_a_key_without_a_point_is_told_without_asking_the_exchange(house: House) -> None:
    by_hand = {"POLY_API_KEY": "k", "POLY_API_SECRET": "c2Vj", "POLY_API_PASSPHRASE": "p"}
    desk = house.desk(dead_man=False, adopts=False, POLY_KEY="00" * 32, **by_hand)

    with pytest.raises(SettingsError, match="POLY_KEY was not a private key"):
        desk.connect()
    desk.close()


def test_an_exchange_that_hangs_does_not_hold_up_who_asks(house: House) -> None:
    """The supervisor's loop asks five times a second, and looks after children meanwhile."""
    house.sim.control(do="fault", path="/version", kind="timeout", count=1)
    desk = house.desk()

    assert not desk.is_ready()

    assert desk.venue()["state"] == "unknown", "it came back before the exchange answered"
    eventually(
        lambda: desk.venue()["state"] == "unreachable", within_s=PATIENCE_S, what="the deadline"
    )
    eventually(desk.is_ready, within_s=PATIENCE_S, what="a second try")
    assert desk.venue()["state"] == "open"
    desk.close()


def test_what_makes_it_impossible_is_told_to_who_asks_and_not_tried_again(house: House) -> None:
    house.sim.control(do="closed_only", on=True)
    desk = house.desk()

    eventually(lambda: _raises(desk), within_s=PATIENCE_S, what="the refusal")
    asked = house.sim.stats()["requests"]["GET /version"]
    assert _raises(desk)
    assert house.sim.stats()["requests"]["GET /version"] == asked
    desk.close()


def test_after_a_stop_nothing_is_opened_any_more(house: House) -> None:
    house.sim.control(do="fault", path="/version", kind="slow", count=1, seconds=1)
    desk = house.desk()
    assert not desk.is_ready()

    assert desk.cancel_all() == frozenset()

    assert desk.account is None
    assert not desk.is_ready()
    desk.close()


def test_a_wallet_that_cannot_trade_is_told_and_nothing_is_armed(house: House) -> None:
    house.sim.control(do="closed_only", on=True)
    desk = house.desk(dead_man=True)

    with pytest.raises(SettingsError):
        desk.connect()
    assert house.sim.stats().get("heartbeats") is None
    desk.close()
