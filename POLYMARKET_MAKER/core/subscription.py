"""Our own texts to the market channel: PING, and what is subscribed (2026-09).

With :mod:`POLYMARKET_MAKER.core.wire` the only module that says ``assets_ids``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

PING = "PING"
REFUSAL = "INVALID OPERATION"
"""What the exchange answers to a text that it does not take."""
MAX_IDS_PER_FRAME = 100
"""With thousands of ids in one frame the exchange closes (rs-clob-client-v2 #116, 2026-09)."""


def first_frame(token_ids: Sequence[str], *, custom_features: bool) -> str:
    """Write the one frame that opens a subscription; a second one on a connection is refused."""
    message: dict[str, object] = {"assets_ids": _checked(token_ids), "type": "market"}
    if custom_features:
        message["custom_feature_enabled"] = True
    return msgspec.json.encode(message).decode()


def subscribe(token_ids: Sequence[str], *, custom_features: bool) -> str:
    message: dict[str, object] = {"assets_ids": _checked(token_ids), "operation": "subscribe"}
    if custom_features:
        message["custom_feature_enabled"] = True
    return msgspec.json.encode(message).decode()


def unsubscribe(token_ids: Sequence[str]) -> str:
    message = {"assets_ids": _checked(token_ids), "operation": "unsubscribe"}
    return msgspec.json.encode(message).decode()


def chunks(token_ids: Iterable[str], size: int = MAX_IDS_PER_FRAME) -> list[list[str]]:
    """Cut ids into lists that one frame may carry."""
    ids = list(token_ids)
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def _checked(token_ids: Sequence[str]) -> list[str]:
    """Refuse what the exchange answers with silence (an empty list) or a close (too many ids)."""
    if not 0 < len(token_ids) <= MAX_IDS_PER_FRAME:
        raise ValueError(f"frame had {len(token_ids)} ids, expected 1 to {MAX_IDS_PER_FRAME}")
    return list(token_ids)
