"""The dead-man switch: an API key that has armed it loses its orders when it falls silent."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from POLYMARKET_MAKER.sim.refusals import Refused

SILENCE_S = 10.0


@dataclass(slots=True)
class Beat:
    expected_id: str
    last_mono: float


class Heartbeats:
    """Every API key that has ever sent a heartbeat; there is no way to disarm one."""

    def __init__(self) -> None:
        self._beats: dict[str, Beat] = {}
        self._count = 0

    def beat(self, key: str, heartbeat_id: str, now_mono: float) -> str:
        """Take one heartbeat and return the id that the next one has to name.

        Raises:
            Refused: Another id was expected; it is named in the answer.
        """
        known = self._beats.get(key)
        expected = known.expected_id if known else ""
        if heartbeat_id != expected:
            refused = Refused("heartbeat", 400, "Invalid Heartbeat ID")
            refused.body = {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": expected}
            raise refused
        self._count += 1
        following = str(uuid.UUID(int=self._count))
        self._beats[key] = Beat(following, now_mono)
        return following

    def silent(self, now_mono: float) -> list[str]:
        """Return the keys whose last heartbeat is too old."""
        return [key for key, beat in self._beats.items() if now_mono - beat.last_mono > SILENCE_S]
