"""Which mode it is, and when ``.env`` is opened: no key is looked at before that is known."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from dotenv import dotenv_values

from POLYMARKET_MAKER.errors import SettingsError
from POLYMARKET_MAKER.settings.groups import Mode
from POLYMARKET_MAKER.settings.names import Overlay, spellings

FOUR_WAYS = (
    "no mode and no credentials: say --demo, --paper or --live, or set POLY_RUN_MODE, "
    "or 'mode' in global_config.json, or POLY_KEY and POLY_FUNDER (which mean live)"
)


class DotEnv:
    """The file of secrets, opened at most once and only when asked for.

    Args:
        path: The file; a missing one is empty, unless *named* says that somebody named it.
        named: Whether ``POLY_ENV_FILE`` names it.
    """

    def __init__(self, path: Path, *, named: bool = False) -> None:
        self.path = path
        self.warnings: list[str] = []
        self._named = named
        self._values: dict[str, str] | None = None

    @property
    def was_opened(self) -> bool:
        return self._values is not None

    def values(self) -> dict[str, str]:
        """Return what the file says.

        Raises:
            SettingsError: It cannot be read.
        """
        if self._values is None:
            self._values = self._read()
        return self._values

    def _read(self) -> dict[str, str]:
        try:
            with open(self.path, encoding="utf-8-sig") as file:
                self._check_mode(os.fstat(file.fileno()))
                found = dotenv_values(stream=file, interpolate=False)
        except FileNotFoundError:
            if self._named:
                raise SettingsError(f"POLY_ENV_FILE: {self.path} does not exist") from None
            return {}
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{self.path}: cannot be read: {error}") from None
        return {name: value for name, value in found.items() if value}

    def _check_mode(self, status: os.stat_result) -> None:
        others = stat.S_IMODE(status.st_mode) & 0o077
        if stat.S_ISREG(status.st_mode) and others:
            mode = stat.S_IMODE(status.st_mode)
            self.warnings.append(
                f"{self.path}: mode is {mode:04o}, others can read the keys; chmod 600 it"
            )


def dotenv_for(env: Mapping[str, str], root: Path) -> DotEnv:
    """Find the file: ``POLY_ENV_FILE``, else ``.env`` in the repository root."""
    named = env.get("POLY_ENV_FILE", "").strip()
    return DotEnv(Path(named).expanduser() if named else root / ".env", named=bool(named))


class ModeOptions(Protocol):
    """What of the options decides the mode."""

    @property
    def mode(self) -> Mode | None: ...


def resolve_mode(
    options: ModeOptions, env: Mapping[str, str], config_mode: Mode | None, dotenv: DotEnv
) -> Mode:
    """Decide the mode: option, ``POLY_RUN_MODE``, the config, credentials, and last ``.env``.

    ``.env`` is opened only when none of the others decides.

    Raises:
        SettingsError: Nothing decides, or a value is no mode.
    """
    return decide_mode(options, env, config_mode, dotenv)[0]


def decide_mode(
    options: ModeOptions, env: Mapping[str, str], config_mode: Mode | None, dotenv: DotEnv
) -> tuple[Mode, str]:
    """Decide the mode as :func:`resolve_mode` does, and say what decided it."""
    if options.mode is not None:
        return options.mode, "option"
    named = named_mode(env, "environment")
    if named is not None:
        return named, "environment POLY_RUN_MODE"
    if config_mode is not None:
        return config_mode, "global_config.json mode"
    if _has_wallet(env):
        return Mode.LIVE, "environment POLY_KEY and POLY_FUNDER"
    from_file = dotenv.values()
    named = named_mode(from_file, dotenv.path.name)
    if named is not None:
        return named, f"{dotenv.path.name} POLY_RUN_MODE"
    if _has_wallet(Overlay(env, from_file)):
        return Mode.LIVE, f"{dotenv.path.name} POLY_KEY and POLY_FUNDER"
    raise SettingsError(FOUR_WAYS)


def named_mode(env: Mapping[str, str], source: str) -> Mode | None:
    """Read ``POLY_RUN_MODE``; None when it is not set.

    Raises:
        SettingsError: It is no mode.
    """
    text = env.get("POLY_RUN_MODE", "").strip().lower()
    if not text:
        return None
    try:
        return Mode(text)
    except ValueError:
        allowed = ", ".join(Mode)
        raise SettingsError(
            f"{source}: POLY_RUN_MODE was {text!r}, allowed are {allowed}"
        ) from None


def _has_wallet(env: Mapping[str, str]) -> bool:
    return all(
        any(env.get(name, "").strip() for name in spellings(canonical))
        for canonical in ("POLY_KEY", "POLY_FUNDER")
    )
