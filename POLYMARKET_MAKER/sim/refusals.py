"""Every refusal of the exchange: its HTTP status, its own text, and a short name to count it by.

Where a text is not established the docstring says so.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from POLYMARKET_MAKER.sim.canonical import text


class Refused(Exception):
    """The exchange says no.

    Attributes:
        reason: Short name for counters.
        status: HTTP status.
        body: JSON body of the answer.
        headers: Extra headers of the answer.
    """

    def __init__(
        self,
        reason: str,
        status: int,
        message: str,
        *,
        extra: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status
        self.message = message
        self.body: dict[str, Any] = {"error": message, **(extra or {})}
        self.headers = headers or {}

    def __str__(self) -> str:
        return f"{self.status} {self.message}"


def bad_payload() -> Refused:
    return Refused("payload", 400, "Invalid order payload")


def bad_api_key() -> Refused:
    return Refused("api_key", 401, "Unauthorized/Invalid api key")


def bad_l1() -> Refused:
    return Refused("l1", 401, "Invalid L1 Request headers")


def version_mismatch() -> Refused:
    return Refused("version", 400, "order_version_mismatch")


def bad_signature() -> Refused:
    return Refused("signature", 400, "invalid signature")


def not_owner() -> Refused:
    return Refused("owner", 400, "the order owner has to be the owner of the API KEY")


def not_signer() -> Refused:
    return Refused("signer", 400, "the order signer address has to be the address of the API KEY")


def maker_not_allowed() -> Refused:
    return Refused("maker", 400, "maker address not allowed, please use the deposit wallet flow")


def not_ready() -> Refused:
    """Refuse an order for an unknown or closed market; its text there is not established."""
    return Refused("market", 400, "the market is not yet ready to process new orders")


def bad_expiration() -> Refused:
    return Refused("expiration", 400, "invalid expiration")


def duplicated(order_id: str) -> Refused:
    return Refused("duplicated", 400, f"order {order_id} is invalid. Duplicated.")


def off_grid(order_id: str, price: Decimal, tick: Decimal) -> Refused:
    return Refused(
        "tick",
        400,
        f"order {order_id} is invalid. Price ({text(price)}) breaks minimum tick size rule: "
        f"{text(tick)}",
    )


def too_small(order_id: str, size: Decimal, minimum: Decimal) -> Refused:
    return Refused(
        "size",
        400,
        f"order {order_id} is invalid. Size ({text(size)}) lower than the minimum: {text(minimum)}",
    )


def too_cheap(notional: Decimal) -> Refused:
    return Refused(
        "notional",
        400,
        f"invalid amount for a marketable BUY order (${text(notional)}), min size: $1",
    )


def crosses() -> Refused:
    return Refused("post_only", 400, "invalid post-only order: order crosses book")


def no_balance() -> Refused:
    return Refused("balance", 400, "not enough balance / allowance")


def fok_unfilled() -> Refused:
    return Refused(
        "fok", 400, "order couldn't be fully filled. FOK orders are fully filled or killed."
    )


def fak_unfilled() -> Refused:
    return Refused(
        "fak",
        400,
        "no orders found to match with FAK order. FAK orders are partially filled or killed if "
        "no match is found.",
    )


def too_many_orders(count: int, limit: int) -> Refused:
    return Refused("batch", 400, f"Too many orders in payload: {count}, max allowed: {limit}")


def bad_order_id() -> Refused:
    return Refused("order_id", 400, "Invalid orderID")


def restarting() -> Refused:
    """Refuse because the matching engine restarts; the body is not established."""
    return Refused("restarting", 425, "Too Early", headers={"Retry-After": "1"})


def post_only_mode(retry_after_s: int) -> Refused:
    return Refused(
        "post_only_mode",
        503,
        "post-only mode: only post-only orders and cancels are allowed",
        extra={"code": "post_only_mode", "retry_after_seconds": retry_after_s},
    )


def cancel_only() -> Refused:
    return Refused(
        "cancel_only",
        503,
        "Trading is currently cancel-only. New orders are not accepted, but cancels are allowed.",
    )


def disabled() -> Refused:
    return Refused(
        "disabled", 503, "Trading is currently disabled. Check polymarket.com for updates"
    )


def too_many_requests() -> Refused:
    return Refused("rate", 429, "Too Many Requests", headers={"Retry-After": "1"})


def unknown_token() -> Refused:
    return Refused("token", 404, "No orderbook exists for the requested token id")


def bad_token() -> Refused:
    return Refused("token", 400, "Invalid token id")
