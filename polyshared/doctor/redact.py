"""Take secrets out of text that leaves this machine. Pure.

Three nets, since each has holes: known values, the names that secrets go by, and the
shapes that secrets have. What only looks like a secret (an order id has the shape of a
private key) becomes a label that is the same wherever the value stands in one bundle and
says nothing outside it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

HIDDEN = "***"
SHORTEST = 6  # a shorter value would be found in every other word

_NAMES = (
    r"[\w.-]*(?:secret|passphrase|password|passwd|private[_-]?key|api[_-]?key|mnemonic"
    r"|authorization|cookie|webhook[\w-]*|signature|bearer|access[_-]?token|auth[_-]?token)"
    r"|poly[_-]key|pk|owner"
)
# A name, a separator as JSON, Python, INI, shell or HTTP write it, and a value.
_NAME = rf"""(?P<name>(?<![\w-])\\?["']?(?:{_NAMES})\\?["']?\s*(?::|=>|=)\s*)"""
_VALUE = r"""(?P<value>b?\\?"[^"\n]*"|b?'[^'\n]*'|(?:bearer|basic)\s+\S+|[^\s,;}\])]+)"""
_NAMED = re.compile(_NAME + _VALUE, re.IGNORECASE)
_USER_IN_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^\s/@\"']+@", re.IGNORECASE)
_WEBHOOK = re.compile(
    r"https?://[^\s\"'<>]*(?:webhook|hooks\.|/bot\d+:|/services/T)[^\s\"'<>]*", re.IGNORECASE
)
_QUERY = re.compile(
    r"(?P<name>[?&](?:[\w-]*(?:key|token|secret|sig|signature|password))=)[^&\s\"'<>]+",
    re.IGNORECASE,
)
_LONG_HEX = re.compile(r"(?<![0-9a-z])(?:0x)?[0-9a-f]{65,}(?![0-9a-z])", re.IGNORECASE)
_KEY_HEX = re.compile(r"(?<![0-9a-z])(?:0x)?(?P<digits>[0-9a-f]{64})(?![0-9a-z])", re.IGNORECASE)
_UUID = re.compile(
    r"(?<![0-9a-zA-Z])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-zA-Z])",
    re.IGNORECASE,
)
_JWT = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")
_BASE64 = re.compile(r"(?<![\w+/=-])[A-Za-z0-9_+/-]{22,}={1,2}(?![\w=])")
_MIXED = re.compile(
    r"(?<![\w/.-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*\d)[A-Za-z0-9_-]{40,}(?![\w/.-])"
)
_ALL_DIGITS = re.compile(r"\d+")


class Redactor:
    """Removes secrets from texts of one bundle.

    Args:
        known: Values that are secret, whatever they look like.
        salt: Makes the labels of this bundle unlike those of any other.
    """

    def __init__(self, known: Iterable[str] = (), *, salt: bytes) -> None:
        # The longest first: one secret may be part of another.
        self._known = sorted(
            {value for value in known if len(value) >= SHORTEST}, key=len, reverse=True
        )
        self._salt = salt

    def clean(self, text: str) -> str:
        """Return *text* without secrets."""
        for value in self._known:
            text = text.replace(value, HIDDEN)
        text = _WEBHOOK.sub(f"https://{HIDDEN}", text)
        text = _USER_IN_URL.sub(rf"\g<scheme>{HIDDEN}@", text)
        text = _QUERY.sub(rf"\g<name>{HIDDEN}", text)
        text = _NAMED.sub(_hide_value, text)
        for shape in (_JWT, _BASE64, _MIXED):
            text = shape.sub(HIDDEN, text)
        text = _LONG_HEX.sub(_keep_decimal, text)
        text = _KEY_HEX.sub(lambda found: self._label("hex64", found["digits"]), text)
        return _UUID.sub(lambda found: self._label("uuid", found.group()), text)

    def _label(self, kind: str, value: str) -> str:
        if _ALL_DIGITS.fullmatch(value):
            return value  # a token id: decimal, public, and the subject of every report
        digest = hashlib.sha256(self._salt + value.lower().encode()).hexdigest()
        return f"{kind}-{digest[:8]}"


def _hide_value(found: re.Match[str]) -> str:
    value = found["value"]
    quote = next((mark for mark in ('\\"', '"', "'") if value.lstrip("b").startswith(mark)), "")
    return f"{found['name']}{quote}{HIDDEN}{quote}"


def _keep_decimal(found: re.Match[str]) -> str:
    """Keep token ids, which are long decimals; hide signatures and bodies."""
    return found.group() if _ALL_DIGITS.fullmatch(found.group()) else HIDDEN


SECRET_NAMES = re.compile(
    r"KEY|SECRET|PASS|TOKEN|PRIVATE|MNEMONIC|WEBHOOK|PROXY|^PK$|AUTH|COOKIE|CREDENTIAL",
    re.IGNORECASE,
)


def secret_values(environ: Iterable[tuple[str, str]]) -> list[str]:
    """Return the values of an environment that are secret by their name, also without 0x."""
    found: list[str] = []
    for name, value in environ:
        if SECRET_NAMES.search(name) and value:
            found += [value, value.removeprefix("0x")]
    return found
