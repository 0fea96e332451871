"""Two brakes that outlive every process: ``KILL`` and ``PAUSE.json`` in the data directory."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from polyshared import write_atomic

EVERYTHING = "*"


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

    def is_killed(self) -> bool:
        """Whether nothing may be placed, and what is ours is to be cancelled."""
        return self._kill_file.exists()

    def is_paused(self, token_id: str) -> bool:
        """Whether *token_id* is paused by itself or with everything."""
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


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
