"""A scripted server, a client, and the throw-away account of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from POLYMARKET_MAKER.exchange.auth import Credentials
from POLYMARKET_MAKER.exchange.http import Http
from tests.exchange.scripted_server import ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer().running() as running:
        yield running


@pytest.fixture
def http() -> Iterator[Http]:
    client = Http(deadline_s=5.0)
    yield client
    client.close()


@pytest.fixture
def credentials() -> Credentials:
    return Credentials(
        api_key="00000000-0000-0000-0000-000000000001",
        secret="c2VjcmV0IG9mIGEgdGVzdA==",
        passphrase="a passphrase",
        address="0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A",
    )
