"""Requests beside a loop: one a key, collected once, errors as values of ours only."""

from __future__ import annotations

import threading

import pytest

from POLYMARKET_MAKER.calls import Calls, Finished
from POLYMARKET_MAKER.cancelling import CANCELS
from POLYMARKET_MAKER.errors import VenueUnreachable


class Bell:
    """Counts how often the loop was woken, and waits for it."""

    def __init__(self) -> None:
        self.rung = threading.Semaphore(0)

    def __call__(self) -> None:
        self.rung.release()

    def wait(self) -> None:
        assert self.rung.acquire(timeout=10)


def test_a_result_is_collected_once() -> None:
    bell = Bell()
    calls = Calls(wake=bell)
    calls.submit("read", lambda: 7)
    bell.wait()

    assert calls.collect() == [Finished("read", 7, None)]
    assert calls.collect() == []
    calls.close(1)


def test_an_error_of_ours_is_a_value() -> None:
    bell = Bell()
    calls = Calls(wake=bell)
    error = VenueUnreachable("no answer")

    def fail() -> object:
        raise error

    calls.submit("read", fail)
    bell.wait()

    assert calls.collect() == [Finished("read", None, error)]
    calls.close(1)


def test_a_defect_is_raised_in_the_loop() -> None:
    bell = Bell()
    calls = Calls(wake=bell)
    calls.submit("read", lambda: 1 // 0)
    bell.wait()

    with pytest.raises(ZeroDivisionError):
        calls.collect()
    calls.close(1)


def test_a_key_is_under_way_once_and_until_it_is_collected() -> None:
    bell, go = Bell(), threading.Event()
    calls = Calls(wake=bell)
    calls.submit("read", lambda: go.wait(10))
    assert calls.is_running("read")
    assert calls.collect() == []
    with pytest.raises(ValueError, match="under way"):
        calls.submit("read", lambda: None)

    go.set()
    bell.wait()
    assert calls.running == {"read"}
    calls.collect()
    assert not calls.is_running("read")
    calls.close(1)


def test_a_cancel_finds_a_thread_while_everything_else_hangs() -> None:
    bell, go = Bell(), threading.Event()
    calls = Calls(wake=bell)
    for key in ("post_BUY", "post_SELL", "read", "bury", CANCELS[0]):
        calls.submit(key, lambda: go.wait(15))

    calls.submit(CANCELS[1], lambda: "answered")
    bell.wait()

    assert calls.collect() == [Finished(CANCELS[1], "answered", None)]
    go.set()
    calls.close(10)
