"""What a market is, and which signature its orders need."""

from __future__ import annotations

from decimal import Decimal

import pytest

from POLYMARKET_MAKER.core.model import Level, OrderVersion
from POLYMARKET_MAKER.errors import VenueRefused, VenueUnreachable
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.protocol import MarketReader
from POLYMARKET_MAKER.exchange.public import Public, order_version
from tests.exchange.golden import POSITION, TOKEN
from tests.exchange.scripted_server import Reply, ScriptedServer

CONDITION = "0x5f65177b394277fd294cd75650044e32ba009a95022d88a0c1d565897d72f8f1"
SIBLING = "71321045679252212594626385532706912750332728571942532289631379312455583992563"


@pytest.fixture
def public(http: Http, server: ScriptedServer) -> Public:
    return Public(http, clob_url=server.url, gamma_url=f"{server.url}/gamma/")


def describe(
    server: ScriptedServer,
    *,
    venue: int = 2,
    token: str = TOKEN,
    version: str | None = "v1",
    ids: list[str] | None = None,
    exponent: float = 1,
) -> None:
    """Script one market whose first token, by the CLOB, is the second outcome."""
    server.on("GET", "/version", Reply(value={"version": venue}))
    by_token = {"condition_id": CONDITION, "primary_token_id": SIBLING}
    server.on("GET", f"/markets-by-token/{token}", Reply(value=by_token))
    listed = ids if ids is not None else [token, SIBLING]
    market = {
        "conditionId": CONDITION,
        "question": "Will it rain?",
        "outcomes": '["Yes", "No"]',
        "clobTokenIds": '["' + '", "'.join(listed) + '"]' if version != "v2" else None,
        "positionIds": listed if version == "v2" else None,
        "endDate": "2026-12-31T12:00:00Z",
        "closed": False,
        **({"version": version} if version else {}),
    }
    server.on("GET", "/gamma/markets/keyset", Reply(value={"markets": [market]}))
    fee = f'{{"r": 0.04, "e": {exponent}, "to": true}}'
    rules = f'{{"c": "{CONDITION}", "t": [], "mts": 0.01, "mos": 5, "nr": true, "fd": {fee}}}'
    server.on("GET", f"/clob-markets/{CONDITION}", Reply(body=rules.encode()))
    server.on("GET", "/fee-rate", Reply(value={"base_fee": 20}))


def test_a_market_is_gathered_from_the_clob_and_gamma(
    public: Public, server: ScriptedServer
) -> None:
    describe(server)
    reader: MarketReader = public

    info = reader.market_info(TOKEN)

    assert info.condition_id == CONDITION
    assert info.sibling_id == SIBLING
    assert info.outcome == "Yes"
    assert info.title == "Will it rain?"
    assert info.tick_size == Decimal("0.01")
    assert info.min_order_size == 5
    assert info.neg_risk
    assert info.order_version is OrderVersion.V2
    assert info.end_at == 1798718400
    assert (info.fee_rate, info.fee_exponent, info.base_fee_bps) == (Decimal("0.04"), 1, 0)


def test_an_outcome_is_found_by_gammas_order_not_by_the_primary_token(
    public: Public, server: ScriptedServer
) -> None:
    describe(server, ids=[SIBLING, TOKEN])

    assert public.market_info(TOKEN).outcome == "No"


def test_a_protocol_v2_market_signs_version_3(public: Public, server: ScriptedServer) -> None:
    describe(server, token=POSITION, version="v2")

    assert public.market_info(POSITION).order_version is OrderVersion.V3


def test_a_market_of_before_gammas_versions_signs_version_2(
    public: Public, server: ScriptedServer
) -> None:
    describe(server, version=None)

    assert public.market_info(TOKEN).order_version is OrderVersion.V2


def test_a_venue_of_version_1_signs_version_1_with_the_markets_fee(
    public: Public, server: ScriptedServer
) -> None:
    describe(server, venue=1)

    info = public.market_info(TOKEN)

    assert info.order_version is OrderVersion.V1
    assert info.base_fee_bps == 20


@pytest.mark.parametrize(
    ("token", "version"), [(TOKEN, "v2"), (POSITION, "v1")], ids=["token", "position"]
)
def test_a_market_whose_version_and_id_disagree_is_refused_naming_both(
    public: Public, server: ScriptedServer, token: str, version: str
) -> None:
    describe(server, token=token, version=version)

    with pytest.raises(VenueRefused, match=f"gamma says {version}, its bits say"):
        public.market_info(token)


def test_an_unknown_gamma_version_is_refused(public: Public, server: ScriptedServer) -> None:
    describe(server, version="v3")

    with pytest.raises(VenueRefused, match="has version 'v3', known are 'v1' and 'v2'"):
        public.market_info(TOKEN)


def test_ids_that_are_not_there_yet_refuse_the_market(
    public: Public, server: ScriptedServer
) -> None:
    describe(server, ids=[], version="v2")

    with pytest.raises(VenueRefused, match="has no token ids yet"):
        public.market_info(TOKEN)


def test_a_token_of_another_market_is_refused(public: Public, server: ScriptedServer) -> None:
    describe(server, ids=["1", SIBLING])

    with pytest.raises(VenueRefused, match="does not trade"):
        public.market_info(TOKEN)


def test_outcomes_and_ids_of_different_number_refuse_the_market(
    public: Public, server: ScriptedServer
) -> None:
    describe(server, ids=[TOKEN])

    with pytest.raises(VenueRefused, match="has 2 outcomes and 1 token ids"):
        public.market_info(TOKEN)


def test_a_fee_curve_that_is_not_known_refuses_the_market(
    public: Public, server: ScriptedServer
) -> None:
    describe(server, exponent=1.5)

    with pytest.raises(VenueRefused, match=r"fee exponent 1\.5"):
        public.market_info(TOKEN)


def test_an_ended_market_is_found_too(public: Public, server: ScriptedServer) -> None:
    ended = {"conditionId": CONDITION, "outcomes": '["Yes","No"]', "closed": True}
    ended["clobTokenIds"] = f'["{TOKEN}","{SIBLING}"]'
    server.on(
        "GET",
        "/gamma/markets/keyset",
        lambda asked: Reply(value={"markets": [ended] if "closed" in asked.query else []}),
    )

    assert public.gamma_market(CONDITION).closed


@pytest.mark.parametrize(
    ("token", "version", "filter_name"),
    [(TOKEN, "v1", "clob_token_ids"), (POSITION, "v2", "position_ids")],
)
def test_a_token_that_the_clob_has_dropped_is_found_in_gamma(
    public: Public, server: ScriptedServer, token: str, version: str, filter_name: str
) -> None:
    """So that an ended market reads as closed, not as unknown."""
    describe(server, token=token, version=version)
    server.on("GET", f"/markets-by-token/{token}", Reply(404, {"error": "not found"}))

    assert public.market_info(token).condition_id == CONDITION
    asked = [each.query for each in server.asked if each.path == "/gamma/markets/keyset"]
    assert asked[0] == {filter_name: token, "limit": "100"}


def test_a_token_that_gamma_does_not_know_either_is_refused(
    public: Public, server: ScriptedServer
) -> None:
    server.on("GET", "/version", Reply(value={"version": 2}))
    server.on("GET", "/gamma/markets/keyset", Reply(value={"markets": []}))

    with pytest.raises(VenueRefused, match="gamma has no market of"):
        public.market_info(TOKEN)


def test_a_market_that_gamma_does_not_know_is_refused(
    public: Public, server: ScriptedServer
) -> None:
    server.on("GET", "/gamma/markets/keyset", Reply(value={"markets": []}))

    with pytest.raises(VenueRefused, match="gamma has no market"):
        public.gamma_market(CONDITION)


@pytest.mark.parametrize("field", ["outcomes", "clobTokenIds", "endDate"])
def test_an_unreadable_row_is_no_answer(public: Public, server: ScriptedServer, field: str) -> None:
    row = {
        "conditionId": CONDITION,
        "outcomes": '["Yes","No"]',
        "clobTokenIds": '["1","2"]',
        "endDate": None,
        field: "neither JSON nor a date",
    }
    server.on("GET", "/gamma/markets/keyset", Reply(value={"markets": [row]}))

    with pytest.raises(VenueUnreachable, match="unreadable row"):
        public.gamma_market(CONDITION)


@pytest.mark.parametrize("venue", [0, 3, 4])
def test_a_venue_of_an_unknown_version_is_refused(venue: int) -> None:
    with pytest.raises(VenueRefused, match=f"exchange speaks order version {venue}, py"):
        order_version(venue, "v1", TOKEN)


def test_a_book_keeps_what_its_hash_needs(public: Public, server: ScriptedServer) -> None:
    book = {
        "market": CONDITION,
        "asset_id": TOKEN,
        "timestamp": "1782753357257",
        "hash": "5c7c",
        "bids": [{"price": "0.48", "size": "30"}, {"price": "0.49", "size": "20"}],
        "asks": [{"price": "0.52", "size": "25"}],
        "min_order_size": "5",
        "tick_size": "0.01",
        "neg_risk": False,
        "last_trade_price": "0.500",
    }
    server.on("GET", "/book", Reply(value=book))

    got = public.book(TOKEN)

    assert got.min_order_size == "5"
    assert got.snapshot.last_trade_price == "0.500"
    assert got.snapshot.bids[-1] == Level(Decimal("0.49"), Decimal(20))
    assert got.snapshot.hash == "5c7c"


def test_a_book_with_a_number_that_is_none_is_no_answer(
    public: Public, server: ScriptedServer
) -> None:
    book = {
        "market": CONDITION,
        "asset_id": TOKEN,
        "timestamp": "1782753357257",
        "hash": "",
        "bids": [{"price": "NaN", "size": "30"}],
        "asks": [],
        "min_order_size": "5",
        "tick_size": "0.01",
        "neg_risk": False,
    }
    server.on("GET", "/book", Reply(value=book))

    with pytest.raises(VenueUnreachable, match="unreadable book"):
        public.book(TOKEN)


def test_a_token_without_a_book_is_refused(public: Public, server: ScriptedServer) -> None:
    text = "No orderbook exists for the requested token id"
    server.on("GET", "/book", Reply(404, {"error": text}))

    with pytest.raises(VenueRefused, match=text):
        public.book(TOKEN)


def test_time_and_tick_size_are_plain_reads(public: Public, server: ScriptedServer) -> None:
    server.on("GET", "/time", Reply(value=1795188434))
    server.on("GET", "/tick-size", Reply(body=b'{"minimum_tick_size":0.0001}'))

    assert public.server_time() == 1795188434
    assert public.tick_size(TOKEN) == Decimal("0.0001")
