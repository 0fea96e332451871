"""The exchange's contracts, and what an order names of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

_ORDER_V1 = (
    ("salt", "uint256"),
    ("maker", "address"),
    ("signer", "address"),
    ("taker", "address"),
    ("tokenId", "uint256"),
    ("makerAmount", "uint256"),
    ("takerAmount", "uint256"),
    ("expiration", "uint256"),
    ("nonce", "uint256"),
    ("feeRateBps", "uint256"),
    ("side", "uint8"),
    ("signatureType", "uint8"),
)
_ORDER_V2 = (
    ("salt", "uint256"),
    ("maker", "address"),
    ("signer", "address"),
    ("tokenId", "uint256"),
    ("makerAmount", "uint256"),
    ("takerAmount", "uint256"),
    ("side", "uint8"),
    ("signatureType", "uint8"),
    ("timestamp", "uint256"),
    ("metadata", "bytes32"),
    ("builder", "bytes32"),
)
# The position ids of Protocol V2 have these bits empty.
_POSITION_MASK = ((1 << 64) - 1) << 40


class Version(IntEnum):
    """The exchange contract an order is signed for; its number is the domain's version."""

    V1 = 1
    V2 = 2
    V3 = 3

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        return _ORDER_V1 if self is Version.V1 else _ORDER_V2


class SignatureType(IntEnum):
    EOA = 0
    POLY_PROXY = 1
    GNOSIS_SAFE = 2
    POLY_1271 = 3


CONTRACTS = {
    137: {
        (Version.V1, False): "0x4bFb41d5B3570DeFd03C39a9A4D8dE6Bd8B8982E",
        (Version.V1, True): "0xC5d563A36AE78145C45a50134d48A1215220f80a",
        (Version.V2, False): "0xE111180000d2663C0091e4f400237545B87B996B",
        (Version.V2, True): "0xe2222d279d744050d28e00520010520000310F59",
        (Version.V3, False): "0xe3333700cA9d93003F00f0F71f8515005F6c00Aa",
    },
    80002: {
        (Version.V1, False): "0xdFE02Eb6733538f8Ea35D585af8DE5958AD99E40",
        (Version.V1, True): "0xC5d563A36AE78145C45a50134d48A1215220f80a",
        (Version.V2, False): "0xE111180000d2663C0091e4f400237545B87B996B",
        (Version.V2, True): "0xe2222d279d744050d28e00520010520000310F59",
        (Version.V3, False): "0x9fE6e61422AdB6F610d8597F9684b16912D50C3D",
    },
}


class SignatureError(ValueError):
    """A message is not signed by the one it names, or cannot be read."""


@dataclass(frozen=True, slots=True)
class Domain:
    version: Version
    chain_id: int
    neg_risk: bool = False

    @property
    def contract(self) -> str:
        # Exchange V3 has one contract for all markets.
        neg_risk = self.neg_risk and self.version is not Version.V3
        return CONTRACTS[self.chain_id][self.version, neg_risk]


def is_position_id(token_id: str) -> bool:
    """Tell a Protocol-V2 position id, signed for Exchange V3, from a CTF token id."""
    return int(token_id) & _POSITION_MASK == 0
