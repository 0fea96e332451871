"""Prove who signed: orders of three exchange versions, and the L1 login message.

The exchange contracts define the structures (EIP-712); the names of the fields
and the addresses are facts about them. The encoding is written out here, so
that the simulator shares no code with the client libraries it judges.

Import it where something signed has to be judged: what it imports takes 0.2 s.
"""

from __future__ import annotations

from typing import Any

from eth_abi.abi import encode
from eth_abi.exceptions import EncodingError
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.address import is_address, to_checksum_address
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from POLYMARKET_MAKER.sim.contracts import Domain, SignatureError, SignatureType, Version

LOGIN_TEXT = "This message attests that I control the given wallet"

_DOMAIN_TYPE = keccak(
    text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_LOGIN_DOMAIN_TYPE = keccak(text="EIP712Domain(string name,string version,uint256 chainId)")
_LOGIN_TYPE = keccak(text="ClobAuth(address address,string timestamp,uint256 nonce,string message)")


def order_hash(order: dict[str, Any], domain: Domain) -> str:
    """Return the EIP-712 hash of an order body: the id that the exchange gives it.

    Raises:
        SignatureError: A field is missing or not of its type.
    """
    return "0x" + _digest(_separator(domain), _contents(order, domain.version)).hex()


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
    return _recover(_digest(_separator(domain), _contents(order, domain.version)), signature)


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


def _separator(domain: Domain) -> bytes:
    return keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [
                _DOMAIN_TYPE,
                keccak(text="Polymarket CTF Exchange"),
                keccak(text=str(domain.version.value)),
                domain.chain_id,
                domain.contract,
            ],
        )
    )


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
    expected = _separator(domain) + contents + kind.encode() + len(kind).to_bytes(2, "big")
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
    return _recover(_digest(_separator(domain), wallet), inner)


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
