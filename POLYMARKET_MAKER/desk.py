"""The supervisor's access to the account: what children trade with, and the last proof.

The account is connected lazily and again and again: an exchange that does not answer
keeps children waiting, it does not end the program. It is ready once it was read whole:
start-up is recovery, for all children at once.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.account_care import AccountCare
from POLYMARKET_MAKER.account_sync import read_account
from POLYMARKET_MAKER.cancel import cancel_until_proven
from POLYMARKET_MAKER.clearing import clear
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.dead_man import OFF, ON, DeadMan, orders_of_other_keys
from POLYMARKET_MAKER.errors import LedgerError, VenueError, VenueUnreachable
from POLYMARKET_MAKER.exchange.account import Account
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.protocol import AccountReader
from POLYMARKET_MAKER.handover import SIGNER_VARIABLE, SUPERVISOR_VARIABLE
from POLYMARKET_MAKER.ledger import Identity, Ledger
from POLYMARKET_MAKER.login import Login
from POLYMARKET_MAKER.settings import Credentials as Keys
from POLYMARKET_MAKER.settings import Settings, child_environment

LEDGER_NAME = "ledger.db"
ON_PAPER = "paper"
"""Stands for the wallet in a ledger of orders on paper."""
RETRY_S = 5.0
CANCEL_S = 20.0
CANCEL_RETRY_S = 0.5
HUNG_S = 15.0
"""A loop that has not turned for so long does not do its work."""


class Desk(Protocol):
    """What the supervisor needs of an account."""

    @property
    def ledger(self) -> Ledger | None:
        """What is ours; None until it was opened."""
        ...

    def is_ready(self) -> bool:
        """Whether children can be given what they trade with; begins to get it when not."""
        ...

    def child_environment(self, shared_cache: Path | None) -> dict[str, str]:
        """Return the environment of a child that trades."""
        ...

    def clear(self, token_id: str) -> None:
        """Begin to cancel every order of a token whose child is gone; returns at once."""
        ...

    def is_clear(self, token_id: str) -> bool:
        """Whether what :meth:`clear` began is proven: only then may a new child be started."""
        ...

    def cancel_all(self) -> frozenset[str]:
        """Cancel what the ledger knows as open and return the ids that are not proven gone."""
        ...

    def venue(self) -> dict[str, object]:
        """Return what the status file says of the exchange: state, order_version, reason."""
        ...

    def close(self) -> None:
        """Give up what is open."""
        ...


class PaperDesk:
    """Orders on paper end with the process that holds them; there is nothing to prove."""

    def __init__(self, settings: Settings, env: Mapping[str, str]) -> None:
        """Give children the environment *env*, less every secret."""
        self.ledger: Ledger | None = None
        self._settings = settings
        self._env = env

    def is_ready(self) -> bool:
        """Open the ledger that the children share.

        Raises:
            LedgerError: It cannot be opened, or is of another mode or exchange.
        """
        if self.ledger is None:
            settings = self._settings
            identity = Identity(settings.run_name, settings.urls.clob, settings.chain_id, ON_PAPER)
            self.ledger = Ledger.open(settings.data_dir / LEDGER_NAME, identity)
        return True

    def child_environment(self, shared_cache: Path | None) -> dict[str, str]:
        return _environment(self._settings, self._env, None, shared_cache)

    def clear(self, token_id: str) -> None:
        pass

    def is_clear(self, token_id: str) -> bool:  # noqa: ARG002
        return True

    def cancel_all(self) -> frozenset[str]:
        return frozenset()

    def venue(self) -> dict[str, object]:
        return {"state": "paper", "order_version": None, "reason": None}

    def close(self) -> None:
        if self.ledger is not None:
            self.ledger.close()


class AccountDesk:
    """An account at an exchange, with a ledger that remembers what is ours.

    Attributes:
        ledger: What is ours; None until it was opened.
        account: Reads and cancels; None until the account is connected.
    """

    def __init__(self, settings: Settings, env: Mapping[str, str], clock: Clock) -> None:
        """Ask nobody yet; *env* is the supervisor's own environment."""
        self.ledger: Ledger | None = None
        self.account: AccountReader | None = None
        self._settings = settings
        self._env = env
        self._clock = clock
        self._http = Http()
        self._login = Login(settings, env, self._http, clock)
        self._not_before = 0.0
        self._unreachable: str | None = None
        self._care: AccountCare | None = None
        self._dead_man: DeadMan | None = None
        self._alive_boot = clock.boot()
        self._is_closing = False
        self._to_clear: set[str] = set()

    @property
    def keys(self) -> Keys:
        """The private key and, once derived, the API credentials."""
        return self._login.keys

    def is_ready(self) -> bool:
        """Whether the account is connected; tries again when its time has come.

        Raises:
            VenueRefused: The exchange does not accept the key.
            SettingsError: The private key is not one.
            LedgerError: The ledger cannot be opened, or belongs to another account.
        """
        self._alive_boot = self._clock.boot()
        if self.account is not None:
            return True
        if self._clock.mono() < self._not_before:
            return False
        try:
            self._connect()
        except VenueUnreachable as error:
            self._unreachable = str(error)
            self._not_before = self._clock.mono() + (error.retry_after_s or RETRY_S)
            if log.every(60, "desk"):
                log.error("[INIT]", event="venue_unreachable", reason=str(error))
            return False
        self._unreachable = None
        return True

    def child_environment(self, shared_cache: Path | None) -> dict[str, str]:
        env = _environment(self._settings, self._env, self.keys, shared_cache)
        return env | {SIGNER_VARIABLE: self._login.address}

    def clear(self, token_id: str) -> None:
        """Begin to cancel every order of a token whose child is gone; returns at once."""
        if self._care is None:
            self._to_clear.add(token_id)  # as soon as there is an account
        else:
            self._care.clearing.begin(token_id)
            self._care.keeper.read_soon()

    def is_clear(self, token_id: str) -> bool:
        """Whether what :meth:`clear` began is proven."""
        if self._care is None:
            return token_id not in self._to_clear
        return self._care.clearing.is_clear(token_id)

    def cancel_all(self) -> frozenset[str]:
        """Cancel what the ledger knows as open and return the ids that are not proven gone.

        Takes up to 20 s. Without an account nothing can be cancelled, and what a ledger
        of an earlier run has as open is not proven gone.
        """
        self._is_closing = True  # no turn of the loop shows any more that we are alive
        try:
            if self.account is None or self.ledger is None:
                return self._left_by_others()
            return self._cancel_until_proven(self.account, self.ledger)
        except LedgerError as error:
            log.error("[ORDER]", event="cancel_all", reason=str(error))
            return frozenset({f"any order of {self._settings.data_dir / LEDGER_NAME}"})

    def venue(self) -> dict[str, object]:
        """Return what the status file says of exchange, user channel and dead-man switch."""
        self._alive_boot = self._clock.boot()
        reason = self._unreachable if self._care is None else self._care.keeper.unreachable
        dead_man = "off" if not self._settings.risk.dead_man else "not_armed"
        if self._dead_man is not None:
            dead_man = "beating" if self._dead_man.is_beating else "silent"
        return {
            "state": "open" if reason is None else "unreachable",
            "order_version": self._login.version,
            "reason": reason,
            "user_channel": self._care.feed.state if self._care is not None else "down",
            "dead_man": dead_man,
        }

    def close(self) -> None:
        """Give up what is open; the heartbeat ends here, after the proof."""
        if self._care is not None:
            self._care.close()
        if self._dead_man is not None:
            self._dead_man.stop()
        if self.ledger is not None:
            self.ledger.close()
        self._http.close()

    # -- the last proof

    def _cancel_until_proven(self, account: AccountReader, ledger: Ledger) -> frozenset[str]:
        deadline = self._clock.mono() + CANCEL_S
        pause = threading.Event()
        while True:
            try:
                left = clear(account, ledger, None, now=self._clock.now())
            except VenueError as error:
                left = frozenset(ledger.open_order_ids())
                if log.every(60, "cancel_all"):
                    log.error("[ORDER]", event="cancel_all", left=len(left), reason=str(error))
            if not left or self._clock.mono() >= deadline:
                return left
            pause.wait(CANCEL_RETRY_S)

    def _left_by_others(self) -> frozenset[str]:
        """Return what an earlier run may have left open, when this one never got so far."""
        path = self._settings.data_dir / LEDGER_NAME
        if self.ledger is not None:
            return frozenset(self.ledger.open_order_ids())
        if not path.exists():
            return frozenset()
        with Ledger.open_existing(path) as ledger:
            return frozenset(ledger.open_order_ids())

    # -- the way in; each step that succeeded is not done again

    def _connect(self) -> None:
        settings = self._settings
        public = self._login.begin()
        is_on = settings.risk.dead_man
        if log.every(86_400, "dead_man_mode"):
            log.info("[INIT]", ON if is_on else OFF, dead_man="on" if is_on else "off")
        ledger = self._open_ledger()
        account = self._login.account()
        self._login.check(public, account)
        if is_on:
            self._arm(account, ledger)
        read_account(account, ledger, now=self._clock.now())
        self._care = AccountCare(
            account,
            ledger,
            url=settings.urls.ws_user,
            keys=self.keys,
            data_dir=settings.data_dir,
            clock=self._clock,
        )
        while self._to_clear:
            self._care.clearing.begin(self._to_clear.pop())
        self.account = account

    def _open_ledger(self) -> Ledger:
        if self.ledger is None:
            settings = self._settings
            funder = self._login.funder
            identity = Identity(settings.run_name, settings.urls.clob, settings.chain_id, funder)
            self.ledger = Ledger.open(settings.data_dir / LEDGER_NAME, identity)
        return self.ledger

    def _arm(self, account: Account, ledger: Ledger) -> None:
        """Cancel what is open under another key, then arm the switch of ours."""
        assert self.keys.api is not None
        strangers = orders_of_other_keys(ledger, self.keys.api.key)
        if strangers:
            left = cancel_until_proven(
                self._login.old_account(),
                strangers,
                deadline_s=RETRY_S,
                clock=self._clock,
                pause=threading.Event().wait,
            )
            if left:
                raise VenueUnreachable(f"{len(left)} orders of another API key are still open")
        if self._dead_man is None:
            dead_man = DeadMan(
                account.heartbeat,
                is_well=self._is_well,
                on_silence=self._after_silence,
                clock=self._clock,
            )
            dead_man.arm()
            self._dead_man = dead_man

    def _is_well(self) -> bool:
        assert self.ledger is not None
        self.ledger.version()  # raises when it cannot be read
        return self._is_closing or self._clock.boot() - self._alive_boot < HUNG_S

    def _after_silence(self) -> None:
        if self._care is not None:
            self._care.keeper.read_soon()


def _environment(
    settings: Settings, env: Mapping[str, str], keys: Keys | None, shared_cache: Path | None
) -> dict[str, str]:
    child = child_environment(
        env,
        mode=settings.mode,
        urls=settings.urls,
        credentials=keys,
        shared_cache=None if shared_cache is None else str(shared_cache),
    )
    return child | {SUPERVISOR_VARIABLE: str(os.getpid())}
