"""No key is looked at before the mode is known, and then only in live."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from POLYMARKET_MAKER.errors import SettingsError
from POLYMARKET_MAKER.settings import Mode, Options, dotenv_for, load_settings, resolve_mode
from POLYMARKET_MAKER.settings.mode import DotEnv

KEY = "0x" + "a" * 64
FUNDER = "0x" + "b" * 40
WALLET = {"POLY_KEY": KEY, "POLY_FUNDER": FUNDER}
WalletEnv = Callable[[str], Path]


class Watched(Mapping[str, str]):
    """An environment that notes which names were looked at."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.read.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@pytest.fixture
def env_file(tmp_path: Path) -> WalletEnv:
    def write(text: str) -> Path:
        path = tmp_path / ".env"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    return write


def mode_of(
    env: Mapping[str, str],
    dotenv: DotEnv,
    *,
    option: Mode | None = None,
    config: Mode | None = None,
) -> Mode:
    return resolve_mode(Options(mode=option), env, config, dotenv)


@pytest.mark.parametrize(
    ("option", "env", "config", "decided"),
    [
        (Mode.DEMO, {"POLY_RUN_MODE": "live"}, Mode.LIVE, Mode.DEMO),
        (None, {"POLY_RUN_MODE": " Paper "}, Mode.LIVE, Mode.PAPER),
        (None, {**WALLET, "POLY_RUN_MODE": ""}, Mode.PAPER, Mode.PAPER),
        (None, WALLET, None, Mode.LIVE),
        (None, {"PK": KEY, "POLYMARKET_FUNDER": FUNDER}, None, Mode.LIVE),
    ],
)
def test_option_then_environment_then_config_then_credentials(
    tmp_path: Path,
    option: Mode | None,
    env: dict[str, str],
    config: Mode | None,
    decided: Mode,
) -> None:
    dotenv = DotEnv(tmp_path / ".env")

    assert mode_of(env, dotenv, option=option, config=config) is decided
    assert not dotenv.was_opened


def test_the_file_of_secrets_decides_last(tmp_path: Path, env_file: WalletEnv) -> None:
    env_file(f"export POLY_KEY={KEY}\nPOLY_FUNDER='{FUNDER}'\n")
    assert mode_of({}, dotenv_for({}, tmp_path)) is Mode.LIVE

    env_file(f"POLY_KEY={KEY}\nPOLY_FUNDER={FUNDER}\nPOLY_RUN_MODE=paper\n")
    assert mode_of({}, dotenv_for({}, tmp_path)) is Mode.PAPER


def test_key_and_funder_may_stand_apart(tmp_path: Path, env_file: WalletEnv) -> None:
    env_file(f"POLY_KEY={KEY}\n")

    assert mode_of({"POLY_FUNDER": FUNDER}, dotenv_for({}, tmp_path)) is Mode.LIVE


@pytest.mark.parametrize("env", [{}, {"POLY_KEY": KEY}, {"POLY_FUNDER": FUNDER, "POLY_KEY": " "}])
def test_without_any_of_them_one_message_names_all_four_ways(
    tmp_path: Path, env: dict[str, str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        mode_of(env, DotEnv(tmp_path / ".env"))

    (problem,) = caught.value.problems
    for way in ("--demo, --paper or --live", "POLY_RUN_MODE", "global_config.json", "POLY_KEY"):
        assert way in problem
    assert "\n" not in problem


def test_a_mode_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="POLY_RUN_MODE was 'prod', allowed are live, paper"):
        mode_of({"POLY_RUN_MODE": "prod"}, DotEnv(tmp_path / ".env"))


@pytest.mark.parametrize("mode", [Mode.DEMO, Mode.PAPER])
def test_demo_and_paper_look_at_no_key_and_open_no_file(
    tmp_path: Path, env_file: WalletEnv, mode: Mode
) -> None:
    env_file("POLY_KEY=not-even-a-key\nthis is no assignment\n").chmod(0o644)
    env = Watched({**WALLET, "POLY_API_KEY": "x", "PK": "another"})

    settings = load_settings(env=env, options=Options(mode=mode), root=tmp_path)

    assert settings.credentials is None
    assert settings.warnings == ()
    assert not {"POLY_KEY", "PK", "POLY_API_KEY", "POLY_FUNDER"} & env.read


def test_a_file_that_says_paper_gives_no_key_either(tmp_path: Path, env_file: WalletEnv) -> None:
    env_file(f"POLY_RUN_MODE=paper\nPOLY_KEY={KEY}\nPOLY_CHAIN_ID=80002\n")
    env = Watched({"POLY_API_SECRET": "x"})

    settings = load_settings(env=env, options=Options(), root=tmp_path)

    assert settings.credentials is None
    assert settings.chain_id == 80002
    assert "POLY_API_SECRET" not in env.read


def test_live_takes_the_key_from_the_file_and_the_environment_wins(
    tmp_path: Path, env_file: WalletEnv
) -> None:
    env_file(f"POLY_KEY={KEY}\nPOLY_FUNDER={FUNDER}\nPOLY_SIGNATURE=1\nPOLY_CHAIN_ID=80002\n")

    settings = load_settings(
        env={"POLY_SIGNATURE": "3"}, options=Options(mode=Mode.LIVE), root=tmp_path
    )

    assert settings.credentials is not None
    assert settings.credentials.key == "a" * 64
    assert settings.credentials.signature_type == 3
    assert settings.chain_id == 80002


def test_the_environment_hides_every_name_of_its_variable_in_the_file(
    tmp_path: Path, env_file: WalletEnv
) -> None:
    env_file(f"PK={'c' * 64}\nPOLY_FUNDER={FUNDER}\nPOLY_CHAIN_ID=80002\n")
    env = {"POLY_KEY": KEY, "POLY_CHAIN_ID": "  "}

    settings = load_settings(env=env, options=Options(), root=tmp_path)

    assert settings.credentials is not None
    assert settings.credentials.key == "a" * 64
    assert settings.chain_id == 80002, "an empty variable is absent"


def test_a_file_that_others_can_read_is_a_warning(tmp_path: Path, env_file: WalletEnv) -> None:
    path = env_file(f"POLY_KEY={KEY}\nPOLY_FUNDER={FUNDER}\n")
    path.chmod(0o640)

    settings = load_settings(env={}, options=Options(), root=tmp_path)

    assert settings.warnings == (f"{path}: mode is 0640, others can read the keys; chmod 600 it",)


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    env = {"POLY_ENV_FILE": str(tmp_path / "absent")}

    with pytest.raises(SettingsError, match=r"POLY_ENV_FILE: .*absent does not exist"):
        load_settings(env=env, options=Options(), root=tmp_path)


def test_a_named_file_is_taken_instead_of_the_one_in_the_root(
    tmp_path: Path, env_file: WalletEnv
) -> None:
    env_file(f"POLY_KEY={KEY}\nPOLY_FUNDER={FUNDER}\n")
    other = tmp_path / "other.env"
    other.write_text("POLY_RUN_MODE=demo\n")

    settings = load_settings(env={"POLY_ENV_FILE": str(other)}, options=Options(), root=tmp_path)

    assert settings.mode is Mode.DEMO


def test_a_directory_in_place_of_the_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()

    with pytest.raises(SettingsError, match=r"\.env: cannot be read"):
        load_settings(env={}, options=Options(mode=Mode.LIVE), root=tmp_path)


def test_dollar_signs_in_a_secret_are_kept(tmp_path: Path, env_file: WalletEnv) -> None:
    """Interpolation would turn part of a passphrase into nothing."""
    env_file("POLY_API_PASSPHRASE='a${HOME}b'\n")

    assert dotenv_for({}, tmp_path).values() == {"POLY_API_PASSPHRASE": "a${HOME}b"}
