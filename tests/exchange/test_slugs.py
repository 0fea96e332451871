"""A market by its slug or by the address of its page."""

from __future__ import annotations

from typing import Any

import pytest

from POLYMARKET_MAKER.errors import VenueRefused, VenueUnreachable
from POLYMARKET_MAKER.exchange.http import Http
from POLYMARKET_MAKER.exchange.slugs import find_market_called, slug_of
from tests.exchange.scripted_server import Reply, ScriptedServer


def row(slug: str, *, closed: bool = False, **more: Any) -> dict[str, Any]:
    return {
        "conditionId": f"0x{slug}",
        "slug": slug,
        "question": f"Will it {slug}?",
        "outcomes": '["Yes", "No"]',
        "clobTokenIds": f'["1{len(slug)}", "2{len(slug)}"]',
        "closed": closed,
        **more,
    }


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("will-it-rain", "will-it-rain"),
        ("https://polymarket.com/market/will-it-rain", "will-it-rain"),
        ("https://polymarket.com/event/weather/will-it-rain?tid=1", "will-it-rain"),
        ("https://www.polymarket.com/zh/event/weather/will-it-rain/#chart", "will-it-rain"),
        ("polymarket.com/event/weather", "weather"),
        ("https://polymarket.com/", None),
        ("https://example.com/event/weather", None),
        ("https://polymarket.com.example.com/event/weather", None),
        ("http://[polymarket.com/event/weather", None),
        ("https://polymarket.com/event/a b", None),
        ("123", None),
        ("12,abc", None),
        ("../events", None),
        ("", None),
    ],
)
def test_a_slug_is_told_from_what_is_none(text: str, slug: str | None) -> None:
    assert slug_of(text) == slug


def test_a_market_is_found_by_its_own_slug(http: Http, server: ScriptedServer) -> None:
    server.on("GET", "/markets/slug/rain", Reply(value=row("rain")))

    market = find_market_called(http, f"{server.url}/", "rain")

    assert (market.title, market.outcomes) == ("Will it rain?", {"14": "Yes", "24": "No"})
    assert len(server.asked) == 1


def test_the_only_market_of_an_event_is_meant_by_its_name(
    http: Http, server: ScriptedServer
) -> None:
    server.on("GET", "/events/slug/weather", Reply(value={"markets": [row("rain")]}))

    assert find_market_called(http, server.url, "weather").condition_id == "0xrain"


def test_what_has_ended_does_not_count_beside_what_goes_on(
    http: Http, server: ScriptedServer
) -> None:
    ended = row("hail", closed=True)
    server.on("GET", "/events/slug/weather", Reply(value={"markets": [ended, row("rain")]}))
    server.on("GET", "/events/slug/past", Reply(value={"markets": [ended]}))

    assert find_market_called(http, server.url, "weather").condition_id == "0xrain"
    assert find_market_called(http, server.url, "past").closed


def test_of_several_markets_one_has_to_be_named(http: Http, server: ScriptedServer) -> None:
    rows = [row("rain"), row("snow")]
    server.on("GET", "/events/slug/weather", Reply(value={"markets": rows}))
    many = [row(f"day-{number}") for number in range(30)]
    server.on("GET", "/events/slug/month", Reply(value={"markets": many}))

    with pytest.raises(VenueRefused, match=r"has 2 markets, name one: rain, snow$"):
        find_market_called(http, server.url, "weather")
    with pytest.raises(VenueRefused, match=r"has 30 markets, name one: day-0, .*day-19, …$"):
        find_market_called(http, server.url, "month")


@pytest.mark.parametrize("event", [Reply(404, {"error": "x"}), Reply(value={"markets": []})])
def test_what_nobody_has_heard_of_is_said_to_be_so(
    http: Http, server: ScriptedServer, event: Reply
) -> None:
    server.on("GET", "/events/slug/nonsense", event)

    with pytest.raises(VenueRefused, match="no market and no event called 'nonsense'"):
        find_market_called(http, server.url, "nonsense")


def test_another_refusal_or_no_answer_is_not_taken_for_not_found(
    http: Http, server: ScriptedServer
) -> None:
    server.on("GET", "/markets/slug/a", Reply(403, {"error": "blocked"}))
    server.on("GET", "/markets/slug/b", Reply(503, {"error": "later"}))
    server.on("GET", "/events/slug/c", Reply(403, {"error": "blocked"}))

    for slug in "ac":
        with pytest.raises(VenueRefused, match="blocked"):
            find_market_called(http, server.url, slug)
    with pytest.raises(VenueUnreachable):
        find_market_called(http, server.url, "b")
