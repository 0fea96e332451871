"""The exchange says which orders it takes."""

from __future__ import annotations

import pytest

from POLYMARKET_MAKER.core.model import OrderVersion
from POLYMARKET_MAKER.errors import VenueRefused, VenueUnreachable
from POLYMARKET_MAKER.exchange.auth import Credentials, SignatureType
from POLYMARKET_MAKER.exchange.clob_v1 import ClobV1
from POLYMARKET_MAKER.exchange.clob_v2 import ClobV2
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.posting import PostingAccount
from POLYMARKET_MAKER.exchange.public import Public
from POLYMARKET_MAKER.exchange.venue import connect
from tests.exchange.golden import Case
from tests.exchange.scripted_server import Reply, ScriptedServer


def connected(http: Http, server: ScriptedServer, credentials: Credentials) -> PostingAccount:
    public = Public(http, clob_url=server.url, gamma_url=server.url)
    wallet = Case(OrderVersion.V2, SignatureType.EOA).wallet
    return connect(public, http, server.url, credentials, wallet)


@pytest.mark.parametrize(("version", "adapter"), [(1, ClobV1), (2, ClobV2)])
def test_the_version_picks_the_adapter(
    http: Http,
    server: ScriptedServer,
    credentials: Credentials,
    version: int,
    adapter: type[PostingAccount],
) -> None:
    server.on("GET", "/version", Reply(value={"version": version}))

    assert type(connected(http, server, credentials)) is adapter


def test_a_version_that_nobody_here_signs_is_one_sentence(
    http: Http, server: ScriptedServer, credentials: Credentials
) -> None:
    server.on("GET", "/version", Reply(value={"version": 3}))

    with pytest.raises(VenueRefused) as caught:
        connected(http, server, credentials)

    assert "exchange speaks order version 3" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("answer", [Reply(503), Reply(body=b"OK"), Reply(value={})])
def test_a_venue_that_does_not_say_is_not_guessed_at(
    http: Http, server: ScriptedServer, credentials: Credentials, answer: Reply
) -> None:
    """py-clob-client-v2 assumes 2 where it could not ask."""
    server.on("GET", "/version", answer)

    with pytest.raises(VenueUnreachable):
        connected(http, server, credentials)
