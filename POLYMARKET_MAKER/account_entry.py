"""The way into an account: log in, hold it against what orders need, read it whole.

It is walked in a thread of its own, again and again: an exchange that does not answer, or
answers after half a minute, keeps children waiting; it neither ends the program nor stops
the supervisor's loop. It is open once the account was read: start-up is recovery, for all
children at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.account_care import AccountCare
from POLYMARKET_MAKER.account_sync import read_account
from POLYMARKET_MAKER.bell import bell_path, ring
from POLYMARKET_MAKER.cancel import cancel_until_proven
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.dead_man import OFF, ON, DeadMan, orders_of_other_keys
from POLYMARKET_MAKER.desk import LEDGER_NAME
from POLYMARKET_MAKER.errors import LedgerBusy, SettingsError, VenueUnreachable
from POLYMARKET_MAKER.exchange.account import Account
from POLYMARKET_MAKER.exchange.data_api import DataApi
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.protocol import AccountReader
from POLYMARKET_MAKER.ledger import Identity, Ledger
from POLYMARKET_MAKER.login import Login
from POLYMARKET_MAKER.settings import Settings
from POLYMARKET_MAKER.wallet_watch import WalletWatch

RETRY_S = 5.0
STOP_S = 6.0
"""The deadline of a request, and a bit. Deriving credentials may take longer; it ends alone."""


class AccountEntry:
    """Each step that succeeded is not taken again.

    Attributes:
        login: Who we are.
        ledger: What is ours; None until it was opened.
        dead_man: None where it is off, or not armed yet.
        account: Reads and cancels; None until it was read whole.
        care: What runs beside the supervisor's loop; None until then.
        unreachable: Why the exchange could not be asked last time; None when it could.
    """

    def __init__(
        self,
        settings: Settings,
        env: Mapping[str, str],
        clock: Clock,
        *,
        is_well: Callable[[], bool],
    ) -> None:
        """Ask nobody yet.

        Args:
            settings: With a private key.
            env: The supervisor's own environment.
            clock: The clock.
            is_well: Asked before each beat of the dead-man switch.
        """
        self._http = Http()
        self.login = Login(settings, env, self._http, clock)
        self.ledger: Ledger | None = None
        self.dead_man: DeadMan | None = None
        self.account: AccountReader | None = None
        self.care: AccountCare | None = None
        self.unreachable: str | None = None
        self._settings = settings
        self._clock = clock
        self._is_well = is_well
        self._retry_s = RETRY_S
        self._failure: Exception | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()  # held to open and to close: nothing is opened after
        self._thread: threading.Thread | None = None

    @property
    def is_barred(self) -> bool:
        """Whether the walk has ended where a cancel would end too.

        Who may place no order may cancel: nothing is asked of an account for that.
        """
        failure = self._failure
        is_let_in = bool(self.login.address) and isinstance(failure, SettingsError | LedgerBusy)
        return failure is not None and not is_let_in

    def is_open(self) -> bool:
        """Whether the account is there; begins to walk if nobody does. Never waits.

        Raises:
            Exception: What ended the walk, as :meth:`walk` raises it.
        """
        if self._failure is not None:
            raise self._failure
        if self.account is None and self._thread is None and not self._stopping.is_set():
            self._thread = threading.Thread(target=self._run, name="account-entry", daemon=True)
            self._thread.start()
        return self.account is not None

    def walk(self) -> bool:
        """Try once; False when the exchange did not answer.

        Raises:
            VenueRefused: The exchange does not accept us.
            SettingsError: The private key is not one, or no order could succeed.
            LedgerError: The ledger cannot be opened, or belongs to another account.
        """
        try:
            self._walk()
        except VenueUnreachable as error:
            self.unreachable = str(error)
            self._retry_s = error.retry_after_s or RETRY_S
            if log.every(60, "account_entry"):
                log.error("[INIT]", event="venue_unreachable", reason=str(error))
            return False
        self.unreachable = None
        return True

    def stop(self) -> None:
        """Walk no further. What is open stays open."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(STOP_S)

    def for_the_end(self) -> tuple[AccountReader, Ledger]:
        """Return what cancels and proves, after :meth:`stop`; log in where nobody did yet.

        Raises:
            MakerError: As :meth:`walk`; ``VenueUnreachable`` when the exchange does not answer.
        """
        if self._thread is not None and self._thread.is_alive():
            raise VenueUnreachable("the exchange has not answered since the start")
        if self.account is None:
            self.login.begin()
        return self.account or self.login.account(), self._open_ledger()

    def close(self) -> None:
        """Close what was opened; the heartbeat ends here."""
        self.stop()
        with self._lock:
            if self.care is not None:
                self.care.close()
            if self.dead_man is not None:
                self.dead_man.stop()
            if self.ledger is not None:
                self.ledger.close()
            self._http.close()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set() and not self.walk():
                self._stopping.wait(self._retry_s)
        except Exception as error:  # noqa: BLE001 - the last line of a thread
            # Whoever asks is told, and ends the program; one who has stopped asks no more.
            self._failure = error

    # -- the steps

    def _walk(self) -> None:
        public = self.login.begin()
        if self._stopping.is_set():
            raise VenueUnreachable("asked to stop before the exchange had answered")
        is_on, options = self._settings.risk.dead_man, self._settings.options
        is_errand = options.flatten or options.cancel_open
        if not is_errand and log.every(86_400, "dead_man_mode"):
            log.info("[INIT]", ON if is_on else OFF, dead_man="on" if is_on else "off")
        ledger = self._open_ledger()
        account = self.login.account()
        if not options.cancel_open:  # what bars orders bars no cancel
            self.login.check(public, account)
        if is_on and not is_errand:  # an errand rests nothing, and a switch cannot be disarmed
            self.cancel_strangers()
            self._arm(account)
        read_account(account, ledger, clock=self._clock)
        watch = self._watch(account, ledger)
        if self._settings.risk.adopt_wallet_positions:
            watch.look(self._clock.now())  # before a child decides that it holds nothing
        self._open(account, ledger, watch)

    def _watch(self, account: Account, ledger: Ledger) -> WalletWatch:
        data_api = DataApi(self._http, data_url=self._settings.urls.data)
        return WalletWatch(
            account,
            lambda: data_api.positions(self.login.funder),
            ledger,
            adopts=self._settings.risk.adopt_wallet_positions,
            ring=self._ring,
        )

    def _ring(self, token_id: str) -> None:
        ring(bell_path(self._settings.data_dir, token_id))

    def _open(self, account: Account, ledger: Ledger, watch: WalletWatch) -> None:
        with self._lock:
            if self._stopping.is_set() or self.account is not None:
                return
            self.care = AccountCare(
                account,
                ledger,
                url=self._settings.urls.ws_user,
                keys=self.login.keys,
                ring=self._ring,
                after_read=watch.look_quietly,
                clock=self._clock,
            )
            self.account = account

    def _open_ledger(self) -> Ledger:
        if self.ledger is None:
            settings = self._settings
            funder = self.login.funder
            identity = Identity(settings.run_name, settings.urls.clob, settings.chain_id, funder)
            self.ledger = Ledger.open(settings.data_dir / LEDGER_NAME, identity)
        return self.ledger

    def cancel_strangers(self) -> None:
        """Cancel what is open under another key than that of the dead-man switch.

        Raises:
            VenueUnreachable: Some of it may still be open.
        """
        api = self.login.keys.api
        if not self._settings.risk.dead_man or self.ledger is None or api is None:
            return
        strangers = orders_of_other_keys(self.ledger, api.key)
        if strangers:
            left = cancel_until_proven(
                self.login.old_account(),
                strangers,
                deadline_s=RETRY_S,
                clock=self._clock,
                pause=time.sleep,  # also for the last proof, when we are stopping
            )
            if left:
                raise VenueUnreachable(f"{len(left)} orders of another API key are still open")

    def _arm(self, account: Account) -> None:
        with self._lock:
            if self.dead_man is None and not self._stopping.is_set():
                dead_man = DeadMan(
                    account.heartbeat,
                    is_well=self._is_well,
                    on_silence=self._after_silence,
                    clock=self._clock,
                )
                dead_man.arm()
                self.dead_man = dead_man

    def _after_silence(self) -> None:
        if self.care is not None:
            self.care.keeper.read_soon()
