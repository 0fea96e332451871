"""All strategy processes: which runs, which waits, what follows when one ends.

What is decided stands in ``core.schedule`` and ``core.restart``; here are the processes.
Call everything from one thread that lives as long as the supervisor.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.children import Child, adopt_child
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core import restart
from POLYMARKET_MAKER.core.lanes import Lane, Outcome, Start
from POLYMARKET_MAKER.core.schedule import Schedule
from POLYMARKET_MAKER.desk import Desk
from POLYMARKET_MAKER.launch import launch, limits_of
from POLYMARKET_MAKER.orphans import Orphans, Stranger
from POLYMARKET_MAKER.remembered import ExitRecord, Remembered, told_if_not_written
from POLYMARKET_MAKER.settings import Settings
from POLYMARKET_MAKER.settings.assignment import Merged, merge_strategy
from POLYMARKET_MAKER.tasks import USER_STOPPED, Task, forget_old_tasks, stopped_tasks

SETTINGS_REFUSED = "settings"
"""What ``core.restart`` calls the end of a child that could not be started with its settings."""
START_RETRY_S = 5.0
CLEAR_LOOK_S = 0.2


class Fleet:
    """The strategy processes of one supervisor.

    Attributes:
        tasks: Every token that is wanted, was stopped, or is over since not long ago.
        schedule: Where every token is.
    """

    def __init__(
        self,
        settings: Settings,
        desk: Desk,
        memory: Remembered,
        clock: Clock,
        orphans: Orphans | None = None,
    ) -> None:
        """Start nothing yet; a token that an orphan still trades waits until it is gone."""
        self.tasks = stopped_tasks(memory.finished)
        self._settings = settings
        self._desk = desk
        self._memory = memory
        self._clock = clock
        self._orphans = orphans
        limits = limits_of(settings, clock)
        self.schedule = Schedule(limits, finished=memory.finished, handled=memory.handled)
        for stranger in orphans.to_adopt if orphans is not None else ():
            self._adopt(stranger)

    def take_settings(self, settings: Settings) -> None:
        """Go on with changed settings; a child gets those that are its own at its next start.

        So does a token that the old ones had ended.
        """
        self._settings = settings
        self.schedule = replace(self.schedule, limits=limits_of(settings, self._clock))
        for token_id, reason in list(self.schedule.finished.items()):
            if reason == SETTINGS_REFUSED:
                self.allow(token_id)

    def offer(self, token_ids: Iterable[str]) -> None:
        """Queue the tokens that are not known yet."""
        self.schedule = self.schedule.offer(token_ids)
        for token_id in self.schedule.wants_quotes:
            self.tasks.setdefault(token_id, Task(token_id))

    def children(self) -> Iterator[Child]:
        """Return every process that has not been reaped."""
        return (task.child for task in self.tasks.values() if task.child is not None)

    def is_over(self) -> bool:
        """Whether every process has ended and been reaped, those of an earlier supervisor too."""
        return not any(self.children()) and not (self._orphans and self._orphans.tokens)

    def start_next(self, shared_cache: Path | None) -> None:
        """Start the child whose turn it is, if there is one.

        Args:
            shared_cache: The aggregator's file when it serves at this moment, else None.
        """
        mono = self._clock.mono()
        turn = self._next_turn(mono)
        if turn is None:
            return
        try:
            child = launch(turn, self._settings, self._desk, shared_cache, now_mono=mono)
        except OSError as error:
            log.error("[START]", event="start_failed", token=turn.token_id, reason=str(error))
            self.schedule = self.schedule.failed(turn.token_id, mono, after_s=START_RETRY_S)
            return
        jitter_s = random.uniform(0, self._settings.scheduler.process_stagger_max_sec)  # noqa: S311
        self.schedule = self.schedule.started(
            turn.token_id, self._clock.mono(), jitter_s=self._clock.real_s(jitter_s)
        )
        self.tasks[turn.token_id].started(child)
        with told_if_not_written():
            self._memory.note_started(turn.token_id, self._clock.now())

    def _next_turn(self, mono: float) -> Start | None:
        """Return whose turn it is; a token whose last child's orders are not gone waits."""
        while (turn := self.schedule.next_start(mono)) is not None:
            if self._is_free(turn.token_id):
                return turn
            self.schedule = self.schedule.failed(turn.token_id, mono, after_s=CLEAR_LOOK_S)
        return None

    def _is_free(self, token_id: str) -> bool:
        """Whether nobody trades it, and what its last child left is proven gone."""
        return not self.is_traded(token_id) and self._desk.is_clear(token_id)

    def is_traded(self, token_id: str) -> bool:
        """Whether a process does: a child, one of an earlier supervisor, one by hand."""
        is_taken = self._orphans is not None and self._orphans.is_taken(token_id)
        return is_taken or token_id in self.schedule.running

    def reap(self) -> None:
        """Take note of children that have ended, have cancelled what they left, decide on."""
        for token_id in self._orphans.take_gone() if self._orphans is not None else ():
            self._desk.clear(token_id)
        for task in self.tasks.values():
            code = task.child.exit_code() if task.child is not None else None
            if code is not None:
                self._ended(task, code)
        forget_old_tasks(self.tasks, wanted=self.schedule.wants_quotes)

    def end_hung(self) -> None:
        """End children whose loop does not turn; they come back as after a crash."""
        mono, grace_s = self._clock.mono(), self._settings.scheduler.process_graceful_timeout_sec
        for task in self.tasks.values():
            if task.child is not None:
                task.last_heartbeat = self._clock.now() - task.child.pulse.silent_s(mono)
                task.child.end_if_hung(mono, grace_s=grace_s)

    # -- what others want of a token

    def sell(self, token_id: str) -> None:
        """Have what is held of a token sold; a running child was told by the caller."""
        self.schedule = self.schedule.sell(token_id)
        self.tasks.setdefault(token_id, Task(token_id))

    def keep(self, token_id: str) -> None:
        """Take :meth:`sell` back; a child that only sells makes room for one that trades."""
        run = self.schedule.running.get(token_id)
        if run is not None and run.lane is Lane.EXIT:
            self._make_room(token_id)
        else:
            self.schedule = self.schedule.keep(token_id)

    def forget(self, token_id: str) -> None:
        """Take a token out of the queue: it is sold, and only a purchase brings it back."""
        self.schedule = self.schedule.drop(token_id)

    def park(self, token_id: str) -> None:
        """Free the slot of a child whose order rests at its floor."""
        self.schedule = self.schedule.parked(token_id)

    def retire(self, token_id: str) -> None:
        """End a child that has nothing left to do; its token is gone with it."""
        self.park(token_id)
        self._end(token_id)

    def rotate(self, token_id: str, *, idle_s: float) -> None:
        """Have an idle child make room; its token goes to the queue's tail."""
        log.info("[EXIT]", token=token_id, reason="rotated", idle_s=idle_s)
        self._make_room(token_id)

    def settings_of(self, token_id: str) -> Merged:
        """Return the settings in force of a token; its durations are a schedule's, unscaled."""
        return merge_strategy(self._settings, token_id)

    def start_anew(self, token_id: str) -> bool:
        """End the child of a token and start another; return whether it has one."""
        task = self.tasks.get(token_id)
        if task is None or task.child is None:
            return False
        task.child.restarting = True
        task.child.terminate()
        return True

    def allow(self, token_id: str) -> None:
        """Let a token be traded again that was stopped or has given up."""
        if token_id in self.schedule.finished:
            self.schedule = self.schedule.allow(token_id)
            self._note_exit(token_id, "RESUMED", refillable=True)

    def leave(self, token_id: str) -> None:
        """Trade a token no more that nobody wants any longer; what is held of it stays held."""
        self.schedule = self.schedule.leave(token_id)
        task = self.tasks.get(token_id)
        if task is None:
            return
        log.info("[EXIT]", token=token_id, reason="not_wanted")
        if task.child is not None:
            task.child.terminate()
        else:
            task.stopped()

    def stop(self, token_id: str) -> bool:
        """End the child of a token for good; return whether the token is known."""
        task = self.tasks.get(token_id)
        if task is None:
            return False
        self.schedule = self.schedule.stop(token_id)
        self._note_exit(token_id, USER_STOPPED, refillable=False)
        if task.child is not None:
            task.child.terminate()
        else:
            task.stopped()
        return True

    def terminate_all(self) -> None:
        """Ask every child to cancel and end."""
        for child in self.children():
            child.terminate()

    def kill_all(self) -> None:
        """End what did not end when it was asked, and take note of all of them."""
        left = [child for child in self.children() if child.exit_code() is None]
        if left:
            log.error("[EXIT]", event="killed", pids=[child.pid for child in left])
        for child in left:
            child.kill()
        for child in self.children():
            child.process.wait()
        if self._orphans is not None:
            self._orphans.end()
        self.reap()

    def _ended(self, task: Task, code: int) -> None:
        assert task.child is not None
        task.child.pulse.close()
        self._desk.clear(task.token_id)
        mono = self._clock.mono()
        verdict = task.judge(
            code,
            mono,
            scale=self._clock.scale,
            is_rotating=self.schedule.running[task.token_id].is_rotating,
        )
        log.info(
            "[CHILD]", token=task.token_id, pid=task.child.pid, code=code, reason=verdict.reason
        )
        if isinstance(verdict, restart.Quarantine):
            log.warning(
                "[CHILD]", event="quarantined", token=task.token_id, code=code, for_s=verdict.for_s
            )
        task.ended(code, verdict)
        self._place(task.token_id, verdict, mono)

    def _place(self, token_id: str, verdict: restart.Verdict, mono: float) -> None:
        """Put the token where the verdict on its child wants it."""
        match verdict:
            case restart.Restart(wait_s) | restart.Quarantine(wait_s):
                self.schedule = self.schedule.ended(
                    token_id, Outcome.AGAIN, mono, after_s=self._clock.real_s(wait_s)
                )
            case restart.Stop("asked" | "done" | "rotated" as reason):
                self.schedule = self.schedule.ended(token_id, Outcome.DONE, mono)
                if reason == "rotated":
                    self._note_exit(token_id, "ROTATED", refillable=True)
            case restart.Stop(reason):
                self.schedule = self.schedule.ended(token_id, Outcome.FINAL, mono, reason=reason)
                self._note_exit(token_id, reason.upper(), refillable=reason != "market_closed")

    def _adopt(self, stranger: Stranger) -> None:
        """Take over a child that outlived its supervisor; one that only sells goes on to."""
        token_id, settings = stranger.token_id, self._settings
        child = adopt_child(
            stranger, data_dir=settings.data_dir, log_dir=settings.log_dir, clock=self._clock
        )
        lane = Lane.EXIT if stranger.is_exit_only else Lane.TRADE
        self.schedule = self.schedule.adopted(token_id, lane, child.started_mono)
        self.tasks[token_id] = Task(token_id)
        self.tasks[token_id].started(child)
        log.info("[START]", event="adopted", topic=token_id, pid=child.pid)

    def _make_room(self, token_id: str) -> None:
        self.schedule = self.schedule.rotating(token_id)
        self._end(token_id)

    def _end(self, token_id: str) -> None:
        child = self.tasks[token_id].child
        assert child is not None, "it is running"
        child.terminate()

    def _note_exit(self, token_id: str, reason: str, *, refillable: bool) -> None:
        with told_if_not_written():
            self._memory.note_exit(ExitRecord(token_id, self._clock.now(), reason, refillable))
