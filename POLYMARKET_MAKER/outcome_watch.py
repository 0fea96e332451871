"""Say when no order was placed for hours, and at which stage each token ends.

The line that the operator needs at three in the morning tells "nothing to do" from
"something holds us back": a market without a signal is as it should be, a token that is
blocked is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from POLYMARKET_MAKER import log
from POLYMARKET_MAKER.child_reports import ChildReport, StageSaid, read_report
from POLYMARKET_MAKER.clock import Clock
from POLYMARKET_MAKER.core.decision import StageName

LOOK_EVERY_S = 5.0


class Kind(StrEnum):
    """Why a token has no order."""

    NO_SIGNAL = "no_signal"  # every stage is well, the market gives no reason to trade
    BLOCKED = "blocked"  # a rule holds it back, or something is broken
    NO_DATA = "no_data"  # no quote that may be traded on
    NO_CHILD = "no_child"  # no process trades it, or it tells nothing


@dataclass(frozen=True, slots=True)
class Finding:
    """Where one token ends.

    Attributes:
        stage: The first stage that is not passed.
        since: Since when, in epoch seconds; None when not known.
    """

    token_id: str
    kind: Kind
    stage: str
    reason: str
    since: float | None = None


def find(token_id: str, said: ChildReport | None, *, status: str, boot: float) -> Finding:
    """Return the first stage at which *token_id* ends.

    Args:
        token_id: The token.
        said: What its child said last; None when nothing can be read.
        status: What the supervisor says of it, such as ``quarantined``.
        boot: Seconds since boot, now.
    """
    if said is None or not said.is_current(boot):
        return Finding(token_id, Kind.NO_CHILD, "process", status)
    for name in StageName:
        stage = said.stages.get(name)
        if stage is not None and stage.state != "ok":
            return Finding(token_id, _kind(name, stage), name, stage.reason, stage.since)
    return Finding(token_id, Kind.NO_SIGNAL, StageName.ORDER, "all_passed")


def _kind(name: StageName, stage: StageSaid) -> Kind:
    if name in (StageName.SOURCE, StageName.QUOTE):
        return Kind.NO_DATA
    return Kind.NO_SIGNAL if stage.state == "wait" else Kind.BLOCKED


class OutcomeWatch:
    """Looks at the children's status files every few seconds, and warns once a period.

    Args:
        data_dir: Where the children tell of themselves.
        clock: The clock; the period is a schedule's and is scaled.
    """

    def __init__(self, data_dir: Path, clock: Clock) -> None:
        self._data_dir = data_dir
        self._clock = clock
        self._since = clock.now()
        self._looked_mono = float("-inf")

    def look(self, statuses: Mapping[str, str], *, warn_h: float) -> None:
        """Warn when it is time.

        Args:
            statuses: What the supervisor says of every token that it wants to trade.
            warn_h: Hours without an order after which to warn, and to warn again.
        """
        mono, now = self._clock.mono(), self._clock.now()
        if mono - self._looked_mono < LOOK_EVERY_S / self._clock.scale:
            return
        self._looked_mono = mono
        said = {token_id: read_report(self._data_dir, token_id) for token_id in statuses}
        placed = [each.last_order.at for each in said.values() if each and each.last_order]
        self._since = max([self._since, *(at for at in placed if at <= now)])
        if now - self._since < self._clock.real_s(warn_h * 3600):
            return
        self._since = now
        boot = self._clock.boot()
        warn(
            [
                find(token_id, said[token_id], status=status, boot=boot)
                for token_id, status in statuses.items()
            ],
            hours=warn_h,
        )


def warn(
    findings: Iterable[Finding], *, hours: float, write: Callable[..., None] = log.warning
) -> None:
    """Write one line that counts, then one for each token that something holds back first."""
    found = sorted(findings, key=lambda each: each.kind is Kind.NO_SIGNAL)
    counts = {kind.value: sum(each.kind is kind for each in found) for kind in Kind}
    text = "no order for hours" if found else "no order for hours: there is no token to trade"
    write("[WARN]", text, event="no_order", hours=hours, tokens=len(found), **counts)
    for each in found:
        write(
            "[WARN]",
            event="no_order",
            token=each.token_id,
            kind=each.kind,
            stage=each.stage,
            reason=each.reason,
            since=None if each.since is None else log.stamp(each.since),
        )
