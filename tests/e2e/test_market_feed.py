"""The feed against the simulator: real sockets, real REST, and everything that goes wrong there.

A quiet hour is in ``test_quiet_hour.py``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from POLYMARKET_MAKER.aggregator import Aggregator
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.public import Public
from POLYMARKET_MAKER.lines import market_lines
from POLYMARKET_MAKER.sim.venue import Options
from polyshared import SnapshotMissing, SnapshotReader
from tests.sim.running import Running

WAIT_S = 60.0

pytestmark = pytest.mark.timeout(150)


def eventually(condition: Callable[[], bool], *, within_s: float = WAIT_S) -> bool:
    """Wait until *condition* holds; whole processes stand between cause and effect."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.02)
    return True


class House:
    """An aggregator on a simulator, and a reader of its snapshot."""

    def __init__(self, sim: Running, path: Path, aggregator: Aggregator) -> None:
        self.sim = sim
        self.aggregator = aggregator
        self._reader = SnapshotReader(path)

    def fields(self, token: str) -> dict[str, Any]:
        """Return the token's entry; empty while there is none."""
        try:
            return dict(self._reader.entry(token).fields)
        except SnapshotMissing:
            return {}

    def health(self, token: str) -> str:
        return str(self.fields(token).get("health", "pending"))

    def status(self) -> Any:
        return self.aggregator.status()

    def agrees(self, token: str) -> bool:
        """Whether our quote is the simulator's own top of book."""
        book = self.sim.control(do="book", token=token)
        ours = self.fields(token)
        return bool(ours) and (ours["best_bid"], ours["best_ask"]) == true_top(book)

    def close(self) -> None:
        self.aggregator.stop()
        self._reader.close()


def true_top(book: dict[str, Any]) -> tuple[float | None, float | None]:
    bid = max((Decimal(row["price"]) for row in book["bids"]), default=None)
    ask = min((Decimal(row["price"]) for row in book["asks"]), default=None)
    return (None if bid is None else float(bid)), (None if ask is None else float(ask))


@contextmanager
def running(
    *, tempers: str | None = None, no_flow: bool = False, **options: Any
) -> Iterator[Running]:
    """Run a simulator in a thread: its sockets are real, and no program has to start."""
    if tempers is not None:
        options["tempers"] = (tempers,)
    sim = Running(Options(flow=not no_flow, **options))
    try:
        yield sim
    finally:
        sim.stop()


@contextmanager
def house(
    tmp_path: Path, *, scale: float = 1.0, planned_s: float | None = None, **options: Any
) -> Iterator[House]:
    """Run simulator and aggregator; *scale* shortens the ages of LIVE and SUSPECT."""
    clock = Clock(scale)
    with running(**options) as sim:
        http = Http(deadline_s=2.0)
        public = Public(http, clob_url=sim.urls["clob"], gamma_url=sim.urls["gamma"])
        path = tmp_path / "ws_cache.json"
        aggregator = Aggregator(
            path,
            market_lines(sim.urls["ws_market"], clock),
            clock=clock,
            flush_interval_s=0.05,
            reads=public,
            planned_s=planned_s,
        )
        aggregator.start(sim.tokens)
        home = House(sim, path, aggregator)
        try:
            assert eventually(
                lambda: all(home.health(token) in ("live", "quiet") for token in sim.tokens)
            )
            yield home
        finally:
            home.close()
            http.close()


def test_every_ladder_is_proven_by_the_exchange_s_hash(tmp_path: Path) -> None:
    with house(tmp_path, tokens=4) as home:
        assert eventually(lambda: home.status()["checks"]["hash_ok"] >= 40)
        status = home.status()

        assert status["checks"]["hash_bad"] == 0
        assert status["checks"]["top_bad"] == 0
        assert status["unreadable"] == 0
        assert status["unconfirmed"] == []


def test_quotes_are_the_simulator_s_own_when_it_rests(tmp_path: Path) -> None:
    with house(tmp_path, tokens=4) as home:
        assert eventually(lambda: home.status()["received"].get("price_change", 0) >= 50)
        home.sim.control(do="pause")

        assert eventually(lambda: all(home.agrees(token) for token in home.sim.tokens))


def test_a_silent_freeze_is_found_by_two_witnesses(tmp_path: Path) -> None:
    """PONG goes on, data stops: nothing on the socket says so."""
    with house(tmp_path, tokens=4, scale=30, tempers="busy") as home:
        home.sim.control(do="freeze")
        assert eventually(lambda: home.status()["renewals"] >= 1)

        home.sim.control(do="pause")
        assert eventually(lambda: all(home.agrees(token) for token in home.sim.tokens))
        assert home.status()["witness"]["convicted"] >= 2


def test_one_frozen_token_moves_alone(tmp_path: Path) -> None:
    with house(tmp_path, tokens=3, scale=30, tempers="busy") as home:
        frozen, others = home.sim.tokens[0], home.sim.tokens[1:]
        home.sim.control(do="freeze", tokens=[frozen])

        assert eventually(lambda: home.fields(frozen).get("conn") == 1)
        assert eventually(lambda: home.health(frozen) in ("live", "quiet"))
        assert [home.fields(token)["conn"] for token in others] == [0, 0]
        assert home.status()["renewals"] == 0
        assert home.status()["moves"] == 1


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_ghost_book_convicts_nobody(tmp_path: Path) -> None:
    """REST answers 0.01 and 0.99 for a market that is quoted quite differently."""
    with house(tmp_path, tokens=1, scale=30, no_flow=True) as home:
        (token,) = home.sim.tokens
        home.sim.control(do="ghost_book", tokens=[token])

        assert eventually(lambda: home.status()["witness"]["unclear"] >= 1)
        assert eventually(lambda: home.health(token) == "suspect")
        assert home.status()["moves"] == 0
        home.sim.control(do="ghost_book", tokens=[])
        assert eventually(lambda: home.health(token) in ("live", "quiet"), within_s=40)


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_a_half_open_socket_is_given_up(tmp_path: Path) -> None:
    with house(tmp_path, tokens=2) as home:
        home.sim.control(do="half_open")

        assert eventually(lambda: home.health(home.sim.tokens[0]) == "resync", within_s=40)
        assert eventually(lambda: home.health(home.sim.tokens[0]) in ("live", "quiet"))
        assert home.status()["lines"][0]["connects"] == 2


def test_a_server_that_accepts_and_closes_is_not_hammered(tmp_path: Path) -> None:
    with house(tmp_path, tokens=2) as home:
        before = home.sim.stats()["upgrades"]
        home.sim.control(do="close_upgrades", count=4)
        home.sim.control(do="drop", channel="market")
        dropped = time.monotonic()

        assert eventually(lambda: home.health(home.sim.tokens[0]) == "resync")
        assert eventually(lambda: home.health(home.sim.tokens[0]) in ("live", "quiet"))
        # Full jitter: at least the shortest wait before each of the five dials.
        assert time.monotonic() - dropped >= 5 * 0.25
        assert home.status()["lines"][0]["connects"] >= 6
        assert home.sim.stats()["upgrades"] != before


def test_refused_upgrades_are_waited_out(tmp_path: Path) -> None:
    with house(tmp_path, tokens=2) as home:
        home.sim.control(do="refuse_upgrades", count=2)
        home.sim.control(do="drop", channel="market")

        assert eventually(lambda: home.health(home.sim.tokens[0]) == "resync")
        assert eventually(lambda: home.health(home.sim.tokens[0]) in ("live", "quiet"))


def test_noise_on_the_line_is_counted_and_harms_nothing(tmp_path: Path) -> None:
    with house(tmp_path, tokens=2) as home:
        for kind in ("text", "truncated", "binary", "empty", "number", "huge"):
            home.sim.control(do="garbage", kind=kind)
        home.sim.control(do="new_markets", count=50)

        assert eventually(lambda: home.status()["received"].get("new_market", 0) == 50)
        status = home.status()
        assert status["unreadable"] >= 2
        assert status["first_unreadable"]["reason"]
        assert status["lines"][0]["connects"] == 1
        assert status["checks"]["hash_bad"] == 0
        assert status["faults"] == 0


def test_reordered_ladders_and_repeated_batches_are_the_same_book(tmp_path: Path) -> None:
    with house(tmp_path, tokens=2, tempers="busy") as home:
        home.sim.control(do="reorder")
        home.sim.control(do="duplicate")
        before = home.status()["checks"]["hash_ok"]

        assert eventually(lambda: home.status()["checks"]["hash_ok"] >= before + 30)
        assert home.status()["checks"]["hash_bad"] == 0
        assert home.status()["checks"]["top_bad"] == 0


def test_a_locked_book_inside_a_batch_is_never_published(tmp_path: Path) -> None:
    with house(tmp_path, tokens=1, no_flow=True) as home:
        (token,) = home.sim.tokens
        home.sim.control(do="locked_batch", token=token)

        assert eventually(lambda: home.agrees(token))
        fields = home.fields(token)
        assert fields["best_bid"] < fields["best_ask"]
        assert home.status()["checks"]["top_bad"] == 0


def test_an_emptied_side_is_missing_at_once(tmp_path: Path) -> None:
    with house(tmp_path, tokens=1, no_flow=True) as home:
        (token,) = home.sim.tokens
        home.sim.control(do="empty_side", token=token, side="BUY")

        assert eventually(lambda: home.fields(token)["best_bid"] is None)
        fields = home.fields(token)
        assert fields["bids"] == []
        assert fields["bid_size"] is None
        assert fields["best_ask"] is not None


def test_a_new_grid_is_published(tmp_path: Path) -> None:
    with house(tmp_path, tokens=1, no_flow=True) as home:
        (token,) = home.sim.tokens
        home.sim.control(do="tick", token=token, tick="0.001")

        assert eventually(lambda: home.fields(token)["tick_size"] == 0.001)


def test_an_announced_end_closes_the_market(tmp_path: Path) -> None:
    with house(tmp_path, tokens=2, no_flow=True) as home:
        home.sim.control(do="resolve", token=home.sim.tokens[0], event=True)

        assert eventually(lambda: home.health(home.sim.tokens[0]) == "closed")
        assert home.health(home.sim.tokens[1]) != "closed"


def test_an_end_that_nobody_announced_is_found_by_asking(tmp_path: Path) -> None:
    """The event is not always sent."""
    with house(tmp_path, tokens=2, scale=60, no_flow=True, ends_in_s=120) as home:
        home.sim.control(do="resolve", token=home.sim.tokens[0], event=False)

        assert eventually(lambda: home.health(home.sim.tokens[0]) == "closed")


def test_a_refused_first_frame_is_tried_again(tmp_path: Path) -> None:
    """INVALID OPERATION names no token, and nothing can be subscribed on that connection."""
    with house(tmp_path, tokens=2) as home:
        home.sim.control(do="invalid_first", count=1)
        home.sim.control(do="drop", channel="market")

        assert eventually(lambda: home.status()["notices"].get("INVALID OPERATION", 0) >= 1)
        assert eventually(lambda: home.health(home.sim.tokens[0]) in ("live", "quiet"))
        assert home.status()["lines"][0]["refusals"] >= 1


def test_frames_that_are_too_large_for_the_exchange_are_made_smaller(tmp_path: Path) -> None:
    """Its limit is not documented; a frame beyond it is answered with a close and no word."""
    with house(tmp_path, tokens=120, no_flow=True) as home:
        assert "oversized_frame" not in home.sim.stats().get("refused", {}), "100 ids are fine"
        home.sim.control(do="oversized", ids=50)
        home.sim.control(do="drop", channel="market")

        assert eventually(lambda: home.health(home.sim.tokens[0]) == "resync")
        assert eventually(
            lambda: all(home.health(token) in ("live", "quiet") for token in home.sim.tokens)
        )
        assert home.sim.stats()["refused"]["oversized_frame"] == 1
        assert home.status()["unconfirmed"] == []


def test_a_book_that_follows_a_trade_has_no_tick_size_and_keeps_ours(tmp_path: Path) -> None:
    with house(tmp_path, tokens=1, no_flow=True) as home:
        (token,) = home.sim.tokens
        before = home.fields(token)
        books = home.status()["received"]["book"]
        home.sim.control(do="trade", token=token, side="BUY", size="5")

        assert eventually(lambda: home.status()["received"]["book"] > books)
        assert eventually(lambda: home.fields(token)["event_type"] == "last_trade_price")
        fields = home.fields(token)
        assert fields["tick_size"] == before["tick_size"] == 0.01
        assert fields["last_trade_price"] == before["best_ask"]
        assert home.agrees(token)


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_token_that_is_never_confirmed_is_named_and_holds_up_nobody(tmp_path: Path) -> None:
    with house(tmp_path, tokens=10, no_flow=True) as home:
        deaf, *others = home.sim.tokens
        home.sim.control(do="deaf", tokens=[deaf])
        home.sim.control(do="drop", channel="market")

        assert eventually(lambda: home.health(others[0]) == "resync")
        assert eventually(lambda: all(home.health(token) in ("live", "quiet") for token in others))
        assert home.status()["unconfirmed"] == [deaf]
        assert home.health(deaf) == "resync"
        # REST's book is proven by its hash, but the line does not speak of the token.
        assert eventually(lambda: home.health(deaf) == "suspect", within_s=60)
        home.sim.control(do="deaf", tokens=[])
        assert eventually(lambda: home.health(deaf) in ("live", "quiet"), within_s=60)
        assert all(home.fields(token)["conn"] == 0 for token in others)


def test_a_planned_reconnect_makes_before_it_breaks(tmp_path: Path) -> None:
    with house(tmp_path, tokens=3, tempers="busy", planned_s=2.0) as home:
        seen: set[str] = set()

        def replaced() -> bool:
            seen.update(home.health(token) for token in home.sim.tokens)
            return int(home.status()["replaced"]) >= 2

        assert eventually(replaced)
        assert seen <= {"live", "quiet"}
        assert home.status()["checks"]["hash_bad"] == 0
        assert eventually(lambda: home.sim.stats()["connections"]["market"] == 1)


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_two_thousand_tokens_sit_on_several_connections(tmp_path: Path) -> None:
    with house(tmp_path, tokens=2000, no_flow=True) as home:
        lines = home.status()["lines"]

        assert len(lines) == 10
        assert [line["confirmed"] for line in lines] == [200] * 10
        assert home.sim.stats()["connections"]["market"] == 10
