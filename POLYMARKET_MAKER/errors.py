"""Errors of the trading program, and the exit codes that say them to the shell.

MakerError
├── SettingsError       a setting, option or credential is wrong
├── CannotStart         this machine cannot run it now: package, lock, data directory
├── VenueError
│   ├── VenueUnreachable  no usable answer; nothing is known, try again
│   └── VenueRefused      the exchange understood and said no
└── LedgerError
    ├── LedgerBusy      another process holds it for too long
    ├── LedgerMismatch  it belongs to another mode, host, chain or wallet
    └── IntentRefused   the order would break a rule that all children share
"""

from __future__ import annotations

from enum import IntEnum


class SupervisorExit(IntEnum):
    """Exit codes of ``poly_maker_autorun.py``."""

    DONE = 0
    FAULT = 1
    USAGE = 2
    CANNOT_START = 3
    SETTINGS = 4
    ORDERS_OPEN = 5
    INTERRUPTED = 130


class ChildExit(IntEnum):
    """Exit codes of ``Volatility_arbitrage_run.py``."""

    DONE = 0
    SETTINGS = 2
    REFUSED = 4
    ORDERS_OPEN = 5
    MARKET_CLOSED = 10
    TEMPORARY = 75


class MakerError(Exception):
    """Base of all errors that the program raises on purpose."""


class SettingsError(MakerError):
    """A setting, option or credential is wrong.

    Attributes:
        problems: One sentence each; all that were found, not only the first.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


class UsageError(MakerError):
    """Options that contradict each other, or the run_params."""


class CannotStart(MakerError):
    """This machine cannot run the program now; the sentence says the cure."""


class VenueError(MakerError):
    """The exchange did not do what was asked."""


class VenueUnreachable(VenueError):
    """No usable answer: time-out, dropped connection, 5xx, 425 or 429.

    Attributes:
        retry_after_s: What the exchange asked us to wait, if it did.
        code: The exchange's machine-readable code, such as ``post_only_mode``.
    """

    def __init__(
        self, reason: str, *, retry_after_s: float | None = None, code: str | None = None
    ) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.code = code


class VenueRefused(VenueError):
    """The exchange understood the request and said no.

    Attributes:
        status_code: Its HTTP status.
    """

    def __init__(self, reason: str, *, status_code: int | None = None) -> None:
        super().__init__(reason)
        self.status_code = status_code


class LedgerError(MakerError):
    """The ledger cannot be used."""


class LedgerBusy(LedgerError):
    """Another process holds the ledger for longer than we wait."""


class LedgerMismatch(LedgerError):
    """The ledger was made for another mode, host, chain or wallet."""


class IntentRefused(LedgerError):
    """The order would break a cap or rule that all children share; nothing was written.

    Attributes:
        reason: The code, as in ``core.gate.Reason``.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
