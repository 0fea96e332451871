"""What a child reads: the shared snapshot or its own connection, whichever serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.failover import Limits, State, Switch, start, step
from POLYMARKET_MAKER.core.model import AgedQuote, Source
from POLYMARKET_MAKER.direct_quotes import DirectQuotes
from POLYMARKET_MAKER.shared_quotes import Look, SharedQuotes
from POLYMARKET_MAKER.slots import Slot, Slots


@dataclass(frozen=True, slots=True)
class NoQuote:
    """There is nothing to act on yet; *reason* says why."""

    reason: str


class Quotes:
    """The newest quote of one token, and the way between its two sources.

    Not thread-safe; :meth:`wake` may be called from anywhere.

    Attributes:
        switches: How often the source changed.
        refused: Why an own line was wanted and could not be had; None when it could.
    """

    def __init__(
        self,
        token_id: str,
        *,
        shared: SharedQuotes | None,
        begin_shared: bool,
        dial: Callable[[], DirectQuotes],
        dialling: Slots,
        connections: Slots,
        limits: Limits,
        clock: Clock,
    ) -> None:
        """Begin with the snapshot when told so, else with an own line.

        Args:
            token_id: The token.
            shared: The snapshot to watch; None when there is none to come back to.
            begin_shared: Whether it served when this process was started.
            dial: Opens an own line.
            dialling: Places among those who dial, held from dial to first tradable quote.
            connections: Places among those who have an own line.
            limits: How long each fault is borne.
            clock: The clock.
        """
        self.switches = 0
        self.refused: str | None = None
        self._token_id = token_id
        self._shared = shared
        self._dial = dial
        self._slots = (dialling, connections)
        self._held: dict[str, Slot] = {}
        self._limits = limits
        self._clock = clock
        source = Source.SHARED if begin_shared and shared is not None else Source.DIRECT
        self._state: State = start(source, clock.mono())
        self._look: Look | None = None
        self._direct: DirectQuotes | None = None

    @property
    def source(self) -> Source:
        """Whose quotes are acted on."""
        return self._state.source

    @property
    def epoch(self) -> int | None:
        """Life of the writer of the shared quote; None on an own line."""
        return self._look.epoch if self.source is Source.SHARED and self._look else None

    def read(self) -> AgedQuote | NoQuote:
        """Look at both sources, change over where that is due, and return the newest quote."""
        own = self._direct.aged() if self._direct is not None else None
        is_ready = own is not None and own.health.is_tradable
        if self._shared is not None:
            self._look = self._shared.look()
            self._state, switch = step(
                self._state,
                self._look.fault,
                direct_ready=is_ready,
                now=self._clock.mono(),
                limits=self._limits,
            )
            if switch is not None:
                self._tell(switch)
        self._keep_line(is_ready=is_ready)
        if self.source is Source.DIRECT:
            return own if own is not None else NoQuote(self.refused or "line_opening")
        assert self._look is not None
        fault = self._look.fault
        return self._look.aged or NoQuote(fault.value if fault else "no_quote")

    def wait(self, timeout_s: float) -> None:
        """Wait for something new of the source in use, at most *timeout_s*."""
        if self.source is Source.SHARED and self._shared is not None:
            self._shared.wait(timeout_s)
        elif self._direct is not None:
            self._direct.changed.wait(timeout_s)
            self._direct.changed.clear()

    def status(self) -> dict[str, Any]:
        """Return what the child's status file says of its source."""
        return {
            "source": self.source.value,
            "switches": self.switches,
            "shared_ws_cache_path": str(self._shared.path) if self._shared else None,
            "fallback_refused": self.refused,
            "reads": {
                name: self._shared.reads[name] if self._shared else 0
                for name in ("ok", "missing", "corrupt", "stale", "too_new", "absent")
            },
        }

    def close(self) -> None:
        """Close both sources."""
        self._drop_line()
        if self._shared is not None:
            self._shared.close()

    def _keep_line(self, *, is_ready: bool) -> None:
        """Open or close the own line as the state wants it."""
        if not self._state.wants_line:
            self._drop_line()
        elif self._direct is None:
            self._open_line()
        elif is_ready and "dialling" in self._held:
            self._held.pop("dialling").free()

    def _open_line(self) -> None:
        """Dial, if there is a place among the diallers and among those with a line."""
        for name, slots in zip(("dialling", "connection"), self._slots, strict=True):
            slot = self._held.get(name) or slots.take()
            if slot is None:
                self._free_slots()
                self.refused = f"no_{name}_slot"
                return
            self._held[name] = slot
        self.refused = None
        self._direct = self._dial()

    def _drop_line(self) -> None:
        if self._direct is not None:
            self._direct.close()
            self._direct = None
        self.refused = None
        self._free_slots()

    def _free_slots(self) -> None:
        for slot in self._held.values():
            slot.free()
        self._held.clear()

    def _tell(self, switch: Switch) -> None:
        self.switches += 1
        log.warning(
            "[FALLBACK]",
            token=self._token_id,
            to=switch.to.value,
            reason=switch.reason,
            age_s=round(switch.lasted_s, 1),
            limit_s=round(switch.limit_s, 1),
        )
