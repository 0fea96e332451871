"""The supervisor's access to the account: ready after a whole read, and honest about proof."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from POLYMARKET_MAKER import desk as desk_module
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.model import NewOrder, Placed, Side
from POLYMARKET_MAKER.desk import AccountDesk
from POLYMARKET_MAKER.errors import SettingsError
from POLYMARKET_MAKER.exchange.auth import Credentials, SignatureType, Wallet
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.protocol import Exchange
from POLYMARKET_MAKER.exchange.public import Public
from POLYMARKET_MAKER.exchange.venue import connect
from POLYMARKET_MAKER.settings import load_settings, parse_options
from tests.support.live_account import ADDRESS, KEY
from tests.support.program import eventually
from tests.support.simulator import Simulator, running_simulator

pytestmark = pytest.mark.timeout(60)


@dataclass
class House:
    """A simulator and what a supervisor of one throw-away account is handed."""

    sim: Simulator
    folder: Path
    http: Http

    def desk(self, *, dead_man: bool = False, **env: str) -> AccountDesk:
        config = self.folder / "global.json"
        config.write_text(json.dumps({"risk": {"dead_man": dead_man}}), encoding="utf-8")
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
        options = parse_options(["--live", "--global-config", str(config)])
        return AccountDesk(load_settings(env=variables, options=options), variables, Clock())

    def exchange(self, desk: AccountDesk) -> Exchange:
        """Return what a child of *desk* would trade through."""
        api = desk.keys.api
        assert api is not None
        urls = self.sim.urls
        public = Public(self.http, clob_url=urls["clob"], gamma_url=urls["gamma"])
        key = Credentials(api.key, api.secret, api.passphrase, ADDRESS)
        wallet = Wallet(KEY, ADDRESS, SignatureType.EOA)
        return connect(public, self.http, urls["clob"], key, wallet, clock=Clock())

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
        desk.ledger.record_outcome(signed.order_id, outcome, at=Clock().now())
        return signed.order_id

    def orders(self) -> list[str]:
        found: list[dict[str, Any]] = self.sim.control(do="orders", wallet=ADDRESS)["orders"]
        return [order["id"] for order in found]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    http = Http()
    with running_simulator(tokens=1, no_flow=True) as sim:
        yield House(sim, tmp_path, http)
    http.close()


def test_it_is_ready_once_the_account_was_read_whole(house: House) -> None:
    desk = house.desk()
    house.sim.control(do="fault", path="/data/trades", kind="500", count=1)
    assert not desk.is_ready()
    assert desk.venue()["state"] == "unreachable"
    desk._not_before = 0.0

    assert desk.is_ready()
    assert desk.ledger is not None
    assert desk.ledger.account_read_at() is not None
    assert desk.venue()["state"] == "open"
    eventually(lambda: desk.venue()["user_channel"] == "open", within_s=5, what="the channel")
    desk.close()


def test_what_is_ours_is_cancelled_and_what_is_foreign_stays(house: House) -> None:
    desk = house.desk()
    assert desk.is_ready()
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
    assert desk.is_ready()
    house.place(desk)
    token = house.sim.tokens[0]

    desk.clear(token)

    assert not desk.is_clear(token)
    eventually(lambda: desk.is_clear(token), within_s=10, what="the proof")
    assert house.orders() == []
    desk.close()


def test_what_is_to_be_cleared_before_the_account_is_connected_is_cleared_then(
    house: House,
) -> None:
    first = house.desk()
    assert first.is_ready()
    house.place(first)
    first.close()
    token = house.sim.tokens[0]
    second = house.desk()

    second.clear(token)

    assert not second.is_clear(token)
    assert second.is_ready()
    eventually(lambda: second.is_clear(token), within_s=10, what="the proof")
    assert house.orders() == []
    second.close()


def test_orders_of_an_earlier_run_are_not_gone_because_nobody_could_ask(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = house.desk()
    assert first.is_ready()
    order_id = house.place(first)
    first.close()
    house.sim.control(do="fault", path="/version", kind="500", count=100)
    monkeypatch.setattr(desk_module, "CANCEL_S", 0.1)
    second = house.desk()
    assert not second.is_ready()

    assert second.cancel_all() == {order_id}
    second.close()


def test_an_exchange_that_cancels_nothing_leaves_survivors(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "CANCEL_S", 0.1)
    desk = house.desk()
    assert desk.is_ready()
    order_id = house.place(desk)
    house.sim.control(do="fault", path="/orders", method="DELETE", kind="500", count=100)

    assert desk.cancel_all() == {order_id}
    desk.close()


def test_with_the_switch_on_orders_go_under_a_key_of_its_own_and_the_old_ones_are_cancelled(
    house: House,
) -> None:
    """Armed is the new key only: what another program posts under the old one stays."""
    before = house.desk()
    assert before.is_ready()
    house.place(before)
    assert before.keys.api is not None
    before.close()
    assert house.sim.stats().get("heartbeats") is None

    desk = house.desk(dead_man=True)
    assert desk.is_ready()

    assert house.orders() == []
    assert desk.keys.api is not None
    assert desk.keys.api.key != before.keys.api.key
    assert desk.keys.api.key in desk.child_environment(None).values()
    assert before.keys.api.key not in desk.child_environment(None).values()
    assert house.sim.stats()["heartbeats"]["taken"] >= 2
    assert desk.venue()["dead_man"] == "beating"
    desk.close()


def test_credentials_set_by_hand_are_not_used_for_the_switch(house: House) -> None:
    by_hand = {"POLY_API_KEY": "k", "POLY_API_SECRET": "c2Vj", "POLY_API_PASSPHRASE": "p"}
    desk = house.desk(dead_man=True, **by_hand)
    assert desk.is_ready()

    assert desk.keys.api is not None
    assert desk.keys.api.key != "k"
    desk.close()


def test_a_wallet_that_cannot_trade_is_told_and_nothing_is_armed(house: House) -> None:
    house.sim.control(do="closed_only", on=True)
    desk = house.desk(dead_man=True)

    with pytest.raises(SettingsError):
        desk.is_ready()
    assert house.sim.stats().get("heartbeats") is None
    desk.close()
