"""Act on sell signals, each exactly once, whenever the supervisor dies in between.

A signal is in force from the token source's file until it is marked as consumed in the
ledger, and that happens last: when no child runs for the token and nothing of it is held.
Everything before can be done again. A purchase that clears a signal takes it back.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.child_reports import ChildReport, read_report
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.lanes import Lane
from POLYMARKET_MAKER.desk import Desk
from POLYMARKET_MAKER.errors import LedgerError
from POLYMARKET_MAKER.fleet import Fleet
from POLYMARKET_MAKER.launch import exit_signal_path
from POLYMARKET_MAKER.ledger import Ledger
from POLYMARKET_MAKER.remembered import ExitRecord, Remembered
from POLYMARKET_MAKER.token_files import SellSignal
from polyshared import write_atomic

DUST = "exit_dust"
STUCK = {"exit_rest": "below_floor", "exit_waits": "below_floor", "no_bid": "no_bid"}
"""What a child says that cannot sell now, and how that is told; its slot is freed."""


class Selling:
    """Carries out the signals, turn by turn.

    Args:
        data_dir: Where exit signals for children are put.
        fleet: The children.
        desk: Access to the ledger.
        memory: What outlives the supervisor.
        clock: The clock; how long an exit takes is a schedule's and scaled.
    """

    def __init__(
        self, data_dir: Path, fleet: Fleet, desk: Desk, memory: Remembered, clock: Clock
    ) -> None:
        self._data_dir = data_dir
        self._fleet = fleet
        self._desk = desk
        self._memory = memory
        self._clock = clock
        self._over: set[str] = set()
        # Tokens that are being sold; by children that an earlier supervisor told, too.
        self._wanted = {
            token_id
            for token_id, run in fleet.schedule.running.items()
            if run.lane is Lane.EXIT or self._file(token_id).exists()
        }
        self._since: dict[str, float] = {}  # when the child of one began to sell
        self._dust: set[str] = set()  # tokens of which too little is left to sell

    def turn(self, signals: Iterable[SellSignal]) -> None:
        """Look at every signal in force, and do the next thing about it."""
        ledger = self._desk.ledger
        if ledger is None:  # what is ours is not known yet
            return
        by_token = {each.token_id: each for each in signals}
        try:
            for token_id in self._wanted - by_token.keys():
                self._take_back(token_id)
            for signal in by_token.values():
                if signal.signal_id not in self._over:
                    self._act(signal, ledger)
            self._park()
        except (LedgerError, OSError) as error:
            if log.every(60, "selling"):
                log.error("[EXIT]", event="signal_not_acted_on", reason=str(error))

    def _act(self, signal: SellSignal, ledger: Ledger) -> None:
        token_id = signal.token_id
        schedule = self._fleet.schedule
        if ledger.is_consumed(signal.signal_id):
            self._over.add(signal.signal_id)
        elif token_id in schedule.finished:
            return  # its market is closed, or somebody stopped it
        elif token_id in schedule.running:
            self._tell(signal)
        elif not self._desk.is_clear(token_id):
            return  # the last child's orders are not proven gone: what is held may change
        elif token_id in self._dust:
            self._finish(signal, ledger, "worth_too_little")
        elif _is_held(ledger, token_id):
            self._wanted.add(token_id)
            self._fleet.sell(token_id)
        else:
            self._finish(signal, ledger, "sold_out")

    def _tell(self, signal: SellSignal) -> None:
        """Have the running child sell; told once in each of its lives."""
        token_id = signal.token_id
        if self._fleet.schedule.running[token_id].is_selling:
            self._since.setdefault(token_id, self._clock.mono())
            return
        said = {"token_id": token_id, "signal_id": signal.signal_id, "at": signal.at}
        write_atomic(self._file(token_id), msgspec.json.encode(said), durable=True)
        self._wanted.add(token_id)
        self._fleet.sell(token_id)
        self._since[token_id] = self._clock.mono()
        log.info("[EXIT]", token=token_id, reason="sell_signal", signal=signal.signal_id)

    def _finish(self, signal: SellSignal, ledger: Ledger, reason: str) -> None:
        """Mark the signal as acted on; a crash after the first line leaves only a file."""
        token_id, now = signal.token_id, self._clock.now()
        ledger.consume_signal(signal.signal_id, at=now)
        self._over.add(signal.signal_id)
        self._wanted.discard(token_id)
        self._dust.discard(token_id)
        self._fleet.forget(token_id)
        self._file(token_id).unlink(missing_ok=True)
        log.info("[EXIT]", event="signal_done", token=token_id, reason=reason)
        self._memory.note_exit(ExitRecord(token_id, now, "SELL_SIGNAL", refillable=True))
        self._memory.forget_started(token_id, now)

    def _take_back(self, token_id: str) -> None:
        """Let a token be traded again whose signal was cleared by a purchase."""
        self._file(token_id).unlink(missing_ok=True)
        self._fleet.keep(token_id)
        self._wanted.discard(token_id)
        self._dust.discard(token_id)
        log.info("[EXIT]", event="signal_cleared", token=token_id)

    def _park(self) -> None:
        """Free the slot of a child that cannot sell any more at its floor or above."""
        running, mono = self._fleet.schedule.running, self._clock.mono()
        for token_id, since in list(self._since.items()):
            run = running.get(token_id)
            if run is None or not run.is_selling:
                del self._since[token_id]
            elif not run.is_parked and mono - since >= self._take_s(token_id):
                report = read_report(self._data_dir, token_id)
                if report is not None and report.is_current(self._clock.boot()):
                    self._park_one(token_id, report)

    def _take_s(self, token_id: str) -> float:
        return self._clock.real_s(self._fleet.settings_of(token_id).maker.exit_take_s)

    def _park_one(self, token_id: str, report: ChildReport) -> None:
        """Leave a child with what rests at its floor; end one that has only dust.

        What is worth less than the smallest order is kept, and sold with the next purchase.
        """
        held = None if report.position is None else report.position.size
        if report.signal == DUST:
            self._dust.add(token_id)
            self._fleet.retire(token_id)
            log.warning("[EXIT]", token=token_id, reason="worth_too_little", held=held)
        elif report.signal in STUCK:
            self._fleet.park(token_id)
            log.warning("[EXIT]", token=token_id, reason=STUCK[report.signal], held=held)

    def _file(self, token_id: str) -> Path:
        return exit_signal_path(self._data_dir, token_id)


def _is_held(ledger: Ledger, token_id: str) -> bool:
    """Whether shares are held, or something is open that may become shares."""
    return not ledger.position(token_id).is_flat or bool(ledger.open_order_ids(token_id))
