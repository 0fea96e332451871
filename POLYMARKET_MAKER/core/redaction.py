"""Samples of the exchange's frames that may be shown to people."""

from __future__ import annotations

SAMPLE_CHARS = 300
_SECRET_KEYS = ("owner", "order_owner", "trade_owner", "apiKey", "secret", "passphrase")


def redact(text: str) -> str:
    """Shorten *text* to a sample for people, without the values of secret fields.

    ``owner`` fields of the exchange's messages are API key ids.
    """
    for key in _SECRET_KEYS:
        mark = f'"{key}"'
        start = text.find(mark)
        while start >= 0:
            opening = text.find('"', start + len(mark))
            if opening < 0:
                break
            closing = text.find('"', opening + 1)
            closing = len(text) if closing < 0 else closing
            text = f"{text[: opening + 1]}***{text[closing:]}"
            start = text.find(mark, opening + 4)
    return text if len(text) <= SAMPLE_CHARS else f"{text[:SAMPLE_CHARS]}…"
