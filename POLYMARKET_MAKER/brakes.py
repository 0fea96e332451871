"""Two brakes that outlive every process: ``KILL`` and ``PAUSE.json`` in the data directory.

:class:`Signs` is the child's way to look at them, and at its exit signal.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from polyshared import write_atomic

EVERYTHING = "*"
LOOK_EVERY_S = 0.2
"""How old a child's look at them may be; before it places something, it looks once more."""


class _Pause(msgspec.Struct):
    tokens: list[str]
    since: str = ""
    by: str = ""


class Brakes:
    """Reads the brakes, and for the supervisor sets and releases them.

    An unreadable ``PAUSE.json`` pauses everything: somebody wanted something paused.
    """

    def __init__(self, data_dir: Path) -> None:
        """Use the brakes of *data_dir*."""
        self._kill_file = data_dir / "KILL"
        self._pause_file = data_dir / "PAUSE.json"
        # A Path makes its text anew for each call.
        self._kill_name = os.fspath(self._kill_file)
        self._pause_name = os.fspath(self._pause_file)

    def is_killed(self) -> bool:
        """Whether nothing may be placed, and what is ours is to be cancelled."""
        try:
            os.stat(self._kill_name)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def is_paused(self, token_id: str) -> bool:
        """Whether *token_id* is paused by itself or with everything."""
        try:
            os.stat(self._pause_name)
        except FileNotFoundError:  # as nearly always; a failed open() costs four times as much
            return False
        except OSError:
            return True
        return not self.paused().isdisjoint((token_id, EVERYTHING))

    def paused(self) -> frozenset[str]:
        """Return the paused tokens; :data:`EVERYTHING` among them stands for all."""
        try:
            return frozenset(msgspec.json.decode(self._pause_file.read_bytes(), type=_Pause).tokens)
        except FileNotFoundError:
            return frozenset()
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return frozenset((EVERYTHING,))

    def kill(self, by: str) -> None:
        """Stop all trading until :meth:`resume`; *by* says for people who it was."""
        self._kill_file.write_text(f"{by} {_now()}\n", encoding="utf-8")

    def pause(self, token_id: str | None, by: str) -> None:
        """Pause one token, or everything when it is None."""
        self._write(self.paused() | {token_id or EVERYTHING}, by)

    def resume(self, token_id: str | None, by: str) -> None:
        """Resume one token; None resumes everything and takes a kill back."""
        if token_id is None:
            self._kill_file.unlink(missing_ok=True)
            self._pause_file.unlink(missing_ok=True)
        else:
            self._write(self.paused() - {token_id}, by)

    def _write(self, tokens: frozenset[str], by: str) -> None:
        pause = _Pause(sorted(tokens), _now(), by)
        write_atomic(self._pause_file, msgspec.json.encode(pause), durable=True)


class Signs:
    """What is said to one child by files, as it was at the last :meth:`look`.

    Attributes:
        killed: Nothing may be placed, and what is ours is to be cancelled.
        paused: The same for this token, or for all.
        exiting: What is held is to be sold.
    """

    def __init__(self, brakes: Brakes, token_id: str, exit_signal: Path) -> None:
        """Look at nothing yet; until then nothing may be placed."""
        self.killed = False
        self.paused = True
        self.exiting = False
        self._brakes = brakes
        self._token_id = token_id
        self._exit_signal = os.fspath(exit_signal)

    def look(self) -> None:
        """Look at all of them."""
        self.killed = self._brakes.is_killed()
        self.paused = self._brakes.is_paused(self._token_id)
        self.exiting = os.path.exists(self._exit_signal)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
