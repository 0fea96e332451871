"""Prove who signed: orders of three exchange versions, and the L1 login message.

The exchange contracts define the structures (EIP-712); the names of the fields
and the addresses are facts about them. The encoding is written out here, so
that the simulator shares no code with the client libraries it judges.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from eth_abi.abi import encode
from eth_abi.exceptions import EncodingError
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.address import is_address, to_checksum_address
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

LOGIN_TEXT = "This message attests that I control the given wallet"

_DOMAIN_TYPE = keccak(
    text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_LOGIN_DOMAIN_TYPE = keccak(text="EIP712Domain(string name,string version,uint256 chainId)")
_LOGIN_TYPE = keccak(text="ClobAuth(address address,string timestamp,uint256 nonce,string message)")

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

    def separator(self) -> bytes:
        return keccak(
            encode(
                ["bytes32", "bytes32", "bytes32", "uint256", "address"],
                [
                    _DOMAIN_TYPE,
                    keccak(text="Polymarket CTF Exchange"),
                    keccak(text=str(self.version.value)),
                    self.chain_id,
                    self.contract,
                ],
            )
        )


def is_position_id(token_id: str) -> bool:
    """Tell a Protocol-V2 position id, signed for Exchange V3, from a CTF token id."""
    return int(token_id) & _POSITION_MASK == 0


def order_hash(order: dict[str, Any], domain: Domain) -> str:
    """Return the EIP-712 hash of an order body: the id that the exchange gives it.

    Raises:
        SignatureError: A field is missing or not of its type.
    """
    return "0x" + _digest(domain.separator(), _contents(order, domain.version)).hex()


def order_signer(order: dict[str, Any], domain: Domain) -> str:
    """Return the address whose key signed an order body.

    For signature types 0 to 2 that is the address named as ``signer``; for type
    3 (a deposit wallet, EIP-1271) it is the key that owns the wallet.

    Raises:
        SignatureError: The signature cannot be read, or a wrapped one was made
            for other contents or another domain.
    """
    signature = _bytes(order.get("signature"))
    if order.get("signatureType") == SignatureType.POLY_1271:
        return _wrapped_signer(order, domain, signature)
    return _recover(_digest(domain.separator(), _contents(order, domain.version)), signature)


def login_signer(*, address: str, timestamp: str, nonce: int, signature: str, chain_id: int) -> str:
    """Return the address whose key signed an L1 login.

    Raises:
        SignatureError: The signature or the address cannot be read.
    """
    if not is_address(address):
        raise SignatureError(f"address was {address!r}")
    domain = keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256"],
            [_LOGIN_DOMAIN_TYPE, keccak(text="ClobAuthDomain"), keccak(text="1"), chain_id],
        )
    )
    contents = keccak(
        encode(
            ["bytes32", "address", "bytes32", "uint256", "bytes32"],
            [_LOGIN_TYPE, address, keccak(text=timestamp), nonce, keccak(text=LOGIN_TEXT)],
        )
    )
    return _recover(_digest(domain, contents), _bytes(signature))


def _order_type(version: Version) -> str:
    return "Order(" + ",".join(f"{kind} {name}" for name, kind in version.fields) + ")"


def _contents(order: dict[str, Any], version: Version) -> bytes:
    """Return the struct hash of an order body as it came over the wire."""
    try:
        values = [_value(order[name], name, kind) for name, kind in version.fields]
        kinds = ["bytes32", *(kind for _, kind in version.fields)]
        return keccak(encode(kinds, [keccak(text=_order_type(version)), *values]))
    except (KeyError, TypeError, ValueError, EncodingError) as error:
        raise SignatureError(f"order body cannot be hashed: {error}") from error


def _value(value: Any, name: str, kind: str) -> Any:
    if name == "side":
        return {"BUY": 0, "SELL": 1}[value]
    if kind == "bytes32":
        return _bytes(value)
    return value if kind == "address" else int(value)


def _digest(separator: bytes, contents: bytes) -> bytes:
    return keccak(b"\x19\x01" + separator + contents)


def _wrapped_signer(order: dict[str, Any], domain: Domain, signature: bytes) -> str:
    """Return who signed for a deposit wallet.

    The wallet verifies nested typed data in the way of Solady's ERC-1271: the
    key signs ``TypedDataSign(Order contents, ...the wallet's own domain)`` under
    the exchange's domain, and the signature carries, after its 65 bytes, the
    exchange's domain separator, the hash of the order, the text of the order's
    type and the length of that text. Read from py-clob-client-v2 1.2.1.
    """
    contents = _contents(order, domain.version)
    kind = _order_type(domain.version)
    expected = domain.separator() + contents + kind.encode() + len(kind).to_bytes(2, "big")
    inner, wrapper = signature[:65], signature[65:]
    if wrapper != expected:
        raise SignatureError("wrapped signature was made for another order or domain")
    wallet = keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "bytes32", "uint256", "address", "bytes32"],
            [
                keccak(text=_NESTED_TYPE + kind),
                contents,
                keccak(text="DepositWallet"),
                keccak(text="1"),
                domain.chain_id,
                order["signer"],
                bytes(32),
            ],
        )
    )
    return _recover(_digest(domain.separator(), wallet), inner)


_NESTED_TYPE = (
    "TypedDataSign(Order contents,string name,string version,uint256 chainId,"
    "address verifyingContract,bytes32 salt)"
)


def _bytes(value: Any) -> bytes:
    if not isinstance(value, str) or not value.startswith("0x"):
        raise SignatureError(f"hex text was {value!r}")
    try:
        return bytes.fromhex(value[2:])
    except ValueError as error:
        raise SignatureError(f"hex text was {value!r}") from error


def _recover(digest: bytes, signature: bytes) -> str:
    if len(signature) != 65:  # noqa: PLR2004 - r, s, v
        raise SignatureError(f"signature was {len(signature)} bytes, expected 65")
    recovery_id = signature[64] - 27 if signature[64] >= 27 else signature[64]  # noqa: PLR2004
    try:
        key = Signature(signature[:64] + bytes([recovery_id])).recover_public_key_from_msg_hash(
            digest
        )
    except (BadSignature, ValidationError, ValueError) as error:
        raise SignatureError(str(error)) from error
    return to_checksum_address(key.to_canonical_address())
