"""Keys reach the processes that trade, under one name, and nobody else."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from POLYMARKET_MAKER.settings import (
    ApiCredentials,
    Credentials,
    Mode,
    Urls,
    child_environment,
    is_loopback,
)
from POLYMARKET_MAKER.settings.credentials import read_credentials
from POLYMARKET_MAKER.settings.names import VARIABLES, WALLET_NAMES
from POLYMARKET_MAKER.settings.urls import NOWHERE, check_urls, read_urls

KEY = "0x" + "a" * 64
FUNDER = "0x" + "B" * 40
WALLET = {"POLY_KEY": KEY, "POLY_FUNDER": FUNDER}
API = {"POLY_API_KEY": "key-1", "POLY_API_SECRET": "secret", "POLY_API_PASSPHRASE": "phrase"}
CREDENTIALS = Credentials("a" * 64, FUNDER, 1, ApiCredentials("k", "s", "p"), FUNDER)


def read(
    env: Mapping[str, str], mode: Mode = Mode.LIVE, urls: Urls = NOWHERE
) -> tuple[Credentials | None, list[str]]:
    problems: list[str] = []
    return read_credentials(env, mode, urls, problems), problems


def test_live_reads_key_funder_type_and_api_key() -> None:
    found, problems = read({**WALLET, **API, "POLY_SIGNATURE": "3", "POLY_ADDRESS": "0xw"})

    assert problems == []
    api = ApiCredentials("key-1", "secret", "phrase")
    assert found == Credentials("a" * 64, FUNDER, 3, api, "0xw")


def test_the_wallet_type_is_a_safe_unless_said_as_before() -> None:
    found, _ = read(WALLET)

    assert found is not None
    assert found.signature_type == 2
    assert found.data_address == FUNDER
    assert found.api is None


def test_nothing_of_the_credentials_shows_in_their_repr() -> None:
    shown = repr(Credentials("the-key", FUNDER, 0, ApiCredentials("the-id", "the-s", "the-p")))

    assert "the-" not in shown


def test_aliases_are_accepted_and_may_agree() -> None:
    found, problems = read({"PK": KEY, "POLY_KEY": "A" * 64, "FUNDER": FUNDER.lower()})

    assert problems == []
    assert found is not None


def test_aliases_that_disagree_are_an_error_that_names_both_and_no_value() -> None:
    _, problems = read({**WALLET, "PK": "c" * 64})

    assert problems == ["environment: POLY_KEY and PK disagree; keep one of them"]


@pytest.mark.parametrize(
    ("env", "problem"),
    [
        ({}, "live needs POLY_KEY and POLY_FUNDER in the environment or in .env"),
        ({"POLY_KEY": KEY}, "live needs POLY_FUNDER in the environment or in .env"),
        ({**WALLET, "POLY_KEY": "0x12"}, "POLY_KEY: had 4 characters, needs 64 hex digits"),
        ({**WALLET, "POLY_FUNDER": "0x1"}, "POLY_FUNDER: needs 0x and 40 hex digits"),
        ({**WALLET, "POLY_SIGNATURE": "4"}, "POLY_SIGNATURE: was '4', allowed are 0, 1, 2, 3"),
        (
            {**WALLET, "POLY_API_KEY": "x"},
            "environment: POLY_API_SECRET, POLY_API_PASSPHRASE missing; set all three or none",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence_without_the_value(env: dict[str, str], problem: str) -> None:
    assert read(env)[1] == [problem]


def test_paper_has_no_credentials() -> None:
    assert read({**WALLET, "POLY_DEMO_KEY": KEY}, Mode.PAPER) == (None, [])


def test_demo_reads_its_throw_away_key_and_never_the_real_one() -> None:
    assert read(WALLET, Mode.DEMO) == (None, [])

    found, problems = read({**WALLET, "POLY_DEMO_KEY": "d" * 64}, Mode.DEMO)
    assert problems == []
    assert found == Credentials("d" * 64, None, 0)


def test_demo_ignores_its_key_when_an_address_is_not_here() -> None:
    assert read({"POLY_DEMO_KEY": "d" * 64}, Mode.DEMO, Urls()) == (None, [])


# --- addresses --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1", "ws://127.9.9.9/x", "http://localhost", "https://[::1]:8/", "http://LOCALHOST:1"],
)  # fmt: skip
def test_loopback_is_this_machine(url: str) -> None:
    assert is_loopback(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1.evil.com",
        "http://localhost.evil.com",
        "http://127.0.0.1@evil.com",
        "http://0.0.0.0",
        "http://10.0.0.1",
        "http://[::ffff:8.8.8.8]",
        "http://2130706433",
        "http://localhost:port",
        "127.0.0.1",
        "",
    ],
)
def test_anything_else_is_not(url: str) -> None:
    assert not is_loopback(url)


@hypothesis(deadline=None)  # two busy cores
@given(st.text())
def test_any_text_is_judged_without_an_exception(url: str) -> None:
    is_loopback(url)
    check_urls(Urls(clob=url), Mode.LIVE, [])


def test_addresses_come_from_the_environment_without_their_slash() -> None:
    problems: list[str] = []
    env = {"POLY_HOST": "https://clob.example/ ", "POLY_WS_URL": "wss://ws.example/m"}

    urls = read_urls(env, Mode.LIVE, problems)

    assert problems == []
    assert urls.clob == "https://clob.example"
    assert urls.ws_market == "wss://ws.example/m"
    assert urls.gamma == "https://gamma-api.polymarket.com"


@pytest.mark.parametrize(
    ("mode", "url", "problem"),
    [
        (Mode.LIVE, "http://clob.example", "was http://clob.example, live needs https://"),
        (Mode.LIVE, "http://127.0.0.1:1", None),
        (Mode.PAPER, "http://clob.example", None),
        (
            Mode.DEMO,
            "https://clob.polymarket.com",
            (
                "was https://clob.polymarket.com, "
                "demo talks to this machine only; use --paper for real quotes"
            ),
        ),
        (Mode.LIVE, "wss://clob.example", "was wss://clob.example, needs https://host"),
        (
            Mode.LIVE,
            "https://me:sesame@clob.example/x",
            "was https://clob.example/x, needs an address without user, query or fragment",
        ),
        (Mode.LIVE, "clob.example", "was no address, needs https://host"),
        (Mode.LIVE, "http://h:99999", "was no address, needs https://host"),
    ],
)
def test_each_mode_refuses_what_it_must(mode: Mode, url: str, problem: str | None) -> None:
    problems: list[str] = []

    read_urls({"POLY_HOST": url}, mode, problems)

    assert problems == ([] if problem is None else [f"POLY_HOST: {problem}"])


# --- children ---------------------------------------------------------------------------------


def child(mode: Mode, credentials: Credentials | None, **env: str) -> dict[str, str]:
    return child_environment(
        {"PATH": "/bin", **env}, mode=mode, urls=NOWHERE, credentials=credentials
    )


def test_a_child_that_trades_gets_the_credentials_under_their_first_names() -> None:
    env = child(Mode.LIVE, CREDENTIALS, PK="old", CLOB_SECRET="old", POLY_ENV_FILE="/x/.env")

    assert env["POLY_KEY"] == "a" * 64
    assert env["POLY_API_SECRET"] == "s"
    assert env["POLY_RUN_MODE"] == "live"
    assert not {"PK", "CLOB_SECRET", "POLY_ENV_FILE"} & env.keys()
    assert read(env) == (CREDENTIALS, [])


def test_a_demo_child_gets_demo_names_only() -> None:
    env = child(Mode.DEMO, Credentials("d" * 64, None, 0), POLY_KEY=KEY, POLY_FUNDER=FUNDER)

    assert env["POLY_DEMO_KEY"] == "d" * 64
    assert not {"POLY_KEY", "POLY_FUNDER"} & env.keys()


@pytest.mark.parametrize("mode", list(Mode))
def test_a_process_that_does_not_trade_gets_no_secret(mode: Mode) -> None:
    secrets = {name: f"secret-{name}" for name in WALLET_NAMES}

    env = child(mode, None, **secrets)

    assert not any(value.startswith("secret-") for value in env.values())
    assert env["PATH"] == "/bin"


def test_even_with_credentials_a_paper_child_gets_none() -> None:
    assert not WALLET_NAMES & child(Mode.PAPER, CREDENTIALS).keys()


def test_a_child_is_told_the_addresses_by_one_name_each() -> None:
    env = child(Mode.DEMO, None, CLOB_API_URL="https://clob.polymarket.com")

    assert read_urls(env, Mode.DEMO, []) == NOWHERE
    assert "CLOB_API_URL" not in env


def test_the_shared_cache_is_said_exactly_when_it_serves() -> None:
    env = {"POLY_WS_SHARED_CACHE": "/old/ws_cache.json"}

    def made(cache: str | None) -> dict[str, str]:
        return child_environment(
            env, mode=Mode.PAPER, urls=Urls(), credentials=None, shared_cache=cache
        )

    assert "POLY_WS_SHARED_CACHE" not in made(None)
    assert made("/new/ws_cache.json")["POLY_WS_SHARED_CACHE"] == "/new/ws_cache.json"


def test_every_secret_variable_belongs_to_the_wallet() -> None:
    assert all(each.wallet for each in VARIABLES if each.secret)
