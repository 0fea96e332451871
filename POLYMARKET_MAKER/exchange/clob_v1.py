"""Orders for a venue whose ``GET /version`` says 1, signed by py-clob-client.

Production has refused these since 2026-04-28. What still speaks version 1 is
simulators and private venues, so the old client stays the reference for them:
twelve signed fields, EIP-712 domain version "1", wallet types 0 to 2, and a
fee rate in the order that must be the market's own (``GET /fee-rate``).

The library is loaded at the first signature (0.4 s, 40 MB), and only its
builder is used; posting.py says why it does not send.
"""

from __future__ import annotations

from typing import Any

from POLYMARKET_MAKER.core.model import MarketInfo, OrderVersion, Side
from POLYMARKET_MAKER.core.order import SignedOrder
from POLYMARKET_MAKER.errors import SettingsError
from POLYMARKET_MAKER.exchange.amounts import Amounts
from POLYMARKET_MAKER.exchange.auth import SignatureType, Wallet
from POLYMARKET_MAKER.exchange.libraries import signing_library
from POLYMARKET_MAKER.exchange.posting import OrderSigner, PostingAccount, body_bytes


class ClobV1(PostingAccount):
    """An account at an exchange that speaks order version 1."""

    signs = (OrderVersion.V1,)
    library = "py-clob-client"

    def _make_signer(self, wallet: Wallet) -> OrderSigner:
        return SignerV1(wallet)


class SignerV1:
    """Signs with py-clob-client's order builder.

    Attributes:
        address: The key's own address.
    """

    def __init__(self, wallet: Wallet) -> None:
        if wallet.signature_type is SignatureType.DEPOSIT:
            raise SettingsError(
                "POLY_SIGNATURE was 3 (deposit wallet), order version 1 knows 0, 1 and 2"
            )
        with signing_library():
            from py_clob_client import config, utilities  # noqa: PLC0415 - at first use
            from py_clob_client.order_builder import builder  # noqa: PLC0415

        self._config = config
        self._parts = builder
        self._order_to_json = utilities.order_to_json
        self._key = builder.UtilsSigner(key=wallet.private_key)
        self._wallet = wallet
        self._builders: dict[bool, Any] = {}
        self.address = str(self._key.address())

    def sign(self, sums: Amounts, market: MarketInfo, *, owner: str) -> SignedOrder:
        """Build, sign and serialise one order for the API key *owner*."""
        from eth_utils.crypto import keccak  # noqa: PLC0415 - loaded with the library

        builder, order = self._builder(market), sums.order
        unsigned = builder.build_order(self._fields(sums, market))
        signature = builder.build_order_signature(unsigned)
        digest = keccak(unsigned.signable_bytes(domain=builder.domain_separator))
        payload = self._order_to_json(
            self._parts.SignedOrder(unsigned, signature),
            owner,
            order.time_in_force.value,
            order.post_only,
        )
        return SignedOrder(order, "0x" + digest.hex(), body_bytes(payload))

    def _fields(self, sums: Amounts, market: MarketInfo) -> Any:
        is_buy = sums.order.side is Side.BUY
        return self._parts.OrderData(
            maker=self._wallet.funder,
            signer=self.address,
            tokenId=sums.order.token_id,
            makerAmount=str(sums.maker),
            takerAmount=str(sums.taker),
            side=self._parts.UtilsBuy if is_buy else self._parts.UtilsSell,
            feeRateBps=str(market.base_fee_bps),
            expiration=str(sums.expiration),
            signatureType=int(self._wallet.signature_type),
        )

    def _builder(self, market: MarketInfo) -> Any:
        """Return the library's builder for the contract that settles *market*."""
        if market.neg_risk not in self._builders:
            chain_id = self._wallet.chain_id
            contracts = self._config.get_contract_config(chain_id, market.neg_risk)
            self._builders[market.neg_risk] = self._parts.UtilsOrderBuilder(
                contracts.exchange, chain_id, self._key
            )
        return self._builders[market.neg_risk]
