"""The supervisor's access to an account at an exchange: ready or not, cancels, the last proof.

Nothing here makes the supervisor's loop wait for the exchange, the last proof apart.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.account_entry import AccountEntry
from POLYMARKET_MAKER.account_sync import read_account
from POLYMARKET_MAKER.clearing import clear
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.desk import LEDGER_NAME, environment_of_child
from POLYMARKET_MAKER.errors import LedgerError, MakerError
from POLYMARKET_MAKER.exchange.protocol import AccountReader, Exchange
from POLYMARKET_MAKER.exchange.public import Public
from POLYMARKET_MAKER.handover import SIGNER_VARIABLE
from POLYMARKET_MAKER.ledger import Ledger
from POLYMARKET_MAKER.settings import Credentials, Settings

CONNECT_S = 20.0
CONNECT_RETRY_S = 1.0
CANCEL_S = 20.0
CANCEL_RETRY_S = 0.5
HUNG_S = 15.0
"""A loop that has not turned for so long does not do its work."""


class AccountDesk:
    """An account at an exchange, with a ledger that remembers what is ours."""

    def __init__(self, settings: Settings, env: Mapping[str, str], clock: Clock) -> None:
        """Ask nobody yet; *env* is the supervisor's own environment."""
        self._settings = settings
        self._env = env
        self._clock = clock
        self._alive_boot = clock.boot()
        self._is_closing = False
        self._to_clear: set[str] = set()
        self._entry = AccountEntry(settings, env, clock, is_well=self._is_well)

    @property
    def ledger(self) -> Ledger | None:
        """What is ours; None until it was opened."""
        return self._entry.ledger

    @property
    def account(self) -> AccountReader | None:
        """Reads and cancels; None until the account is connected."""
        return self._entry.account

    @property
    def keys(self) -> Credentials:
        """The private key and, once derived, the API credentials."""
        return self._entry.login.keys

    def is_ready(self) -> bool:
        """Whether the account is connected and was read whole; goes on trying beside the caller.

        Raises:
            VenueRefused: The exchange does not accept the key.
            SettingsError: The private key is not one, or no order could succeed.
            LedgerError: The ledger cannot be opened, or belongs to another account.
        """
        self._alive_boot = self._clock.boot()
        if not self._entry.is_open():
            return False
        self._clear_what_waits()
        return True

    def connect(self) -> bool:
        """Wait for the account, up to 20 s and a request; for who has nothing else to do.

        Returns:
            False when the exchange did not answer. Raises as :meth:`is_ready`.
        """
        deadline = self._clock.mono() + CONNECT_S
        while not self._entry.walk():
            if self._clock.mono() >= deadline:
                return False
            threading.Event().wait(CONNECT_RETRY_S)
        return self.is_ready()

    def exchange(self) -> tuple[Public, Exchange]:
        """Return what orders can be placed with; only after :meth:`connect` has succeeded.

        The first order loads the signing library, which a supervisor never does.

        Raises:
            VenueError: The exchange did not answer, or cannot be signed for.
        """
        return self._entry.login.exchange()

    def child_environment(self, shared_cache: Path | None) -> dict[str, str]:
        """Return the environment of a child that trades."""
        env = environment_of_child(self._settings, self._env, self.keys, shared_cache)
        return env | {SIGNER_VARIABLE: self._entry.login.address}

    def clear(self, token_id: str) -> None:
        """Begin to cancel every order of a token whose child is gone; returns at once."""
        self._to_clear.add(token_id)
        self._clear_what_waits()

    def is_clear(self, token_id: str) -> bool:
        """Whether what :meth:`clear` began is proven."""
        care = self._entry.care
        return token_id not in self._to_clear and (care is None or care.clearing.is_clear(token_id))

    def cancel_all(self) -> frozenset[str]:
        """Cancel what the ledger knows as open and return the ids that are not proven gone.

        Takes up to 20 s and a request more. Nothing returned means that the exchange was read and
        showed none of ours: just now, or at the end of an earlier run and nothing was meant to be
        sent since.
        """
        self._is_closing = True  # no turn of the loop shows any more that we are alive
        self._entry.stop()
        if self.account is None:
            left = self._left_open()
            if not left or self._entry.is_barred:
                return left
        return self._cancel_until_proven()

    def venue(self) -> dict[str, object]:
        """Return what the status file says of exchange, user channel and dead-man switch."""
        self._alive_boot = self._clock.boot()
        care, dead_man = self._entry.care, self._entry.dead_man
        reason = self._entry.unreachable if care is None else care.keeper.unreachable
        state = "unreachable" if reason is not None else "unknown" if care is None else "open"
        switch = "not_armed" if self._settings.risk.dead_man else "off"
        if dead_man is not None:
            switch = "beating" if dead_man.is_beating else "silent"
        return {
            "state": state,
            "order_version": self._entry.login.version,
            "reason": reason,
            "user_channel": "down" if care is None else care.feed.state,
            "dead_man": switch,
        }

    def close(self) -> None:
        """Give up what is open; the heartbeat ends here, after the proof."""
        self._entry.close()

    def _clear_what_waits(self) -> None:
        care = self._entry.care
        if care is None or not self._to_clear:
            return  # as soon as there is an account
        for token_id in self._to_clear:
            care.clearing.begin(token_id)
        self._to_clear.clear()
        care.keeper.read_soon()

    # -- the last proof

    def _cancel_until_proven(self) -> frozenset[str]:
        deadline = self._clock.mono() + CANCEL_S
        pause = threading.Event()
        listed: frozenset[str] = frozenset()
        while True:
            try:
                account, ledger = self._entry.for_the_end()
                left = listed = self._cancel_once(account, ledger, listed)
            except MakerError as error:
                left = listed | self._left_open()
                if log.every(60, "cancel_all"):
                    log.error("[ORDER]", event="cancel_all", left=len(left), reason=str(error))
            if not left or self._clock.mono() >= deadline:
                return left
            pause.wait(CANCEL_RETRY_S)

    def _cancel_once(
        self, account: AccountReader, ledger: Ledger, listed: frozenset[str]
    ) -> frozenset[str]:
        """Cancel, and look by ourselves, after every child has ended; return what is left.

        Args:
            account: The exchange.
            ledger: What is ours.
            listed: What the last look found, whatever the ledger says of it.

        Raises:
            VenueError: The exchange could not be asked: nothing is proven.
            LedgerError: The ledger could not be used: the same.
        """
        left = clear(account, ledger, None, clock=self._clock, left=listed)
        self._entry.cancel_strangers()
        meant = ledger.orders_meant()
        if left or not meant:
            return left
        left = _listed(account, ledger, self._clock)
        if not left:
            with suppress(LedgerError):  # only a later run would have used it
                ledger.note_proof(meant)
        return left

    def _left_open(self) -> frozenset[str]:
        """Return what may be open when the exchange could not be asked."""
        path = self._settings.data_dir / LEDGER_NAME
        if self.ledger is not None:
            return self._unproven(self.ledger)
        if not path.exists():
            return frozenset()
        try:
            with Ledger.open_existing(path) as ledger:
                return self._unproven(ledger)
        except LedgerError as error:
            return self._not_known(error)

    def _unproven(self, ledger: Ledger) -> frozenset[str]:
        """Return what may be open when nobody could ask: the ledger's word alone is no proof."""
        try:
            left = frozenset(ledger.open_order_ids())
            return left if left or ledger.is_proven() else self._any_order
        except LedgerError as error:
            return self._not_known(error)

    def _not_known(self, error: LedgerError) -> frozenset[str]:
        log.error("[ORDER]", event="ledger_not_read", reason=str(error))
        return self._any_order

    @property
    def _any_order(self) -> frozenset[str]:
        """What to name as left over when nobody could look."""
        return frozenset({f"any order of {self._settings.data_dir / LEDGER_NAME}"})

    def _is_well(self) -> bool:
        """Whether the supervisor does its work: asked before each beat of the dead-man switch."""
        if self.ledger is not None:
            self.ledger.version()  # raises when it cannot be read
        return self._is_closing or self._clock.boot() - self._alive_boot < HUNG_S


def _listed(account: AccountReader, ledger: Ledger, clock: Clock) -> frozenset[str]:
    """Read the account once more and return which of its open orders are ours."""
    listed = read_account(account, ledger, clock=clock).listed
    return frozenset(order.order_id for order in listed if ledger.is_ours(order.order_id))
