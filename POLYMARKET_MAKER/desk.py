"""The supervisor's access to the account: what children trade with, and the last proof.

The account is connected lazily and again and again: an exchange that does not answer
keeps children waiting, it does not end the program.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.account_sync import read_account
from POLYMARKET_MAKER.cancel import cancel_until_proven
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.derive_credentials import derive
from POLYMARKET_MAKER.errors import LedgerError, SettingsError, VenueError, VenueUnreachable
from POLYMARKET_MAKER.exchange.account import Account
from POLYMARKET_MAKER.exchange.auth import Credentials, SignatureType
from POLYMARKET_MAKER.exchange.data_api import DataApi
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.preflight import preflight
from POLYMARKET_MAKER.exchange.protocol import AccountReader
from POLYMARKET_MAKER.exchange.public import Public
from POLYMARKET_MAKER.handover import SIGNER_VARIABLE, SUPERVISOR_VARIABLE
from POLYMARKET_MAKER.ledger import Identity, Ledger
from POLYMARKET_MAKER.settings import Credentials as Keys
from POLYMARKET_MAKER.settings import Settings, child_environment

RETRY_S = 5.0
CANCEL_S = 20.0
CANCEL_ONE_TOKEN_S = 5.0


class Desk(Protocol):
    """What the supervisor needs of an account."""

    def is_ready(self) -> bool:
        """Whether children can be given what they trade with; begins to get it when not."""
        ...

    def child_environment(self, shared_cache: Path | None) -> dict[str, str]:
        """Return the environment of a child that trades."""
        ...

    def cancel_all(self, token_id: str | None = None) -> frozenset[str]:
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
        self._settings = settings
        self._env = env

    def is_ready(self) -> bool:
        return True

    def child_environment(self, shared_cache: Path | None) -> dict[str, str]:
        return _environment(self._settings, self._env, None, shared_cache)

    def cancel_all(self, token_id: str | None = None) -> frozenset[str]:  # noqa: ARG002
        return frozenset()

    def venue(self) -> dict[str, object]:
        return {"state": "paper", "order_version": None, "reason": None}

    def close(self) -> None:
        pass


class AccountDesk:
    """An account at an exchange, with a ledger that remembers what is ours.

    Attributes:
        keys: The private key and, once derived, the API credentials.
        ledger: What is ours; None until the account is connected.
        account: Reads and cancels; None until the account is connected.
    """

    def __init__(self, settings: Settings, env: Mapping[str, str], clock: Clock) -> None:
        """Ask nobody yet; *env* is the supervisor's own environment."""
        assert settings.credentials is not None
        self.keys: Keys = settings.credentials
        self.ledger: Ledger | None = None
        self.account: AccountReader | None = None
        self._settings = settings
        self._env = env
        self._clock = clock
        self._http = Http()
        self._address = ""
        self._not_before = 0.0
        self._version: int | None = None
        self._unreachable: str | None = None

    def is_ready(self) -> bool:
        """Whether the account is connected; tries again when its time has come.

        Raises:
            VenueRefused: The exchange does not accept the key.
            SettingsError: The private key is not one.
            LedgerError: The ledger cannot be opened, or belongs to another account.
        """
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
        return env | {SIGNER_VARIABLE: self._address}

    def cancel_all(self, token_id: str | None = None) -> frozenset[str]:
        """Cancel what the ledger knows as open and return the ids that are not proven gone."""
        if self.account is None or self.ledger is None:
            return frozenset()
        try:
            ours = self.ledger.open_order_ids(token_id)
            left = cancel_until_proven(
                self.account,
                ours,
                deadline_s=CANCEL_S if token_id is None else CANCEL_ONE_TOKEN_S,
                clock=self._clock,
                pause=threading.Event().wait,
            )
            read_account(self.account, self.ledger, now=self._clock.now(), token_id=token_id)
        except (LedgerError, VenueError) as error:
            log.error("[ORDER]", event="cancel_all", reason=str(error))
            return frozenset(self.ledger.open_order_ids(token_id))
        for order_id in set(ours) - left:
            self.ledger.record_gone(order_id, reason="canceled_by_supervisor")
        return left

    def venue(self) -> dict[str, object]:
        """Return what the status file says of the exchange: state, order_version, reason."""
        state = "open" if self._unreachable is None else "unreachable"
        return {"state": state, "order_version": self._version, "reason": self._unreachable}

    def close(self) -> None:
        """Close the ledger and the connection."""
        if self.ledger is not None:
            self.ledger.close()
        self._http.close()

    def _connect(self) -> None:
        settings = self._settings
        public = Public(self._http, clob_url=settings.urls.clob, gamma_url=settings.urls.gamma)
        self._version = public.version()
        self.keys, self._address = derive(settings, self._env)
        log.add_secret(*self.keys.secrets)
        api = self.keys.api
        assert api is not None
        funder = self.keys.funder or self._address
        identity = Identity(settings.mode.value, settings.urls.clob, settings.chain_id, funder)
        self.ledger = Ledger.open(settings.data_dir / "ledger.db", identity)
        kind = SignatureType(self.keys.signature_type)
        account = Account(
            self._http,
            settings.urls.clob,
            Credentials(api.key, api.secret, api.passphrase, self._address),
            funder=funder,
            signature_type=kind,
            clock=self._clock,
        )
        found = preflight(
            public,
            account,
            DataApi(self._http, data_url=settings.urls.data),
            funder=funder,
            signature_type=kind,
            now=self._clock.now(),
        )
        for warning in found.warnings:
            log.warning("[INIT]", warning)
        if found.problems:
            raise SettingsError(*found.problems)
        self.account = account


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
