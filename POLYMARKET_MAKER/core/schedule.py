"""Which child is started next, which one makes room.

Every token is in one place at most::

    offer ──► queue ──started──► running ──ended──► queue     it crashed, or made room
                                                 ├► finished  closed, refused, stopped
                                                 └► gone      sold out, not wanted any more

Two lanes: children that trade, and children that only sell out. Each lane has its
own slots and its own spacing, so that sellers never wait behind buyers. Within a
lane the first in the queue whose time has come is first. A child that crashed
returns to the front, because it may hold shares; a rotated one goes to the tail.
Idleness costs a slot only while others wait, and never a place in the queue.

Values only: each verb returns the schedule that follows. Times are monotonic
seconds; jitter is drawn by the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from POLYMARKET_MAKER.core.lanes import Lane, Limits, Outcome, Running, Start, Waiting

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Where every token is.

    Attributes:
        limits: Slots and spacing.
        queue: Tokens without a child, in the order of their turn.
        running: Tokens with a child.
        finished: Tokens that do not come back by themselves, with the reason.
        handled: Tokens whose child was started at least once.
        next_at: When each lane may start its next child.
    """

    limits: Limits
    queue: tuple[Waiting, ...] = ()
    running: Mapping[str, Running] = field(default_factory=dict)
    finished: Mapping[str, str] = field(default_factory=dict)
    handled: frozenset[str] = frozenset()
    next_at: Mapping[Lane, float] = field(default_factory=dict)

    # -- the way in -------------------------------------------------------------

    def offer(self, token_ids: Iterable[str]) -> Schedule:
        """Append to the queue what is not in it, not running and not finished."""
        known = {each.token_id for each in self.queue} | set(self.running) | set(self.finished)
        new = [token_id for token_id in dict.fromkeys(token_ids) if token_id not in known]
        if not new:
            return self
        return replace(self, queue=(*self.queue, *(Waiting(token_id) for token_id in new)))

    def sell(self, token_id: str) -> Schedule:
        """Have what is held of *token_id* sold.

        A running child is told by the caller, and sells by itself; a token without a
        child gets one that only sells. A finished token is left alone.
        """
        if token_id in self.finished:
            return self
        if token_id in self.running:
            return self._with_running(token_id, replace(self._run(token_id), is_selling=True))
        if any(each.lane is Lane.EXIT for each in self.queue if each.token_id == token_id):
            return self
        without = self.drop(token_id)
        return replace(without, queue=(*without.queue, Waiting(token_id, Lane.EXIT)))

    def keep(self, token_id: str) -> Schedule:
        """Take :meth:`sell` back: a child that trades goes on, one that waits to sell does not.

        A running child that only sells is ended by the caller; its token is then gone, and
        may be offered again.
        """
        run = self.running.get(token_id)
        if run is not None and run.lane is Lane.TRADE:
            return self._with_running(token_id, replace(run, is_selling=False, is_parked=False))
        sellers = [each for each in self.queue if each.lane is Lane.EXIT]
        return self.drop(token_id) if token_id in {each.token_id for each in sellers} else self

    def allow(self, token_id: str) -> Schedule:
        """Let a finished token be offered again."""
        return replace(self, finished=_without(self.finished, token_id))

    # -- the way out ------------------------------------------------------------

    def drop(self, token_id: str) -> Schedule:
        """Take *token_id* out of the queue; it may be offered again."""
        return replace(self, queue=tuple(each for each in self.queue if each.token_id != token_id))

    def leave(self, token_id: str) -> Schedule:
        """Let go of a token that is not wanted any more; a running child is ended by the caller.

        When that has ended, the token may be offered again.
        """
        if token_id in self.running:
            return self._with_running(token_id, replace(self._run(token_id), is_leaving=True))
        return self.drop(token_id)

    def stop(self, token_id: str, reason: str = "stopped") -> Schedule:
        """Never start *token_id* again by itself; a running child is ended by the caller."""
        return replace(self.drop(token_id), finished={**self.finished, token_id: reason})

    # -- starts -----------------------------------------------------------------

    def next_start(self, now: float) -> Start | None:
        """Return the child to start now; None when there is no turn, no slot or no token."""
        for lane in (Lane.EXIT, Lane.TRADE):
            if now < self.next_at.get(lane, now) or not self.free_slots(lane):
                continue
            for each in self.queue:
                if each.lane is lane and each.not_before <= now:
                    return Start(each.token_id, lane)
        return None

    def started(self, token_id: str, now: float, *, jitter_s: float = 0.0) -> Schedule:
        """Note that the child of a queued token runs: only now the token is handled.

        Args:
            token_id: What :meth:`next_start` returned.
            now: Monotonic seconds.
            jitter_s: Added to the spacing before the next start of its lane.

        Raises:
            ValueError: The token is not in the queue.
        """
        lane = self._waiting(token_id).lane
        return replace(
            self.drop(token_id),
            running={**self.running, token_id: Running(lane, now)},
            handled=self.handled | {token_id},
            next_at={**self.next_at, lane: now + self.limits.spacing(lane) + jitter_s},
        )

    def adopted(self, token_id: str, lane: Lane, now: float) -> Schedule:
        """Note that a child of an earlier supervisor runs; it takes a slot of its lane."""
        known = self.allow(token_id).drop(token_id)
        return replace(
            known,
            running={**known.running, token_id: Running(lane, now)},
            handled=known.handled | {token_id},
        )

    def failed(self, token_id: str, now: float, *, after_s: float) -> Schedule:
        """Note that a child could not be started: it keeps its place and is tried later."""
        waiting = self._waiting(token_id)
        later = replace(waiting, not_before=now + after_s)
        return replace(self, queue=tuple(later if each is waiting else each for each in self.queue))

    # -- ends -------------------------------------------------------------------

    def ended(
        self,
        token_id: str,
        outcome: Outcome,
        now: float,
        *,
        after_s: float = 0.0,
        reason: str = "",
    ) -> Schedule:
        """Note that a child ended.

        Args:
            token_id: A running token.
            outcome: What that means.
            now: Monotonic seconds.
            after_s: AGAIN: how long to wait at least.
            reason: FINAL: why.

        Raises:
            ValueError: The token is not running.
        """
        run = self._run(token_id)
        rest = replace(self, running=_without(self.running, token_id))
        if token_id in self.finished:  # stopped meanwhile
            return rest
        if outcome is Outcome.FINAL:
            return rest.stop(token_id, reason or "final")
        if run.is_leaving:
            return rest
        sells = run.is_selling or run.lane is Lane.EXIT
        if outcome is Outcome.AGAIN:
            lane = Lane.EXIT if sells else Lane.TRADE
            return replace(rest, queue=(Waiting(token_id, lane, now + after_s), *rest.queue))
        if sells:  # gone: a later purchase offers it anew
            return rest
        return replace(rest, queue=(*rest.queue, Waiting(token_id)))

    def parked(self, token_id: str) -> Schedule:
        """Free the slot of a child that only waits for an order resting at its floor."""
        return self._with_running(token_id, replace(self._run(token_id), is_parked=True))

    # -- rotation ---------------------------------------------------------------

    def to_rotate(self, idle_s: Mapping[str, float], now: float) -> str | None:
        """Return the child that should make room; None while nobody waits for its slot.

        Args:
            idle_s: For each child that is flat and idle for longer than it may be when
                others wait: for how long.
            now: Monotonic seconds.
        """
        ready = sum(each.lane is Lane.TRADE and each.not_before <= now for each in self.queue)
        leaving = sum(run.is_rotating for run in self.running.values())
        if ready <= leaving + self.free_slots(Lane.TRADE):
            return None
        idle = [token_id for token_id in idle_s if self._may_rotate(token_id)]
        return max(idle, key=lambda token_id: idle_s[token_id], default=None)

    def rotating(self, token_id: str) -> Schedule:
        """Note that a child was told to make room."""
        return self._with_running(token_id, replace(self._run(token_id), is_rotating=True))

    # -- looking ----------------------------------------------------------------

    def free_slots(self, lane: Lane) -> int:
        """Return how many more children the lane has room for."""
        taken = sum(run.lane is lane and not run.is_parked for run in self.running.values())
        return max(0, self.limits.slots(lane) - taken)

    @property
    def wants_quotes(self) -> tuple[str, ...]:
        """Tokens to subscribe: also those that wait, so that a child starts on data."""
        return (*self.running, *(each.token_id for each in self.queue))

    def _may_rotate(self, token_id: str) -> bool:
        run = self.running.get(token_id)
        return (
            run is not None
            and run.lane is Lane.TRADE
            and not (run.is_selling or run.is_rotating or run.is_leaving)
            and token_id not in self.finished
        )

    def _waiting(self, token_id: str) -> Waiting:
        for each in self.queue:
            if each.token_id == token_id:
                return each
        raise ValueError(f"token {token_id} is not in the queue")

    def _run(self, token_id: str) -> Running:
        if token_id not in self.running:
            raise ValueError(f"token {token_id} is not running")
        return self.running[token_id]

    def _with_running(self, token_id: str, run: Running) -> Schedule:
        return replace(self, running={**self.running, token_id: run})


def _without(mapping: Mapping[str, T], token_id: str) -> dict[str, T]:
    return {key: value for key, value in mapping.items() if key != token_id}
