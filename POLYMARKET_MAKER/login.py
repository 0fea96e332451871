"""Who the supervisor is to the exchange: key, API credentials, and whether it may trade.

Each step that succeeded is not done again; each may be tried again when it did not.
"""

from __future__ import annotations

from collections.abc import Mapping

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.dead_man import NONCE
from POLYMARKET_MAKER.derive_credentials import derive
from POLYMARKET_MAKER.errors import SettingsError
from POLYMARKET_MAKER.exchange.account import Account
from POLYMARKET_MAKER.exchange.auth import Credentials, SignatureType, Wallet
from POLYMARKET_MAKER.exchange.data_api import DataApi
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.preflight import preflight
from POLYMARKET_MAKER.exchange.protocol import Exchange
from POLYMARKET_MAKER.exchange.public import Public
from POLYMARKET_MAKER.exchange.venue import connect
from POLYMARKET_MAKER.settings import Credentials as Keys
from POLYMARKET_MAKER.settings import Settings


class Login:
    """One account at one exchange.

    Attributes:
        keys: The private key and, once derived, the API credentials that all orders go under.
        address: The private key's own address; empty until the credentials are derived.
        version: The order version that the exchange speaks; None until it was asked.
    """

    def __init__(
        self, settings: Settings, env: Mapping[str, str], http: Http, clock: Clock
    ) -> None:
        """Ask nobody yet; *env* is the supervisor's own environment."""
        assert settings.credentials is not None
        self.keys: Keys = settings.credentials
        self.address = ""
        self.version: int | None = None
        self._settings = settings
        self._env = env
        self._http = http
        self._clock = clock

    @property
    def funder(self) -> str:
        """The wallet that pays."""
        return self.keys.funder or self.address

    def begin(self) -> Public:
        """Ask which version is spoken, and derive the API credentials.

        With the dead-man switch on these are of a key that nobody else uses.

        Raises:
            VenueError: The exchange did not answer, or does not accept the key.
            SettingsError: The private key is not one.
        """
        public = self._public()
        self.version = public.version()
        if not self.address:
            nonce = NONCE if self._settings.risk.dead_man else 0
            self.keys, self.address = derive(self._settings, self._env, nonce=nonce)
            log.add_secret(*self.keys.secrets)
        return public

    def account(self) -> Account:
        """Return the account, read and cancelled under our key."""
        return self._account(self.keys)

    def old_account(self) -> Account:
        """Return the same account under the key that is used without the dead-man switch."""
        keys, _ = derive(self._settings, self._env)
        log.add_secret(*keys.secrets)
        return self._account(keys)

    def check(self, public: Public, account: Account) -> None:
        """Hold the account against what an order needs.

        Raises:
            VenueError: The exchange did not answer, or refuses us.
            SettingsError: No order could succeed; the cure is in the text.
        """
        found = preflight(
            public,
            account,
            DataApi(self._http, data_url=self._settings.urls.data),
            funder=self.funder,
            signature_type=SignatureType(self.keys.signature_type),
            now=self._clock.now(),
        )
        for warning in found.warnings:
            log.warning("[INIT]", warning)
        if found.problems:
            raise SettingsError(*found.problems)

    def exchange(self) -> tuple[Public, Exchange]:
        """Return what can be read without a key, and the account, ready to place orders.

        Loads the signing library: 0.4 s and 40 MB.

        Raises:
            VenueError: The exchange did not answer, or cannot be signed for.
            CannotStart: The library is missing.
            SettingsError: Key, funder and signature type do not fit each other.
        """
        public, keys = self._public(), self.keys
        kind = SignatureType(keys.signature_type)
        wallet = Wallet(keys.key, self.funder, kind, self._settings.chain_id)
        host = self._settings.urls.clob
        credentials = self._credentials(keys)
        exchange = connect(public, self._http, host, credentials, wallet, clock=self._clock)
        exchange.warm_up()
        return public, exchange

    def _public(self) -> Public:
        urls = self._settings.urls
        return Public(self._http, clob_url=urls.clob, gamma_url=urls.gamma)

    def _account(self, keys: Keys) -> Account:
        return Account(
            self._http,
            self._settings.urls.clob,
            self._credentials(keys),
            funder=self.funder,
            signature_type=SignatureType(keys.signature_type),
            clock=self._clock,
        )

    def _credentials(self, keys: Keys) -> Credentials:
        assert keys.api is not None
        api = keys.api
        return Credentials(api.key, api.secret, api.passphrase, self.address)
