"""The markets that a simulation begins with, made from its seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal
from hashlib import sha256

from POLYMARKET_MAKER.sim.contracts import is_position_id
from POLYMARKET_MAKER.sim.model import MarketSpec

FEE_RATE = Decimal("0.04")


def make_markets(
    count: int,
    *,
    seed: int,
    tempers: Sequence[str],
    end_at: int,
    positions: int = 0,
    neg_risk: int = 0,
    fees: bool = True,
) -> list[MarketSpec]:
    """Return *count* binary markets, their tempers in turn.

    Args:
        count: Number of markets; each has two tokens, of which the first is listed.
        seed: The same seed gives the same ids.
        tempers: Names of :data:`~POLYMARKET_MAKER.sim.tempers.TEMPERS`.
        end_at: When trading is meant to end, in epoch seconds.
        positions: How many of the last markets have Protocol-V2 position ids.
        neg_risk: How many of the first markets are neg-risk.
        fees: Takers pay fees.
    """
    return [
        _spec(
            number,
            seed=seed,
            temper=tempers[number % len(tempers)],
            end_at=end_at,
            is_position=number >= count - positions,
            neg_risk=number < neg_risk,
            fee_rate=FEE_RATE if fees else Decimal(0),
        )
        for number in range(count)
    ]


def _spec(
    number: int,
    *,
    seed: int,
    temper: str,
    end_at: int,
    is_position: bool,
    neg_risk: bool,
    fee_rate: Decimal,
) -> MarketSpec:
    digest = sha256(f"market {seed}/{number}".encode()).digest()
    start = random.Random(f"{seed}/{number}/start").uniform(0.42, 0.58)  # noqa: S311
    slug = f"simulated-{temper}-{number}"
    return MarketSpec(
        number=number,
        condition_id=_condition_id(digest, is_position=is_position),
        tokens=_tokens(digest, is_position=is_position),
        slug=slug,
        question=f"Will the {temper} market number {number} resolve to Yes?",
        neg_risk=neg_risk,
        fee_rate=fee_rate,
        is_position=is_position,
        end_at=end_at,
        temper=temper,
        start_price=round(start, 2),
    )


def _condition_id(digest: bytes, *, is_position: bool) -> str:
    return f"0x{_position_base(digest):064x}" if is_position else "0x" + digest.hex()


def _position_base(digest: bytes) -> int:
    """Return a recorded position's shape: 17 bytes, the first being 1, above 15 empty ones."""
    return int.from_bytes(b"\x01" + digest[1:17], "big") << 120


def _tokens(digest: bytes, *, is_position: bool) -> tuple[str, str]:
    """Return two ids of the right kind: 77 digits or so, or with the position ids' empty bits."""
    if is_position:
        base = _position_base(digest)
        first, second = str(base), str(base + 1)
    else:
        first, second = (
            str(int.from_bytes(sha256(digest + bytes([side])).digest(), "big") | 1 << 40)
            for side in (0, 1)
        )
    assert is_position_id(first) is is_position
    return first, second
