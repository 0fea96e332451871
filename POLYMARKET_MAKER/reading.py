"""When a child reads the account itself, and how much it knows without."""

from __future__ import annotations

from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.errors import LedgerError
from POLYMARKET_MAKER.inquiries import Inquiries
from POLYMARKET_MAKER.ledger import Ledger
from POLYMARKET_MAKER.venue_watch import VenueWatch

EVERY_S = 5.0
SPACING_S = 0.5
"""Between two reads; so often while something of ours is open."""
OURSELVES_S = 45.0
"""Age of the supervisor's last read of the account at which a child reads it itself."""
LEASE = "account_read"
LEASE_S = 15.0
FRESH_S = 60.0
"""Without a read younger than this nothing is placed."""


class Reading:
    """What one child knows of the account by its age.

    Attributes:
        is_kept: Whether a supervisor keeps the ledger up to what the exchange says of the
            account. Then it is read here only when that fails, or for a proof.
        read_mono: When our last complete read began; None before the first.
    """

    def __init__(
        self,
        token_id: str,
        ledger: Ledger,
        inquiries: Inquiries,
        venue: VenueWatch,
        clock: Clock,
        *,
        is_kept: bool,
    ) -> None:
        """Know nothing yet."""
        self.is_kept = is_kept
        self.read_mono: float | None = None
        self._token_id = token_id
        self._ledger = ledger
        self._inquiries = inquiries
        self._venue = venue
        self._clock = clock
        self._is_recovered = False
        self._began_mono = float("-inf")
        self._read_boot: float | None = None

    def age_s(self) -> float:
        """Return the seconds since a complete read of the account began; infinite without one."""
        read_boot = self._ledger.account_read_boot_s() if self.is_kept else self._read_boot
        return float("inf") if read_boot is None else self._clock.boot() - read_boot

    @property
    def is_fresh(self) -> bool:
        """Whether we know the account well enough to place something."""
        return self.age_s() <= FRESH_S

    @property
    def is_recovered(self) -> bool:
        """Whether the account was read at all: before, nothing is decided."""
        self._is_recovered = self._is_recovered or self.is_fresh
        return self._is_recovered

    @property
    def waited_s(self) -> float:
        """The time since the last request to read began."""
        return self._clock.mono() - self._began_mono

    def begin(self) -> None:
        """Note that a request to read begins."""
        self._began_mono = self._clock.mono()

    def ended_whole(self, *, began_boot: float) -> None:
        """Note that it brought the whole account, as of *began_boot* (seconds since boot)."""
        self.read_mono, self._read_boot = self._began_mono, began_boot

    def must_read_whole(self, *, is_live: bool, is_confirmed: bool, prove: bool) -> bool:
        """Whether it is time to read the whole account.

        Args:
            is_live: Whether something of ours is open.
            is_confirmed: Whether a read began after our last action.
            prove: Whether somebody waits for the proof that nothing of ours is open.
        """
        if self._venue.doubt is not None:
            return self._venue.must_confirm
        if self.is_kept and not prove:
            is_outage = self._venue.unreachable is not None  # only an answer ends it
            return (
                self._inquiries.need_whole_read
                or (is_outage and self.waited_s >= EVERY_S)
                or (self.age_s() > OURSELVES_S and self._may_read_for_all())
            )
        return self.waited_s >= (SPACING_S if is_live or not is_confirmed else EVERY_S)

    def _may_read_for_all(self) -> bool:
        """Whether no other child reads the account in the supervisor's place just now."""
        try:
            return self._ledger.take_lease(
                LEASE, self._token_id, boot_s=self._clock.boot(), for_s=LEASE_S
            )
        except LedgerError:  # it cannot be written now: ask again at the next turn
            return False
