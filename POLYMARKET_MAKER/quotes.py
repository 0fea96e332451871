"""What a child reads: the shared snapshot or its own connection, whichever serves."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.failover import Limits, State, Switch, start, step
from POLYMARKET_MAKER.core.model import AgedQuote, Source
from POLYMARKET_MAKER.core.tally import Tally
from POLYMARKET_MAKER.own_line import OwnLine
from POLYMARKET_MAKER.shared_quotes import OUTCOMES, Look, SharedQuotes

LAG_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class NoQuote:
    """There is nothing to act on yet; *reason* says why."""

    reason: str


class Quotes:
    """The newest quote of one token, and the way between its two sources.

    One thread only.

    Attributes:
        switches: How often the source changed.
        refused: Why an own line is wanted and cannot be had; None when none is, or it can.
    """

    refused: str | None = None
    _starved_since: float | None = None

    def __init__(
        self,
        token_id: str,
        *,
        shared: SharedQuotes | None,
        begin_shared: bool,
        own: OwnLine,
        limits: Limits,
        clock: Clock,
    ) -> None:
        """Begin with the snapshot when told so, else with an own line.

        Args:
            token_id: The token.
            shared: The snapshot to watch; None when there is none to come back to.
            begin_shared: Whether it served when this process was started.
            own: The connection for when the snapshot is of no use.
            limits: How long each fault is borne.
            clock: The clock.
        """
        self.switches = 0
        self._token_id = token_id
        self._shared = shared
        self._own = own
        self._limits = limits
        self._clock = clock
        source = Source.SHARED if begin_shared and shared is not None else Source.DIRECT
        self._state: State = start(source, clock.mono())
        self._look: Look | None = None
        self._is_settled = False  # on the snapshot, which is well, and without a line
        self._last_switch: dict[str, Any] | None = None
        self._tally = Tally()
        self._lag: dict[str, Any] = {}
        self._lag_mono = float("-inf")

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
        if self._shared is not None:
            self._look = self._shared.look()
            if self._is_settled and self._look.fault is None and self._look.aged is not None:
                self._tally.took(self._look.aged, self._look.epoch)
                return self._look.aged
        return self._read_both()

    def _read_both(self) -> AgedQuote | NoQuote:
        """Choose between the sources, the snapshot having been looked at."""
        own = self._own.aged()
        is_ready = own is not None and own.health.is_tradable
        if self._look is not None:
            self._choose(self._look, is_ready=is_ready)
        self._own.keep(wanted=self._state.wants_line, is_ready=is_ready)
        self.refused = self._own.refused
        self._note_starving()
        self._is_settled = self._has_nothing_to_choose()
        shared = self._look.aged if self._look is not None else None
        aged = own if self.source is Source.DIRECT else shared
        if aged is None:
            return NoQuote(self._why_none())
        self._tally.took(aged, self.epoch)
        return aged

    def wait(self, timeout_s: float) -> None:
        """Wait for something new of the source in use, at most *timeout_s*."""
        if self.source is Source.DIRECT and self._own.wait(timeout_s):
            return
        if self._shared is not None:
            self._shared.wait(timeout_s)
        else:
            threading.Event().wait(timeout_s)

    def starved_s(self) -> float:
        """Return for how long there was neither a source nor a place for an own line."""
        if self._starved_since is None:
            return 0.0
        return self._clock.mono() - self._starved_since

    def status(self) -> dict[str, Any]:
        """Return what the child's status file says of its source."""
        reads = self._shared.reads if self._shared else {}
        return {
            "source": self.source.value,
            "switches": self.switches,
            "last_switch": self._last_switch,
            "shared_ws_cache_path": str(self._shared.path) if self._shared else None,
            "fallback_refused": self.refused,
            "reads": {name: reads.get(name, 0) for name in OUTCOMES},
            "conflated": self._tally.conflated,
            "lag_ms": self._lag_ms(),
        }

    def close(self) -> None:
        """Close both sources."""
        self._own.close()
        if self._shared is not None:
            self._shared.close()

    def _choose(self, look: Look, *, is_ready: bool) -> None:
        self._state, switch = step(
            self._state,
            look.fault,
            direct_ready=is_ready,
            now=self._clock.mono(),
            limits=self._limits,
        )
        if switch is not None:
            self._tell(switch)

    def _has_nothing_to_choose(self) -> bool:
        """Whether the next look, if the snapshot is still well then, changes nothing here."""
        state = self._state
        return (
            state.source is Source.SHARED
            and state.fault is None
            and not state.wants_line
            and self._own.is_closed
        )

    def _note_starving(self) -> None:
        serves = self._look is not None and self._look.fault is None
        if serves or self.refused is None:
            self._starved_since = None
        elif self._starved_since is None:
            self._starved_since = self._clock.mono()

    def _why_none(self) -> str:
        if self.source is Source.DIRECT:
            return self.refused or "line_opening"
        fault = self._look.fault if self._look else None
        return fault.value if fault else "no_quote"

    def _lag_ms(self) -> dict[str, Any]:
        """Return the lag as it was at most a second ago; sorting it is not for every turn."""
        mono = self._clock.mono()
        if mono - self._lag_mono >= LAG_EVERY_S:
            lag = self._tally.lag()
            self._lag_mono = mono
            self._lag = {
                "p50": _rounded(lag.p50_ms),
                "p99": _rounded(lag.p99_ms),
                "count": lag.count,
            }
        return self._lag

    def _tell(self, switch: Switch) -> None:
        self.switches += 1
        said: dict[str, Any] = {
            "from": (Source.DIRECT if switch.to is Source.SHARED else Source.SHARED).value,
            "to": switch.to.value,
            "reason": switch.reason,
            "age_s": round(switch.lasted_s, 1),
            "limit_s": round(switch.limit_s, 1),
        }
        self._last_switch = {"at": self._clock.now(), **said}
        log.warning("[FALLBACK]", token=self._token_id, **said)


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 3)
