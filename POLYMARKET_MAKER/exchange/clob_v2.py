"""Orders for today's exchange, signed by py-clob-client-v2.

Two signatures are alive. Ordinary markets are settled by CTF Exchange V2 or its
neg-risk twin (EIP-712 domain version "2"); markets with position ids by Exchange
V3 (domain version "3"). Both sign the same eleven fields. The market decides,
never a global setting: the library would sign a position id with domain "2"
without a word, and the exchange would refuse it.

The order id is the EIP-712 hash of those fields, known before anything is sent.
``expiration`` is sent but not signed, hence no part of the id.

Signature type 3, a deposit wallet, is read from py-clob-client-v2 1.2.1
(order_utils/exchange_order_builder_v2.py): maker and signer are both the wallet,
and the key signs a nested EIP-712 message after ERC-7739. Its struct is
``TypedDataSign(Order contents,string name,string version,uint256 chainId,address
verifyingContract,bytes32 salt)`` with name "DepositWallet", version "1", the
wallet as verifying contract and a zero salt; its domain is the exchange's. What
is sent as the signature is the 65 bytes, the exchange's domain separator (32),
the order's struct hash (32), the text of the ``Order`` type and that text's
length as two bytes. The order id stays the plain hash of the order.

The library is loaded at the first signature (0.4 s, 40 MB), and only its
builder is used; posting.py says why it does not send.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from POLYMARKET_MAKER.core.model import MarketInfo, OrderVersion, Side
from POLYMARKET_MAKER.core.order import SignedOrder
from POLYMARKET_MAKER.exchange.amounts import Amounts
from POLYMARKET_MAKER.exchange.auth import SignatureType, Wallet
from POLYMARKET_MAKER.exchange.libraries import signing_library
from POLYMARKET_MAKER.exchange.posting import OrderSigner, PostingAccount, body_bytes

DOMAIN_VERSION: Final = {OrderVersion.V2: "2", OrderVersion.V3: "3"}


class ClobV2(PostingAccount):
    """An account at an exchange that speaks order version 2, with V3 markets among them."""

    signs = (OrderVersion.V2, OrderVersion.V3)
    library = "py-clob-client-v2"

    def _make_signer(self, wallet: Wallet) -> OrderSigner:
        return SignerV2(wallet)


class SignerV2:
    """Signs with py-clob-client-v2's order builder.

    Attributes:
        address: The key's own address.
    """

    def __init__(self, wallet: Wallet) -> None:
        from eth_utils.address import to_checksum_address  # noqa: PLC0415 - with the library, at first use

        with signing_library():
            from py_clob_client_v2 import config, order_utils, signer  # noqa: PLC0415
            from py_clob_client_v2.order_utils.model import order_data_v2  # noqa: PLC0415

        self._order_utils = order_utils
        self._order_data = order_data_v2
        self._key = signer.Signer(wallet.private_key, wallet.chain_id)
        self._contracts = config.get_contract_config(wallet.chain_id)
        self._kind = order_utils.SignatureTypeV2(int(wallet.signature_type))
        self._builders: dict[tuple[OrderVersion, bool], Any] = {}
        self.address = str(self._key.address())
        self._maker = to_checksum_address(wallet.funder)
        is_deposit = wallet.signature_type is SignatureType.DEPOSIT
        self._order_signer = self._maker if is_deposit else self.address

    def sign(self, sums: Amounts, market: MarketInfo, *, owner: str) -> SignedOrder:
        """Build, sign and serialise one order for the API key *owner*."""
        builder, order = self._builder(market), sums.order
        unsigned = builder.build_order(self._fields(sums))
        typed = builder.build_order_typed_data(unsigned)
        signature = builder.build_order_signature(typed)
        signed = self._order_data.SignedOrderV2(**asdict(unsigned), signature=signature)
        payload = self._order_data.order_to_json_v2(
            signed, owner, order.time_in_force.value, order.post_only
        )
        return SignedOrder(order, str(builder.build_order_hash(typed)), body_bytes(payload))

    def _fields(self, sums: Amounts) -> Any:
        sides = self._order_utils.Side
        return self._order_data.OrderDataV2(
            maker=self._maker,
            signer=self._order_signer,
            tokenId=sums.order.token_id,
            makerAmount=str(sums.maker),
            takerAmount=str(sums.taker),
            side=sides.BUY if sums.order.side is Side.BUY else sides.SELL,
            signatureType=self._kind,
            expiration=str(sums.expiration),
        )

    def _builder(self, market: MarketInfo) -> Any:
        """Return the library's builder for the contract that settles *market*."""
        key = (market.order_version, market.neg_risk)
        if key not in self._builders:
            contracts = self._contracts
            address = contracts.neg_risk_exchange_v2 if market.neg_risk else contracts.exchange_v2
            if market.order_version is OrderVersion.V3:
                address = contracts.exchange_v3  # one contract for both kinds
            self._builders[key] = self._order_utils.ExchangeOrderBuilderV2(
                address,
                self._key.get_chain_id(),
                self._key,
                domain_version=DOMAIN_VERSION[market.order_version],
            )
        return self._builders[key]
