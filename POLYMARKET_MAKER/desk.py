"""What the supervisor needs of an account, and how that is met where orders stay on paper.

``account_desk.py`` meets it with an account at an exchange.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from POLYMARKET_MAKER.handover import SUPERVISOR_VARIABLE
from POLYMARKET_MAKER.ledger import Identity, Ledger
from POLYMARKET_MAKER.settings import Credentials, Settings, child_environment

LEDGER_NAME = "ledger.db"
ON_PAPER = "paper"
"""Stands for the wallet in a ledger of orders on paper."""


class Desk(Protocol):
    """What the supervisor needs of an account."""

    @property
    def ledger(self) -> Ledger | None:
        """What is ours; None until it was opened."""
        ...

    def is_ready(self) -> bool:
        """Whether children can be given what they trade with; begins to get it when not.

        Never waits for the exchange. Raises what makes it impossible.
        """
        ...

    def connect(self) -> bool:
        """Wait a while for what :meth:`is_ready` only begins; False when it did not come."""
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

    def connect(self) -> bool:
        return self.is_ready()

    def child_environment(self, shared_cache: Path | None) -> dict[str, str]:
        return environment_of_child(self._settings, self._env, None, shared_cache)

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


def environment_of_child(
    settings: Settings,
    env: Mapping[str, str],
    keys: Credentials | None,
    shared_cache: Path | None,
) -> dict[str, str]:
    """Return *env* as a child gets it: with *keys*, and the aggregator's file if it serves."""
    child = child_environment(
        env,
        mode=settings.mode,
        urls=settings.urls,
        credentials=keys,
        shared_cache=None if shared_cache is None else str(shared_cache),
    )
    return child | {SUPERVISOR_VARIABLE: str(os.getpid())}
