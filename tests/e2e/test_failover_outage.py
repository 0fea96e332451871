"""Many children lose the snapshot at the same moment, trade on, and come back."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.failover import (
    Family,
    connections_to,
    family,
    feeding,
    is_quoting,
    suspended,
)
from tests.support.program import eventually
from tests.support.simulator import Simulator, running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

WRITER_SILENT_S = 10.0
LATEST_LEAVER_S = 17.0
"""A writer's silence, a second until it is seen, the longest jitter, and a little."""


def most_dialling(children: Family, sim: Simulator, *, lost_mono: float) -> int:
    """Suspend the exchange while everybody wants to dial; return the most that did at once.

    It accepts nobody, so who dials stays there and can be counted: by the system's own
    table of connections, not by anything that the children say.
    """
    pause_until(lost_mono + 1)
    before, most = connections_to(sim), 0
    pause_until(lost_mono + WRITER_SILENT_S - 1)
    with suspended(sim.process.pid):
        while time.monotonic() < lost_mono + LATEST_LEAVER_S:
            most = max(most, connections_to(sim) - before)
            time.sleep(0.05)
    assert children.ended() == []
    return most


def pause_until(mono: float) -> None:
    time.sleep(max(0.0, mono - time.monotonic()))


FEW, MANY = 8, 100
HELD_BACK_S, HELD_BACK_IN_FULL_S = 30.0, 60.0


def test_children_of_a_dead_aggregator_trade_on_and_come_back(
    tmp_path: Path, *, is_full: bool
) -> None:
    """Its restart is held back for a while, as the report's never came."""
    held_back_s = HELD_BACK_IN_FULL_S if is_full else HELD_BACK_S
    with (
        running_simulator(tokens=FEW, tempers="steady") as sim,
        family(tmp_path, sim) as children,
    ):
        with feeding(children.cache, sim, sim.tokens) as feed:
            for token in sim.tokens:
                children.start(token)
            children.all_quote("shared", within_s=60)
            feed.kill()
            lost = time.monotonic()
            most = most_dialling(children, sim, lost_mono=lost)
            children.all_quote("direct", within_s=lost + 25 - time.monotonic())
            pause_until(lost + held_back_s)
            assert children.quoting("direct") == FEW

        with feeding(children.cache, sim, sim.tokens):
            children.all_quote("shared", within_s=45)
            eventually(
                lambda: sim.stats()["connections"]["market"] == 1,
                within_s=5,
                what="the own lines are given back",
            )

        statuses = [children.status(token) for token in sim.tokens]
        assert most == 5
        assert {each["switches"] for each in statuses} == {2}
        assert {each["last_switch"]["reason"] for each in statuses} == {"shared_healthy"}
        assert children.ended() == []


def test_a_hundred_children_lose_the_snapshot_at_once(tmp_path: Path, *, is_full: bool) -> None:
    """Eight of them do in every run; a hundred take a minute of both processors."""
    if not is_full:
        pytest.skip("a hundred children: make full")
    params = {"feed": {"fallback_max_connections": MANY}}
    with (
        running_simulator(tokens=MANY, tempers="steady") as sim,
        family(tmp_path, sim) as children,
    ):
        with feeding(children.cache, sim, sim.tokens) as feed:
            for number, token in enumerate(sim.tokens, start=1):
                children.start(token, params=params)
                if number % 10 == 0:
                    children.all_quote("shared", within_s=60)
            feed.kill()
            lost = time.monotonic()
            most = most_dialling(children, sim, lost_mono=lost)
            children.all_quote("direct", within_s=lost + 90 - time.monotonic())

        with feeding(children.cache, sim, sim.tokens):
            children.all_quote("shared", within_s=60)

        assert most == 5
        assert children.ended() == []


def test_a_restarted_feed_is_followed_at_once(tmp_path: Path) -> None:
    """Its seq begins again at 1; the ancestor ignored it until seq had passed the old value."""
    with (
        running_simulator(tokens=2, tempers="busy") as sim,
        family(tmp_path, sim) as children,
    ):
        with feeding(children.cache, sim, sim.tokens) as feed:
            for token in sim.tokens:
                children.start(token)
            children.all_quote("shared", within_s=40)
            eventually(
                lambda: all(children.status(token)["seq"] > 40 for token in sim.tokens),
                within_s=40,
                what="a seq that a new feed does not have",
            )
            before = {token: children.status(token) for token in sim.tokens}
            feed.kill()

        with feeding(children.cache, sim, sim.tokens):
            eventually(
                lambda: all(
                    is_quoting(now := children.status(token), "shared")
                    and now["epoch"] > before[token]["epoch"]
                    and now["seq"] < before[token]["seq"]
                    for token in sim.tokens
                ),
                within_s=5,
                what="both children follow the new feed",
            )
        assert {children.status(token)["switches"] for token in sim.tokens} == {0}
