"""The exchange's dead-man switch: while it beats our orders live, 10 s after it they are gone.

``POST /v1/heartbeats`` arms it for one API key, and it cannot be disarmed (exchange docs,
2026-09). So it has a key of its own, under which all orders are posted, and one owner,
the supervisor. It beats only while the supervisor's loop turns and the ledger can be read:
a supervisor that hangs is as dead as one that is gone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.errors import MakerError
from POLYMARKET_MAKER.ledger import Ledger

NONCE = 10_538
"""Of the API key that only this program uses, so that no other program's silence, nor ours,
cancels the orders of the other."""
EVERY_S = 3.0
"""One lost beat (5 s until it is given up) is followed by another within the 10 s."""
RETRY_S = 0.5
SILENCE_S = 10.0
STOP_S = 6.0

OFF = (
    "orders outlive this machine: where it may lose power or network, dead_man: true "
    "makes the exchange cancel them after 10 s"
)
ON = (
    "10 s without this supervisor cancel every order of its own API key; that cannot be "
    "disarmed, and another program must not use this key"
)


class _Body(msgspec.Struct):
    owner: str = ""


def orders_of_other_keys(ledger: Ledger, api_key: str) -> list[str]:
    """Return the orders that may be open and were posted under another API key than this."""
    may_be_open = frozenset(ledger.open_order_ids())
    return [
        intent.order_id
        for intent in ledger.live()
        if intent.order_id in may_be_open
        and msgspec.json.decode(intent.signed.body, type=_Body).owner != api_key
    ]


class DeadMan:
    """Beats in a thread of its own.

    Attributes:
        is_beating: Whether the last beat was taken.
        sweeps: How often the beats were apart for so long that all orders may be gone.
    """

    def __init__(
        self,
        beat: Callable[[str], str],
        *,
        is_well: Callable[[], bool],
        on_silence: Callable[[], None],
        clock: Clock,
    ) -> None:
        """Beat nothing yet.

        Args:
            beat: Sends one beat with the id it is given, and returns the id to send next,
                also when the exchange only answers which id it had expected.
            is_well: Whether the supervisor still does its work.
            on_silence: Called when a beat is taken after more than 10 s without one.
            clock: Whose boot time counts a suspended machine too.
        """
        self.is_beating = False
        self.sweeps = 0
        self._send = beat
        self._is_well = is_well
        self._on_silence = on_silence
        self._clock = clock
        self._id = ""
        self._is_doubtful = True
        self._last_boot: float | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dead-man", daemon=True)

    def arm(self) -> None:
        """Send the first beat, and go on beating until :meth:`stop`.

        Raises:
            VenueUnreachable: No usable answer. It may be armed: try again soon.
            VenueRefused: The exchange takes no heartbeat of us.
        """
        self._beat()
        self._thread.start()

    def stop(self) -> None:
        """Beat no more: 10 s later no order of the key is left. Cancel with proof before."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(STOP_S)

    def _run(self) -> None:
        wait_s = EVERY_S
        while not self._stopping.wait(wait_s):
            wait_s = EVERY_S if self._try() else RETRY_S

    def _try(self) -> bool:
        try:
            if self._is_well():
                self._beat()
                return True
            reason = "the supervisor does not do its work"
        except MakerError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - the last line of a thread
            log.error("[ORDER]", event="dead_man_fault", exc=error)
            reason = type(error).__name__
        self.is_beating, self._is_doubtful = False, True
        if log.every(60, "dead_man"):
            log.error("[ORDER]", event="no_heartbeat", reason=reason, limit_s=SILENCE_S)
        return False

    def _beat(self) -> None:
        """Send a beat that counts.

        An id that is not the expected one is no beat: the answer only names the right
        one. That happens after a lost answer, so then a second beat follows at once.
        """
        self._id = self._send(self._id)
        if self._is_doubtful:
            self._id = self._send(self._id)
            self._is_doubtful = False
        boot = self._clock.boot()
        silent_s = 0.0 if self._last_boot is None else boot - self._last_boot
        self._last_boot, self.is_beating = boot, True
        if silent_s > SILENCE_S:
            self.sweeps += 1
            log.error("[ORDER]", event="swept", silent_s=round(silent_s, 1), next="read_orders")
            self._on_silence()
