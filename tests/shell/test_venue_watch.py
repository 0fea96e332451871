"""One refusal is an accident; a refusal that a second signed request confirms is the end."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from POLYMARKET_MAKER.core.order import Placed, Rejected
from POLYMARKET_MAKER.errors import ChildExit, SettingsError, VenueRefused, VenueUnreachable
from POLYMARKET_MAKER.ledger import Identity, Ledger
from POLYMARKET_MAKER.venue_watch import CONFIRM_AFTER_S, VenueWatch
from tests.support.fake_exchange import Fault
from tests.support.trading import TOKEN
from tests.support.trading_house import HandClock, House

UNKNOWN_KEY = Rejected("Unauthorized/Invalid api key", 401)
READ_REFUSED = VenueRefused("Unauthorized/Invalid api key", status_code=401)


class Watched(VenueWatch):
    """The watch together with its clock."""

    clock: HandClock


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watched]:
    clock = HandClock()
    with Ledger.open(tmp_path / "ledger.db", Identity("live", "h", 137, "0x")) as ledger:
        made = Watched(TOKEN, ledger, clock)
        made.clock = clock
        yield made


def test_one_refusal_is_only_a_doubt_and_a_read_dispels_it(watch: Watched) -> None:
    watch.answered_order(UNKNOWN_KEY)
    assert watch.refused is None
    assert watch.trouble == "refusing"
    assert not watch.must_confirm
    watch.clock.advance(CONFIRM_AFTER_S)
    assert watch.must_confirm

    watch.was_read()

    assert watch.trouble is None
    assert not watch.must_confirm


def test_a_refused_read_confirms_it_with_the_exchanges_own_words(watch: Watched) -> None:
    watch.answered_order(UNKNOWN_KEY)
    watch.clock.advance(CONFIRM_AFTER_S)
    watch.failed("read", READ_REFUSED, is_read=True)

    assert watch.refused == "Unauthorized/Invalid api key (HTTP 401)"


def test_a_read_that_is_refused_at_once_is_the_same_accident(watch: Watched) -> None:
    watch.failed("read", READ_REFUSED, is_read=True)
    watch.failed("cancel", READ_REFUSED, is_read=False)
    watch.failed("read", READ_REFUSED, is_read=True)
    assert watch.refused is None

    watch.clock.advance(CONFIRM_AFTER_S)
    watch.failed("read", READ_REFUSED, is_read=True)

    assert watch.refused is not None


def test_a_third_refused_order_in_a_row_is_meant_although_reads_work(watch: Watched) -> None:
    for _ in range(2):
        watch.answered_order(UNKNOWN_KEY)
        watch.was_read()
    assert watch.refused is None

    watch.answered_order(UNKNOWN_KEY)

    assert watch.refused is not None


def test_an_order_that_is_taken_forgets_earlier_refusals(watch: Watched) -> None:
    for _ in range(5):
        watch.answered_order(UNKNOWN_KEY)
        watch.was_read()
        watch.answered_order(Placed("o1", "live"))

    assert watch.refused is None


@pytest.mark.parametrize(
    "text", ["order_version_mismatch", "invalid signature", "maker address not allowed, please use"]
)
def test_what_every_next_order_would_meet_too_needs_no_second_opinion(
    watch: Watched, text: str
) -> None:
    watch.answered_order(Rejected(text, 400))

    assert watch.refused == text


def test_keys_that_do_not_fit_are_final(watch: Watched) -> None:
    watch.failed("post_BUY", SettingsError("POLY_KEY belongs to another wallet"), is_read=False)

    assert watch.refused == "POLY_KEY belongs to another wallet"


def test_an_outage_is_no_refusal(watch: Watched) -> None:
    watch.answered_order(UNKNOWN_KEY)
    watch.clock.advance(CONFIRM_AFTER_S)
    watch.failed("read", VenueUnreachable("503"), is_read=True)
    assert watch.trouble == "unreachable"
    assert watch.refused is None

    watch.answered()

    assert watch.trouble == "refusing"


# -- in a child's life


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    made.exchange.move(Decimal("0.60"), Decimal("0.62"))
    yield made
    made.die()


def live(house: House, seconds: float) -> None:
    for _ in range(int(seconds / 0.5)):
        house.turn()
        house.pass_time(0.5)


def test_a_child_outlives_one_401_and_trades_on(house: House) -> None:
    live(house, 2)
    house.exchange.faults["post"] = [Fault.UNAUTHORISED]
    house.exchange.move(Decimal("0.47"), Decimal("0.49"))

    live(house, 10)

    assert house.exit_code is None
    assert len(house.exchange.ours()) == 1


def test_a_child_whose_key_is_gone_asks_twice_and_ends_with_4(house: House) -> None:
    live(house, 2)
    house.exchange.faults["post"] = [Fault.UNAUTHORISED] * 100
    house.exchange.faults["read"] = [Fault.UNAUTHORISED] * 100
    house.exchange.move(Decimal("0.47"), Decimal("0.49"))

    live(house, 10)

    assert house.exit_code is ChildExit.REFUSED
    assert len(house.exchange.sent) <= 1
    assert 100 - len(house.exchange.faults["read"]) <= 3, "asked, not hammered"
