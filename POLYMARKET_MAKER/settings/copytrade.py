"""Settings of the token source: ``copytrade_config.json``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from POLYMARKET_MAKER.errors import SettingsError
from POLYMARKET_MAKER.settings import retired
from POLYMARKET_MAKER.settings.reader import Findings, Reader, build, read_json
from POLYMARKET_MAKER.settings.schema import Group, Key

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """How the watched accounts are read, and where the result goes."""

    poll_interval_sec: Annotated[
        float, Key("s", "Time between two looks at every account.", low=1)
    ] = 30.0
    initial_lookback_sec: Annotated[
        float,
        Key("s", "How far back an account is read that was never read before; 0: from now.", low=0),
    ] = 0.0
    tokens_file: Annotated[
        Path | None,
        Key(
            "",
            "Tokens to trade; default tokens_from_copytrade.json in the data directory. With "
            "`copytrade.autostart` the supervisor says where.",
        ),
    ] = None
    sell_signals_file: Annotated[
        Path | None,
        Key(
            "",
            "Tokens to sell; default copytrade_sell_signals.json in the data directory. With "
            "`copytrade.autostart` the supervisor says where.",
        ),
    ] = None
    state_file: Annotated[
        Path | None,
        Key("", "Where reading goes on; default copytrade_state.json in the data directory."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One watched account: an entry of ``targets``."""

    account: Annotated[str, Key("address", "The account's wallet.")] = ""
    min_size: Annotated[Decimal, Key("shares", "Smaller trades are not looked at.", low=0)] = (
        Decimal(0)
    )
    enabled: Annotated[bool, Key("", "Whether it is watched.")] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CopytradeConfig:
    """The whole file, checked.

    Attributes:
        targets: All accounts, also those that are not enabled.
        warnings: One sentence each.
    """

    source: Source
    targets: tuple[Target, ...]
    warnings: tuple[str, ...] = ()


SOURCE_GROUPS: tuple[tuple[str, type[Group]], ...] = (("", Source),)
TARGET_GROUPS: tuple[tuple[str, type[Group]], ...] = (("", Target),)


def load_copytrade_config(path: Path) -> CopytradeConfig:
    """Read the file.

    Raises:
        SettingsError: With every problem that was found.
    """
    findings = Findings()
    data = read_json(path, findings)
    targets = tuple(_targets(data.pop("targets", []), path.name, findings))
    values = Reader(SOURCE_GROUPS, retired.COPYTRADE, findings).read(data, path.name)
    accounts = [each.account.lower() for each in targets]
    findings.problems.extend(
        f"{path.name}: targets names {account} twice"
        for account in dict.fromkeys(accounts)
        if accounts.count(account) > 1
    )
    if findings.problems:
        raise SettingsError(*findings.problems)
    return CopytradeConfig(
        source=build(Source, "", values), targets=targets, warnings=tuple(findings.warnings)
    )


def _targets(raw: object, name: str, findings: Findings) -> Iterator[Target]:
    if not isinstance(raw, list):
        findings.problems.append(f"{name}: targets needs a list")
        return
    reader = Reader(TARGET_GROUPS, {}, findings)
    for index, each in enumerate(raw):
        source = f"{name} targets[{index}]"
        if not isinstance(each, Mapping):
            findings.problems.append(f"{source}: needs an object")
            continue
        target = build(Target, "", reader.read(each, source))
        if not _ADDRESS.fullmatch(target.account):
            findings.problems.append(f"{source}: account needs 0x and 40 hex digits")
        yield target
