"""Run the exchange's blocking requests beside a loop that must never block."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from POLYMARKET_MAKER.errors import MakerError


@dataclass(frozen=True, slots=True)
class Finished:
    """One request that has ended.

    Attributes:
        key: What it was submitted as.
        result: What it returned, when *error* is None.
        error: The error of ours that it ended with.
    """

    key: str
    result: object
    error: MakerError | None


THREADS = 6
"""One for each request a child may have: two posts, read, bury, two cancels; these never wait."""


class Calls:
    """Requests under way, at most one for each key.

    Every request has a deadline of its own, so that each one ends. An error that is
    not a :class:`MakerError` is a defect of the program: it is raised in the loop.
    """

    def __init__(self, *, wake: Callable[[], None], threads: int = THREADS) -> None:
        """Run at most *threads* requests at once; *wake* is called as each one ends."""
        self._wake = wake
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="request")
        self._running: dict[str, Future[object]] = {}

    def submit(self, key: str, function: Callable[[], object]) -> None:
        """Start *function* in a thread.

        Raises:
            ValueError: A request with this key is still under way.
        """
        if key in self._running:
            raise ValueError(f"request {key!r} is still under way")
        future: Future[object] = self._pool.submit(function)
        self._running[key] = future
        future.add_done_callback(lambda _: self._wake())

    def is_running(self, key: str) -> bool:
        """Whether a request with this key has not been collected yet."""
        return key in self._running

    def is_any_running(self) -> bool:
        """Whether some request has not been collected yet."""
        return bool(self._running)

    @property
    def running(self) -> frozenset[str]:
        """Keys of all requests that have not been collected yet."""
        return frozenset(self._running)

    def collect(self) -> list[Finished]:
        """Take the requests that have ended since the last call."""
        ended = [key for key, future in self._running.items() if future.done()]
        return [self._finished(key, self._running.pop(key)) for key in ended]

    def close(self, timeout_s: float) -> None:
        """Wait for what is under way, at most *timeout_s*; nothing can be submitted after."""
        wait(self._running.values(), timeout=timeout_s)
        self._pool.shutdown(wait=False, cancel_futures=True)

    @staticmethod
    def _finished(key: str, future: Future[object]) -> Finished:
        error = future.exception()
        if error is None:
            return Finished(key, future.result(), None)
        if isinstance(error, MakerError):
            return Finished(key, None, error)
        raise error
