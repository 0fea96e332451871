"""A taker's fee is what the market's schedule says, not what the trade says."""

from __future__ import annotations

from decimal import Decimal

import pytest

from POLYMARKET_MAKER.errors import VenueUnreachable
from POLYMARKET_MAKER.exchange.fees import TakerFees
from POLYMARKET_MAKER.exchange.http import Http
from tests.exchange.scripted_server import Reply, ScriptedServer
from tests.exchange.test_rows import trade


def rules(schedule: str) -> Reply:
    return Reply(body=f'{{"mts": 0.01, "mos": 5, "nr": false, "fd": {schedule}}}'.encode())


@pytest.mark.parametrize(
    ("schedule", "fee"),
    [
        ('{"r": 0.04, "e": 1, "to": true}', "0.25"),  # 25 x 4 % x 0.5 x 0.5
        ('{"r": 0.04, "e": 2, "to": true}', "0.0625"),
        ('{"r": 0, "e": 1}', "0"),
    ],
)
def test_the_schedule_sets_the_fee(
    http: Http, server: ScriptedServer, schedule: str, fee: str
) -> None:
    server.on("GET", "/clob-markets/0xc0", rules(schedule))

    assert TakerFees(http, server.url).of(trade(fee_rate_bps="0")) == Decimal(fee)


def test_a_schedule_is_read_once(http: Http, server: ScriptedServer) -> None:
    server.on("GET", "/clob-markets/0xc0", rules('{"r": 0.04, "e": 1}'))
    fees = TakerFees(http, server.url)

    assert fees.of(trade()) == fees.of(trade())
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "answer", [rules("null"), Reply(404, {"error": "market not found"})], ids=["none", "forgotten"]
)
def test_without_a_schedule_the_rate_of_the_row_counts(
    http: Http, server: ScriptedServer, answer: Reply
) -> None:
    server.on("GET", "/clob-markets/0xc0", answer)

    assert TakerFees(http, server.url).of(trade(fee_rate_bps="400")) == Decimal("0.25")
    assert TakerFees(http, server.url).of(trade(fee_rate_bps="")) == 0


def test_a_schedule_that_could_not_be_read_is_not_zero(http: Http, server: ScriptedServer) -> None:
    server.on("GET", "/clob-markets/0xc0", [Reply(503), rules('{"r": 0.04, "e": 1}')])
    fees = TakerFees(http, server.url)

    with pytest.raises(VenueUnreachable):
        fees.of(trade())
    assert fees.of(trade()) == Decimal("0.25")


@pytest.mark.parametrize("rate", ["much", "NaN"])
def test_a_rate_that_is_no_number_is_an_error(
    http: Http, server: ScriptedServer, rate: str
) -> None:
    server.on("GET", "/clob-markets/0xc0", rules("null"))

    with pytest.raises((ValueError, ArithmeticError)):
        TakerFees(http, server.url).of(trade(fee_rate_bps=rate))
