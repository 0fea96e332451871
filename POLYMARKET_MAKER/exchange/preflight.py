"""Find before the first order what the exchange would refuse in every order.

A problem is something that no retry mends: the caller stops with exit 4 and
these sentences, each of which says the cure. A warning is worth a line in the
log. An exchange that cannot be reached is neither: the reads raise
``VenueUnreachable``, and the caller asks again later.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from POLYMARKET_MAKER.errors import VenueError, VenueRefused
from POLYMARKET_MAKER.exchange.auth import SignatureType
from POLYMARKET_MAKER.exchange.data_api import DataApi
from POLYMARKET_MAKER.exchange.protocol import Allowance, LiveAccount
from POLYMARKET_MAKER.exchange.public import SUPPORTED, Public, unsupported
from POLYMARKET_MAKER.log import short

SKEW_WARN_S: Final = 5.0
SKEW_MAX_S: Final = 60.0  # what the exchange tolerates in a header is not established


@dataclass(frozen=True, slots=True)
class Findings:
    """What a preflight found.

    Attributes:
        problems: Sentences that end the start, each with its cure; all of them at once.
        warnings: Sentences for the log.
        balance: Collateral in USD; None when the account could not be read for a problem.
    """

    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    balance: Decimal | None


def preflight(
    public: Public,
    account: LiveAccount,
    data_api: DataApi,
    *,
    funder: str,
    signature_type: SignatureType,
    now: float,
) -> Findings:
    """Ask the exchange all that can be known before an order.

    Args:
        public: Its public reads.
        account: The account that is to trade.
        data_api: Asked only where the balance is 0.
        funder: The wallet that is said to hold the funds.
        signature_type: The kind it is said to be of.
        now: This machine's wall clock in epoch seconds, read just before.

    Raises:
        VenueUnreachable: A read had no usable answer; nothing is known.
    """
    problems = list(_version_problems(public.version(), signature_type))
    ahead_s = public.server_time() - now
    is_far = abs(ahead_s) > SKEW_MAX_S
    problems += _skew(ahead_s, limit_s=SKEW_MAX_S)
    warnings = [] if is_far else _skew(ahead_s, limit_s=SKEW_WARN_S)
    try:
        collateral = account.allowance()
        closed_only = account.is_closed_only()
    except VenueRefused as error:
        problems.append(
            f"exchange refuses the API credentials: {error}; "
            "delete POLY_API_KEY, POLY_API_SECRET and POLY_API_PASSPHRASE to derive them again"
        )
        return Findings(tuple(problems), tuple(warnings), None)
    if closed_only:
        problems.append(
            "exchange lets this account only close positions (closed-only); "
            "see its geographic restrictions, or use --paper"
        )
    problems += _allowance_problems(collateral)
    if not collateral.balance:
        wrong, notes = _empty_wallet(data_api, funder, signature_type)
        problems += wrong
        warnings += notes
    return Findings(tuple(problems), tuple(warnings), collateral.balance)


def _version_problems(version: int, signature_type: SignatureType) -> Iterator[str]:
    if version not in SUPPORTED:
        yield unsupported(version)
    if version == 1 and signature_type is SignatureType.DEPOSIT:
        yield "POLY_SIGNATURE was 3 (deposit wallet), an exchange of version 1 knows 0, 1 and 2"


def _skew(ahead_s: float, *, limit_s: float) -> list[str]:
    """Say that the clocks differ; the exchange's is told in whole seconds."""
    if abs(ahead_s) <= limit_s:
        return []
    word = "behind" if ahead_s > 0 else "ahead of"
    off = f"this machine's clock is {abs(ahead_s):.0f} s {word} the exchange's"
    return [f"{off}, limit is {limit_s:.0f} s; turn on time synchronisation"]


def _allowance_problems(collateral: Allowance) -> Iterator[str]:
    """Find a wallet that no exchange contract may take from; an exchange may not say."""
    if collateral.allowances and not any(collateral.allowances.values()):
        contracts = ", ".join(map(short, collateral.allowances))
        yield (
            f"no exchange contract may move this wallet's collateral ({contracts}); "
            "approve them, or trade once on the exchange's own page, which does it"
        )


def _empty_wallet(
    data_api: DataApi, funder: str, signature_type: SignatureType
) -> tuple[list[str], list[str]]:
    """Tell an empty wallet from one that is looked for in the wrong place."""
    try:
        held = [row for row in data_api.positions(funder, status="OPEN") if row.current_size > 0]
    except VenueError as error:
        return [], [f"balance is 0 USD, and positions could not be read: {error}"]
    if not held:
        return [], [f"balance is 0 USD and {short(funder)} holds no shares; nothing can be bought"]
    wrong = (
        f"balance is 0 USD but {short(funder)} holds {len(held)} positions: wrong POLY_SIGNATURE "
        f"(was {signature_type.value}, {signature_type.name}) or POLY_FUNDER; accounts made "
        "since 2026-05-04 have type 3"
    )
    return [wrong], []
