"""Carry out what the operator asks for, in the supervisor's own thread.

He asks at the console, or from another process through files in ``data/control/``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import msgspec

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.brakes import EVERYTHING, Brakes
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.console import MEANING, Command, Row, Verb, plain_lines, resolve_token, row
from POLYMARKET_MAKER.control import Asked, Control, Request
from POLYMARKET_MAKER.errors import CannotStart, UsageError
from POLYMARKET_MAKER.supervisor import Supervisor

CLEAN_EVERY_S = 60.0
"""How often answers that nobody fetched are looked for."""
FRAME_SHOWN = 2000
"""Characters of a frame that are told; the first book of many tokens is megabytes long."""


class Refused(Exception):
    """A request that is not carried out; the sentence says why."""


class OperatorDesk:
    """Acts on the commands of the console and on requests by file, one after the other."""

    def __init__(
        self, commands: SimpleQueue[Command], brakes: Brakes, data_dir: Path, clock: Clock
    ) -> None:
        """Take commands from *commands*; children tell of themselves in *data_dir*.

        Raises:
            OSError: The folder for requests cannot be made.
        """
        self._commands = commands
        self._control = Control(data_dir, clock)
        self._brakes = brakes
        self._data_dir = data_dir
        self._clock = clock
        self._cleaned_mono = clock.mono()

    def rows(self, token_ids: Iterable[str]) -> list[Row]:
        """Return what the children of these tokens tell of themselves; some may not yet."""
        statuses = (self._status(token_id) for token_id in token_ids)
        boot = self._clock.boot()
        return [row(status, boottime_s=boot) for status in statuses if status is not None]

    def act(self, supervisor: Supervisor) -> None:
        """Carry out every request and command that waits."""
        if self._clock.mono() - self._cleaned_mono >= CLEAN_EVERY_S:
            self._cleaned_mono = self._clock.mono()
            self._control.clean()
        for request in self._control.requests():
            log.info("[CMD]", verb=request.verb, token=request.token_id, by=request.by)
            try:
                done = self._carry_out(request, supervisor)
            except (Refused, UsageError, CannotStart, OSError) as error:
                self._control.answer(request, ok=False, message=str(error))
            else:
                self._control.answer(request, ok=True, message=done)
        while True:
            try:
                command = self._commands.get_nowait()
            except Empty:
                return
            try:
                self._act(command, supervisor)
            except (UsageError, OSError) as error:
                log.warning("[CMD]", str(error))

    def _act(self, command: Command, supervisor: Supervisor) -> None:
        tokens = list(supervisor.fleet.tasks)
        token_id = None if command.token is None else resolve_token(command.token, tokens)
        log.info("[CMD]", verb=command.verb, token=token_id)
        match command.verb:
            case Verb.LIST | Verb.STATUS:
                self._show(supervisor, tokens)
            case Verb.STOP:
                assert token_id is not None
                supervisor.fleet.stop(token_id)
            case Verb.PAUSE:
                self._brakes.pause(token_id, "console")
            case Verb.RESUME:
                self._resume(token_id, "console", supervisor)
            case Verb.KILL:
                self._brakes.kill("console")
            case Verb.REFRESH:
                log.info("[CMD]", "the token files are read in every turn")
            case Verb.EXIT:
                supervisor.stop("console")
            case Verb.HELP:
                for line in MEANING.values():
                    log.info("[CMD]", line)

    def _carry_out(self, request: Request, supervisor: Supervisor) -> str:
        """Carry out a request by file and return what was done."""
        tokens = list(supervisor.fleet.tasks)
        said = request.token_id
        token_id = None if said is None else resolve_token(said, tokens)
        name = "everything" if token_id is None else log.short(token_id)
        match request.verb:
            case Asked.PAUSE:
                self._brakes.pause(token_id, request.by)
                return f"{name} is paused"
            case Asked.RESUME:
                if self._brakes.is_killed():  # to take that back, a person is asked first
                    raise Refused("KILL is set; `polyshared resume` asks and removes it")
                self._resume(token_id, request.by, supervisor)
                return f"{name} is resumed"
            case Asked.KILL:
                self._brakes.kill(request.by)
                return "nothing is placed any more, what is ours is cancelled"
            case Asked.RESTART:
                return _restart(token_id, supervisor)
            case Asked.FRAMES:
                return _last_frames(supervisor)

    def _resume(self, token_id: str | None, by: str, supervisor: Supervisor) -> None:
        if token_id is not None and EVERYTHING in self._brakes.paused():
            # To let one go on, the others would have to be paused one by one: say it, so that
            # nobody believes that this one trades, or that the others still rest.
            raise UsageError(
                f"everything is paused, {log.short(token_id)} with it: `resume` without a token "
                "takes that back; then pause what should rest"
            )
        self._brakes.resume(token_id, by)
        if token_id is not None:
            supervisor.fleet.allow(token_id)

    def _show(self, supervisor: Supervisor, tokens: Sequence[str]) -> None:
        for number, token_id in enumerate(tokens, start=1):
            task = supervisor.fleet.tasks[token_id]
            pid = None if task.child is None else task.child.pid
            log.info("[RUN]", index=number, topic=token_id, status=task.status, pid=pid)
        for line in plain_lines(self.rows(tokens)):
            log.info("[RUN]", line)

    def _status(self, token_id: str) -> dict[str, Any] | None:
        path = self._data_dir / "children" / f"{token_id}.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        except (OSError, msgspec.MsgspecError):
            return None  # not written yet; doctor judges files that stay unreadable


def _restart(token_id: str | None, supervisor: Supervisor) -> str:
    if token_id is None:
        if not supervisor.restart_aggregator():
            raise Refused("there is no aggregator that could be started anew")
        return "the aggregator is started anew"
    if not supervisor.fleet.start_anew(token_id):
        raise Refused(f"{log.short(token_id)} has no child")
    return f"the child of {log.short(token_id)} is started anew"


def _last_frames(supervisor: Supervisor) -> str:
    """Return the newest raw market frames as JSON lines; of a long one, the beginning."""
    if supervisor.aggregator is None:
        raise Refused("there is no aggregator: each child has its own line")
    rows = (
        {"at": frame.at, "length": len(frame.text), "text": frame.text[:FRAME_SHOWN]}
        for frame in supervisor.aggregator.last_frames()
    )
    return b"".join(msgspec.json.encode(each) + b"\n" for each in rows).decode()
