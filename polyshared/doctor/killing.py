"""Stop all trading, and prove at the exchange that nothing of ours is open.

The switch is the file ``KILL``: its presence is the order, whoever made it. The proof is
harder. What was written before the switch proves nothing, nor does what a dead or
suspended process wrote, nor an empty list that nobody has compared with the exchange. So
all of these must hold at once, each after the switch:

* a living supervisor, or a living child, has written its status;
* every living child has said that it has no open order;
* the account was read at the exchange, and by the ledger no order of ours may be open.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from polyshared import _clock, write_atomic
from polyshared._clock import Moment
from polyshared.doctor import words
from polyshared.doctor.children import Child
from polyshared.doctor.facts import Facts, gather
from polyshared.doctor.graph import Known
from polyshared.doctor.locate import Located

KILL_FILE = "KILL"
LOOK_EVERY_S = 0.5
CANCEL_OPEN = "python poly_maker_autorun.py --cancel-open"


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known of one data directory.

    Attributes:
        missing: What still has to be shown, one clause each; empty when all is proven.
        nobody: No process of ours is alive: nothing can be proven here.
        survivors: Orders that may be open, by id, with their token where it is known.
    """

    missing: tuple[str, ...] = ()
    nobody: bool = False
    survivors: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        return not self.missing and not self.nobody


def switch(data_dir: Path, *, by: str) -> Moment:
    """Set the switch; return when. An earlier one stays, and its stamp is renewed.

    Raises:
        OSError: The file could not be made. Nothing is stopped.
    """
    at = _clock.now()
    body = {"at": at.wall_s, "boottime_s": at.boot_s, "by": by, "pid": os.getpid()}
    path = data_dir / KILL_FILE
    try:
        write_atomic(path, msgspec.json.encode(body) + b"\n")
    except OSError:
        path.touch()  # an empty file needs no room, and its presence is what counts
    return at


def prove(facts: Facts, since: Moment) -> Proof:
    """Judge what was gathered against the instant of the switch. Pure."""
    supervisor = facts.supervisor
    alive = isinstance(supervisor, Known) and supervisor.value.is_alive
    children = facts.children.value.known if isinstance(facts.children, Known) else ()
    living = [child for child in children if child.is_alive]
    survivors = _survivors(facts)
    if not alive and not living:
        return Proof(nobody=True, survivors=survivors)
    missing: list[str] = []
    if not isinstance(facts.children, Known):
        missing.append("the children could not be looked at")
    if alive and isinstance(supervisor, Known):
        written = facts.now.boot_s - supervisor.value.age_s
        if written <= since.boot_s:
            missing.append("the supervisor has not written since")
    missing.extend(text for child in living if (text := _open(child, since)) is not None)
    missing.extend(_unread(facts, since, survivors))
    return Proof(tuple(missing), survivors=survivors)


def _open(child: Child, since: Moment) -> str | None:
    """Return what a living child has not shown yet."""
    name = words.short(child.token_id)
    if child.is_stopped:
        return f"{name} is stopped by a signal"
    said = child.said
    if said is None or said.boottime_s <= since.boot_s:
        return f"{name} has not written since"
    if said.open_orders is None:
        return f"{name} does not say which orders are open"
    if said.open_orders:
        return f"{name} has {words.count(len(said.open_orders), 'open order')}"
    return None


def _ledger(facts: Facts) -> Mapping[str, Any] | None:
    if not isinstance(facts.ledger, Known):
        return None
    answer = facts.ledger.value
    return answer.data if answer.available and answer.ok else None


def _survivors(facts: Facts) -> dict[str, str | None]:
    known = _ledger(facts)
    return dict(known["open_orders"]) if known is not None else {}


def _unread(facts: Facts, since: Moment, survivors: Mapping[str, str | None]) -> list[str]:
    """Return what the ledger has not shown yet."""
    known = _ledger(facts)
    if known is None:
        return ["the ledger could not be asked"]
    read_s = known["account_read_boot_s"]  # a clock that is set proves nothing
    if read_s is None or float(read_s) <= since.boot_s:
        return ["the account was not read at the exchange since"]
    if survivors:
        return [f"{words.count(len(survivors), 'order')} may be open"]
    return []


def wait_for_proof(
    located: Located,
    since: Moment,
    *,
    timeout_s: float,
    tell: Callable[[Proof], None],
    sleep: Callable[[float], None] = time.sleep,
) -> Proof:
    """Look until everything is proven, nobody is left to prove it, or time is up.

    Args:
        located: The data directory.
        since: Only what was written after this counts.
        timeout_s: How long to look.
        tell: Called after each look.
        sleep: Waits between two looks.
    """
    ends = _clock.boot_s() + timeout_s
    while True:
        left_s = max(1.0, ends - _clock.boot_s())
        facts = gather(located, {"children", "ledger"}, timeout_s=left_s)
        proof = prove(facts, since)
        tell(proof)
        if proof.is_complete or proof.nobody or _clock.boot_s() >= ends:
            return proof
        sleep(LOOK_EVERY_S)
