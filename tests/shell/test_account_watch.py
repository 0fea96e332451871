"""The token source on an exchange of our own making: trades come late, twice, or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from POLYMARKET_MAKER import account_watch
from POLYMARKET_MAKER.account_watch import MARKET_CHECK_EVERY_S, AccountWatch, WatchFiles
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.errors import CannotStart, VenueRefused, VenueUnreachable
from POLYMARKET_MAKER.exchange.data_api import ActivityRow
from POLYMARKET_MAKER.exchange.gamma import GammaMarket
from POLYMARKET_MAKER.settings import Target
from POLYMARKET_MAKER.tokens import Tokens, TokenSource
from polyshared import write_atomic

T0 = 1_795_187_000.0
ALICE, BOB = f"0x{'a' * 40}", f"0x{'b' * 40}"


class FakeClock(Clock):
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self, "at", T0)

    at: float

    def pass_s(self, duration_s: float) -> None:
        object.__setattr__(self, "at", self.at + duration_s)

    def now(self) -> float:
        return self.at

    def mono(self) -> float:
        return self.at - T0


@dataclass
class Exchange:
    """The two public services that are read, as far as they are needed.

    Attributes:
        rows: What each account did.
        closed: Markets that have ended.
        down: What the data API says instead of an answer.
    """

    rows: dict[str, list[ActivityRow]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    down: Exception | None = None
    gamma_down: Exception | None = None
    asked: list[tuple[str, float, float | None]] = field(default_factory=list)
    markets_asked: list[str] = field(default_factory=list)

    def trade(
        self, account: str, side: str, token_id: str, at: float, *, size: str = "25"
    ) -> ActivityRow:
        """Let an account trade; both services tell of it at once."""
        row = ActivityRow(
            timestamp=T0 + at,
            condition_id=f"0xc{token_id[0]}",
            token_id=token_id,
            side=side,
            size=Decimal(size),
            price=Decimal("0.49"),
            transaction_hash=f"0x{at}",
            slug=f"slug-{token_id}",
        )
        self.rows.setdefault(account, []).append(row)
        return row

    def activity(self, user: str, *, start: float, end: float | None = None) -> list[ActivityRow]:
        self.asked.append((user, start, end))
        if self.down is not None:
            raise self.down
        found = [
            row
            for row in self.rows.get(user, [])
            if row.timestamp >= start and (end is None or row.timestamp <= end)
        ]
        return sorted(found, key=lambda row: row.timestamp)

    def condition_id(self, token_id: str) -> str:
        return f"0xc{token_id[0]}"

    def gamma_market(self, condition_id: str) -> GammaMarket:
        self.markets_asked.append(condition_id)
        if self.gamma_down is not None:
            raise self.gamma_down
        return GammaMarket(condition_id, "", "v1", {}, None, condition_id in self.closed)


@dataclass
class House:
    """A token source with its files, and the supervisor's view of them."""

    folder: Path
    exchange: Exchange = field(default_factory=Exchange)
    clock: FakeClock = field(default_factory=FakeClock)
    targets: tuple[Target, ...] = (Target(account=ALICE), Target(account=BOB))
    watch: AccountWatch = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    @property
    def files(self) -> WatchFiles:
        return WatchFiles(self.folder / "tokens", self.folder / "signals", self.folder / "state")

    def restart(self) -> None:
        self.watch = AccountWatch(
            self.files, activity=self.exchange, markets=self.exchange, clock=self.clock
        )

    def round(self, after_s: float = 30.0) -> bool:
        self.clock.pass_s(after_s)
        return self.watch.round(self.targets, lookback_s=0.0)

    def row(self, deed: Deed) -> tuple[str, ActivityRow]:
        """Return whose deed it is, and how the exchange tells of it."""
        row = Exchange().trade(deed.account, deed.side, deed.token_id, deed.at)
        return deed.account, row

    def seen(self) -> Tokens:
        source = TokenSource(tokens_path=self.files.tokens, signals_path=self.files.signals)
        return source.read(0.0)

    def signals(self) -> list[str]:
        return [each.token_id for each in self.seen().signals]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_history_before_the_first_look_does_not_count(house: House) -> None:
    house.exchange.trade(ALICE, "BUY", "71", -1)

    assert house.round(0)
    assert house.seen().token_ids == ()


def test_what_is_bought_is_followed(house: House) -> None:
    house.round()
    house.exchange.trade(ALICE, "BUY", "71", 40)
    house.exchange.trade(BOB, "BUY", "81", 35)

    assert house.round()

    assert house.seen().token_ids == ("81", "71")
    assert house.seen().topics[1].slug == "slug-71"
    assert house.seen().topics[1].source_account == ALICE


def test_a_sale_stops_the_token_and_a_later_purchase_brings_it_back(house: House) -> None:
    house.round(0)
    house.exchange.trade(ALICE, "BUY", "71", 1)
    house.exchange.trade(ALICE, "SELL", "71", 2)
    house.round()
    assert (house.seen().token_ids, house.signals()) == ((), ["71"])

    house.exchange.trade(ALICE, "BUY", "71", 31)
    house.round()

    assert (house.seen().token_ids, house.signals()) == (("71",), [])


def test_a_token_that_was_only_sold_is_not_followed(house: House) -> None:
    house.round(0)
    house.exchange.trade(ALICE, "SELL", "71", 1)
    house.round()

    assert (house.seen().token_ids, house.signals()) == ((), [])


def test_trades_below_the_smallest_size_are_not_looked_at(house: House) -> None:
    """The size is in shares: 25 shares at 0.49 are less than 25 dollars."""
    house.targets = (Target(account=ALICE, min_size=Decimal(25)),)
    house.round(0)
    house.exchange.trade(ALICE, "BUY", "71", 1, size="24.999")
    house.exchange.trade(ALICE, "BUY", "72", 1, size="25")
    house.round()

    assert house.seen().token_ids == ("72",)


def test_an_account_that_is_not_enabled_is_not_asked(house: House) -> None:
    house.targets = (Target(account=ALICE, enabled=False), Target(account=BOB))
    house.round()

    assert {account for account, _, _ in house.exchange.asked} == {BOB}


def test_rows_that_are_no_trade_of_one_token_are_left_out(house: House) -> None:
    house.round(0)
    row = house.exchange.trade(ALICE, "BUY", "71", 1)
    rows = house.exchange.rows[ALICE]
    rows[:] = [
        ActivityRow(timestamp=row.timestamp, condition_id="0xc7", type="REDEEM"),
        ActivityRow(timestamp=row.timestamp, condition_id="0xc7", token_id="72", side="SPLIT",
                    size=Decimal(1), price=Decimal(1)),
        ActivityRow(timestamp=row.timestamp, condition_id="0xc7", side="BUY"),
    ]  # fmt: skip

    assert house.round()
    assert house.seen().token_ids == ()


def test_what_happened_while_it_was_down_is_read_in_slices(house: House) -> None:
    house.round(0)
    house.exchange.trade(ALICE, "BUY", "71", 20_000)
    house.exchange.trade(ALICE, "BUY", "72", 50_000)
    house.clock.pass_s(86_400)
    house.restart()
    house.exchange.asked.clear()

    house.round()

    assert house.seen().token_ids == ("71", "72")
    assert len(house.exchange.asked) > 20
    assert house.exchange.asked[-1][2] is None


@pytest.mark.parametrize(
    "error", [VenueUnreachable("HTTP 500"), VenueRefused("HTTP 400", status_code=400)]
)
def test_an_account_that_cannot_be_read_is_left_alone_for_a_while_and_loses_nothing(
    house: House, error: Exception
) -> None:
    house.round(0)
    house.exchange.trade(ALICE, "BUY", "71", 1)
    house.exchange.down = error
    assert not house.round(5)
    asked = len(house.exchange.asked)
    assert not house.round(1)
    assert len(house.exchange.asked) == asked  # it was not even asked

    house.exchange.down = None
    assert house.round(60)

    assert house.seen().token_ids == ("71",)


def test_the_exchange_may_ask_for_a_longer_wait(house: House) -> None:
    house.exchange.down = VenueUnreachable("HTTP 429", retry_after_s=120.0)
    house.round(0)
    asked = len(house.exchange.asked)

    house.round(119)
    assert len(house.exchange.asked) == asked
    house.round(31.1)  # the jitter is at most a quarter
    assert len(house.exchange.asked) > asked


def test_the_wait_begins_anew_after_the_account_was_read(house: House) -> None:
    for down in (VenueUnreachable("HTTP 500"), None, VenueUnreachable("HTTP 500")):
        house.exchange.down = down
        house.round(60)
    house.exchange.down = None

    assert house.round(6.5)  # the first wait is 5 s and at most a quarter more


def test_one_account_that_cannot_be_read_does_not_stop_the_others(house: House) -> None:
    house.round(0)
    house.exchange.trade(BOB, "BUY", "81", 1)
    ask = house.exchange.activity

    def only_bob(user: str, *, start: float, end: float | None = None) -> list[ActivityRow]:
        if user == ALICE:
            raise VenueUnreachable("HTTP 500")
        return ask(user, start=start, end=end)

    house.exchange.activity = only_bob  # type: ignore[method-assign]

    assert not house.round()
    assert house.seen().token_ids == ("81",)


def test_a_token_of_a_closed_market_leaves_with_its_sibling_and_its_signal(house: House) -> None:
    house.round(0)
    for token_id in ("71", "72", "81"):
        house.exchange.trade(ALICE, "BUY", token_id, 1)
    house.exchange.trade(ALICE, "SELL", "72", 2)
    house.round()
    house.exchange.closed.add("0xc7")

    house.round(MARKET_CHECK_EVERY_S)

    assert (house.seen().token_ids, house.signals()) == (("81",), [])


def test_a_closed_token_does_not_come_back_with_the_overlap(house: House) -> None:
    """Its purchase is still within the window that is read again."""
    house.round(0)
    house.exchange.trade(ALICE, "BUY", "71", 1)
    house.exchange.closed.add("0xc7")
    house.round()
    assert house.seen().token_ids == ()
    house.exchange.gamma_down = VenueUnreachable("HTTP 500")

    house.restart()
    house.round()

    assert house.seen().token_ids == ()


def test_a_market_is_asked_about_once_in_a_while_not_at_every_round(house: House) -> None:
    house.round(0)
    house.exchange.trade(ALICE, "BUY", "71", 1)
    for _ in range(10):
        house.round()

    assert len(house.exchange.markets_asked) == 1


@pytest.mark.parametrize("error", [VenueUnreachable("HTTP 500"), VenueRefused("no such market")])
def test_a_market_that_nobody_can_tell_of_is_not_closed(house: House, error: Exception) -> None:
    house.round(0)
    house.exchange.trade(ALICE, "BUY", "71", 1)
    house.exchange.gamma_down = error
    house.round()

    assert house.seen().token_ids == ("71",)


def test_a_catalogue_that_does_not_answer_is_asked_once_a_round(house: House) -> None:
    house.round(0)
    for token_id in ("71", "81", "91"):
        house.exchange.trade(ALICE, "BUY", token_id, 1)
    house.exchange.gamma_down = VenueUnreachable("HTTP 500")

    assert not house.round()
    assert len(house.exchange.markets_asked) == 1


def test_files_of_an_older_program_are_taken_over(house: House) -> None:
    stamp = "2026-11-20T15:03:20Z"
    entry = {"token_id": "71", "source_account": ALICE.upper(), "last_seen": stamp}
    house.files.tokens.write_text(json.dumps({"tokens": [entry, {**entry, "token_id": "72"}]}))
    house.files.signals.write_text(json.dumps({"sell_tokens": [{**entry, "token_id": "72"}]}))
    state = {"last_timestamp_ms": int(T0 * 1000), "updated_at": stamp}
    house.files.state.write_text(json.dumps({"targets": {ALICE: state}}))
    house.restart()
    house.exchange.trade(ALICE, "SELL", "71", 5)

    house.round()

    assert sorted(house.signals()) == ["71", "72"]
    assert house.exchange.markets_asked == ["0xc7", "0xc7"]  # the old file names no markets


@pytest.mark.parametrize("name", ["tokens", "signals", "state"])
def test_a_damaged_file_of_its_own_stops_the_start(house: House, name: str) -> None:
    (house.folder / name).write_text("{")

    with pytest.raises(CannotStart, match=f"{name}: .*; repair the file or remove it"):
        house.restart()


def test_an_entry_that_cannot_be_read_stops_the_start(house: House) -> None:
    """To go on would drop it at the next write."""
    house.files.tokens.write_text('{"tokens": [{"token_id": 71}]}')

    with pytest.raises(CannotStart, match="tokens: entry 0: token_id was 71"):
        house.restart()


def test_a_full_disk_loses_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.round(0)
    house.exchange.trade(ALICE, "BUY", "71", 1)
    before = house.files.state.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(account_watch, "write_atomic", full_disk)
        assert not house.round()
    assert house.files.state.read_bytes() == before

    assert house.round()
    assert house.seen().token_ids == ("71",)


def full_disk(path: Path, data: bytes, *, durable: bool) -> None:
    del data, durable
    raise OSError(28, "No space left on device", str(path))


def test_asked_to_stop_it_keeps_what_it_has_read(house: House) -> None:
    house.round(0)
    house.exchange.trade(ALICE, "BUY", "71", 1)
    house.exchange.trade(BOB, "BUY", "81", 1)
    answers: Iterator[bool] = iter([False, False])

    house.clock.pass_s(30)
    house.watch.round(house.targets, lookback_s=0.0, should_stop=lambda: next(answers, True))

    assert house.seen().token_ids == ("71",)


def test_when_nothing_changed_only_the_cursors_are_written(house: House) -> None:
    house.round(0)
    house.exchange.trade(ALICE, "BUY", "71", 1)
    house.round()
    before = house.files.tokens.stat().st_mtime_ns
    house.round()

    assert house.files.tokens.stat().st_mtime_ns == before


# -- restarts between any two writes ------------------------------------------------


class Died(BaseException):
    """The process is gone at this instant."""


@dataclass
class Storm:
    """Writes files, looks at them after every write as the supervisor may, and dies on time.

    Attributes:
        writes_left: How many files are still written before the process is gone.
        seen: What the supervisor could see, in order.
    """

    house: House
    writes_left: int = 0
    seen: list[Tokens] = field(default_factory=list)

    def write(self, path: Path, data: bytes, *, durable: bool) -> None:
        assert durable
        if self.writes_left == 0:
            raise Died
        self.writes_left -= 1
        write_atomic(path, data)  # a process dies here, not the power: the disk need not be flushed
        self.seen.append(self.house.seen())


@dataclass(frozen=True)
class Deed:
    """A trade, and how much later the exchange tells of it."""

    account: str
    side: str
    token_id: str
    at: int
    delay_s: int


def live(house: House, deeds: list[Deed], deaths: list[int]) -> Storm:
    """Look every 30 s for 5 minutes; at each look of *deaths* die at that write."""
    storm = Storm(house)
    told = [(each.at + each.delay_s, house.row(each)) for each in deeds]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(account_watch, "write_atomic", storm.write)
        storm.writes_left = 99
        house.round(0)
        for look in range(10):
            storm.writes_left = deaths[look] if look < len(deaths) else 99
            now = house.clock.mono() + 30
            house.exchange.rows = {
                account: [row for at, (who, row) in told if who == account and at <= now]
                for account in (ALICE, BOB)
            }
            try:
                house.round(30)
            except Died:
                house.restart()
    return storm


def deeds(delays_s: st.SearchStrategy[int]) -> st.SearchStrategy[list[Deed]]:
    return st.lists(
        st.builds(
            Deed,
            st.sampled_from([ALICE, BOB]),
            st.sampled_from(["BUY", "SELL"]),
            st.sampled_from(["71", "81"]),
            st.integers(1, 90),
            delays_s,
        ),
        max_size=12,
    )


deaths_at = st.lists(st.integers(0, 3), max_size=7)


@settings(max_examples=80, deadline=None)
@given(deeds(st.just(0)), deaths_at)
def test_a_restart_between_any_two_writes_loses_nothing(
    history: list[Deed], deaths: list[int]
) -> None:
    with TemporaryDirectory() as folder:
        calm, stormy = House(Path(folder, "calm")), House(Path(folder, "stormy"))
        live(calm, history, [])
        live(stormy, history, deaths)

        assert stormy.seen().topics == calm.seen().topics
        assert stormy.signals() == calm.signals()


@settings(max_examples=150, deadline=None)
@given(deeds(st.sampled_from([0, 0, 30, 60, 100])), deaths_at)
def test_a_signal_that_was_once_seen_cleared_never_comes_back_under_its_name(
    history: list[Deed], deaths: list[int]
) -> None:
    """The ledger remembers the name: under it the token would be bought and never sold."""
    with TemporaryDirectory() as folder:
        storm = live(House(Path(folder)), history, deaths)

    cleared: set[str] = set()
    before: set[str] = set()
    for each in storm.seen:
        names = {signal.signal_id for signal in each.signals}
        assert not names & cleared
        cleared |= before - names
        before = names


@settings(max_examples=80, deadline=None)
@given(deeds(st.sampled_from([0, 30, 100])), deaths_at)
@example([Deed(ALICE, "BUY", "71", 5, 100), Deed(ALICE, "SELL", "71", 12, 0)], [])
def test_a_token_is_never_offered_while_the_last_deed_was_a_sale(
    history: list[Deed], deaths: list[int]
) -> None:
    """Said of the end, where everything has been told, in whatever order."""
    unique = [replace(each, at=5 + 7 * index) for index, each in enumerate(history)]
    with TemporaryDirectory() as folder:
        seen = live(House(Path(folder)), unique, deaths).seen[-1]

    for token_id in ("71", "81"):
        mine = [each for each in unique if each.token_id == token_id]
        bought = [each.at for each in mine if each.side == "BUY"]
        last_buy = max(bought, default=0)
        buyers = {each.account for each in mine if each.side == "BUY"}
        sold = [e for e in mine if e.side == "SELL" and e.at > last_buy and e.account in buyers]
        assert (token_id in seen.token_ids) == (bool(bought) and not sold)
