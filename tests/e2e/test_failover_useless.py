"""A supervisor that runs, and whose file is of no use to a child: the child leaves, and says why.

The exchange denies the supervisor's connection what it gives the children's, so that the
aggregator lives and writes, and has nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from polyshared import write_atomic
from tests.support.failover import is_quoting, starting_together, taking_the_place
from tests.support.program import Supervised, eventually, read_json, supervised
from tests.support.simulator import Simulator, addresses, running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

START_S = 60.0
"""Time for all processes to start on a busy machine."""
LEAVE_S = 60.0
"""The longest limit is 30 s and 5 s of jitter."""


@contextmanager
def house(home: Path, *, tokens: int, denied: int = 0) -> Iterator[tuple[Simulator, Supervised]]:
    """Run children of a supervisor, all on its file.

    Args:
        home: Where they run; it is made.
        tokens: How many children.
        denied: How many of them, the last, wait for a token that no line of the supervisor's
            ever gets.
    """
    home.mkdir()
    with running_simulator(tokens=tokens, no_flow=True) as sim:
        there, absent = sim.tokens[: tokens - denied], sim.tokens[tokens - denied :]
        sim.control(do="deaf", tokens=absent)
        sim.control(do="fault", path="/book", kind="500", count=None)
        with supervised(
            *("--paper", "--no-repl", "--tokens", ",".join(sim.tokens)),
            *starting_together(home),
            directory=home,
            env=addresses(sim),
        ) as run:
            # Until it is known who is not to get them, nobody does: no race with the start.
            sim.control(do="freeze", tokens=absent, sticky=True, pid=run.process.pid)
            sim.control(do="deaf", tokens=[])
            eventually(
                lambda: (
                    all(is_quoting(run.children()[token], "shared") for token in there)
                    and all(run.children()[token]["reads"]["absent"] for token in absent)
                ),
                within_s=START_S,
                what="children that have read the file",
            )
            run.shown_pids(tokens)
            yield sim, run


@contextmanager
def house_of_another_version(home: Path) -> Iterator[Supervised]:
    """Have a program of this version write the supervisor's file, and know neither token nor line.

    Its aggregator has ended, because its lock is gone.
    """
    with house(home, tokens=1) as (_, run), taking_the_place(run).start():
        yield run


@contextmanager
def house_of_the_ancestor(home: Path) -> Iterator[Supervised]:
    """The same with a file as the ancestor wrote it, a new one five times a second."""
    done = threading.Event()

    def write(path: Path) -> None:
        while not done.wait(0.2):
            write_atomic(path, b'{"updated_at": "2026-11-20T15:11:03Z", "tokens": {}}')

    with house(home, tokens=1) as (_, run), taking_the_place(run, lane=False):
        thread = threading.Thread(target=write, args=(run.data / "ws_cache.json",))
        thread.start()
        try:
            yield run
        finally:
            done.set()
            thread.join()


def cache_of(run: Supervised) -> dict[str, Any]:
    return read_json(run.data / "ws_cache.json")


def all_leave(run: Supervised, *tokens: str) -> None:
    """Wait until these children, or all, are on their own lines."""
    eventually(
        lambda: all(
            is_quoting(child, "direct")
            for token, child in run.children().items()
            if token in tokens or not tokens
        ),
        within_s=LEAVE_S,
        what=f"own lines in {run.data.parent.name}",
    )


def why_they_left(run: Supervised, *tokens: str, limit_s: float) -> set[str]:
    """Return why these children, or all, have left, once and not before their limit."""
    children = run.children()
    statuses = [children[token] for token in tokens or children]
    for status in statuses:
        assert status["switches"] == 1
        switch = status["last_switch"]
        assert (switch["from"], switch["to"]) == ("shared", "direct")
        assert limit_s <= switch["limit_s"] <= limit_s + 5
        assert switch["age_s"] >= switch["limit_s"]
    return {status["last_switch"]["reason"] for status in statuses}


def said_of_it(run: Supervised, token: str) -> list[str]:
    log = (run.logs / f"autorun_{token}.log").read_text("utf-8")
    return [line for line in log.splitlines() if "[FALLBACK]" in line]


def test_a_file_that_is_of_no_use_is_left_and_the_child_says_why(tmp_path: Path) -> None:
    """The report: the file was there and young, so every child waited for it, for a day.

    Four supervisors at once, because each limit takes its time. The line of the first is open
    and answers PING, and brings no book. Of two another program has taken the file, and keeps
    it fresh and empty. The line of the last brings one book of two, and then breaks for good.
    """
    with ExitStack() as stack:
        _, empty = stack.enter_context(house(tmp_path / "empty", tokens=2, denied=2))
        first = cache_of(empty)
        assert (first["tokens"], first["feed"]["state"]) == ({}, "open")
        other = stack.enter_context(house_of_another_version(tmp_path / "other"))
        ancestor = stack.enter_context(house_of_the_ancestor(tmp_path / "ancestor"))
        sim, partial = stack.enter_context(house(tmp_path / "partial", tokens=2, denied=1))
        runs = (empty, other, ancestor, partial)
        there, absent = sim.tokens
        pids = [sorted(run.pids()) for run in runs]

        for run in (other, ancestor, empty):
            all_leave(run)
            assert cache_of(run)["tokens"] == {}
        now = cache_of(empty)
        assert now["feed"]["state"] == "open"
        assert now["written_at"] - first["written_at"] > 8

        all_leave(partial, absent)
        assert list(cache_of(partial)["tokens"]) == [there]
        assert partial.children()[there]["switches"] == 0
        sim.control(do="shun", pid=partial.process.pid)
        shunned = cache_of(partial)
        all_leave(partial, there)
        now = cache_of(partial)
        assert now["feed"]["state"] in ("down", "connecting")
        assert now["written_at"] - shunned["written_at"] > 8
        assert partial.status()["aggregator"]["error"] is None

        assert why_they_left(empty, limit_s=30) == {"token_absent"}
        assert why_they_left(partial, absent, limit_s=30) == {"token_absent"}
        assert why_they_left(partial, there, limit_s=10) == {"line_down"}
        assert why_they_left(other, limit_s=10) == {"line_down"}
        assert why_they_left(ancestor, limit_s=10) == {"corrupt"}
        (line,) = said_of_it(partial, there)
        assert "from=shared to=direct reason=line_down age_s=" in line
        assert [sorted(run.pids()) for run in runs] == pids
        for run in runs:
            run.process.terminate()
        assert [run.process.wait(40) for run in runs] == [0, 0, 0, 0]
