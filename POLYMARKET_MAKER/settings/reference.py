"""docs/settings.md, made from the declarations: ``python -m POLYMARKET_MAKER.settings``."""

from __future__ import annotations

import types
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import get_origin

from POLYMARKET_MAKER.settings import retired
from POLYMARKET_MAKER.settings.assignment import Assignment
from POLYMARKET_MAKER.settings.copytrade import Source, Target
from POLYMARKET_MAKER.settings.model import GLOBAL_GROUPS
from POLYMARKET_MAKER.settings.names import VARIABLES, Variable
from POLYMARKET_MAKER.settings.schema import Declared, Group, declared
from POLYMARKET_MAKER.settings.show import show_value
from POLYMARKET_MAKER.settings.strategy_keys import Countdown, DeadlinePolicy, StrategyParams

INTRO = """\
# Settings

This page is made from the program's own declarations:
`python -m POLYMARKET_MAKER.settings > docs/settings.md`. A test keeps it exact.

Four JSON files in `POLYMARKET_MAKER/config/`, and the environment.
`python poly_maker_autorun.py --show-config` prints the merged result and where each value came
from.

* A key may stand in its group (`{"scheduler": {"max_concurrent_tasks": 20}}`) or without it
  (`{"max_concurrent_tasks": 20}`). Older spellings go on working. Two spellings that disagree are
  an error.
* An unknown key is an error that suggests the nearest one. A key that once did something and no
  longer does is a warning that says why. Keys that begin with `_` are comments.
* All problems are reported at once. Nothing starts until there are none: exit code 4.
* Ratios are 0 to 1; a number above 1 is read as percent.
* `null` means "not set", and where the type says "or null" it means none.
* Relative paths count from the repository root.

**Mode**: `--demo`, `--paper` or `--live`; else `POLY_RUN_MODE`; else `mode` in
`global_config.json`; else *live* when `POLY_KEY` and `POLY_FUNDER` are set. In demo and paper no
key is read and `.env` is not opened. `.env` is opened only when the mode is live already, or when
nothing else decides.

**While it runs**, a reload reads `global_config.json`, `strategy_defaults.json` and
`run_params.json` again, all or nothing: a file with a problem changes nothing. `scheduler`,
`alerts` and `tokens` take effect at once; the strategy, `maker` and `feed` for each child at its
next start; a limit of `risk` at once where it is lowered. A raised limit, `mode`, `paths` and all
the rest wait for a restart, and the log says so. The child of a token that is taken out of `tokens`
cancels its orders and ends, unless the copytrade files name it too; shares stay held.
"""

SHARED = """\
## global_config.json

The supervisor, and everything that all children share.
"""

STRATEGY = """\
## run_params.json and strategy_defaults.json

What one child's strategy is told. Merged low to high: `run_params.json`, then `default`, then
`topics.<token id>` of `strategy_defaults.json`. The keys of group `maker` may stand here too.
"""

COPYTRADE = """\
## copytrade_config.json

The token source, with a list `targets` of watched accounts.
"""

CHILD = """\
## run_params_&lt;token&gt;.json

Written by the supervisor for each child. It also holds all keys of the strategy, the groups
`maker`, `feed` and `risk`, and `urls`. A child is never more live than this file says.
"""

ENVIRONMENT = """\
## Environment

Over `.env` the environment wins. Two names of one variable that disagree are an error that names
both. Secrets are never printed, logged or written to a file.

| Variable | Default | Meaning |
| --- | --- | --- |
"""


def reference() -> str:
    """Write the whole page."""
    return "\n".join([INTRO, *_sections()]).rstrip("\n") + "\n"


def _sections() -> Iterator[str]:
    yield SHARED
    for name, group in GLOBAL_GROUPS:
        yield _table(f"`{name}`" if name else "At the top", group, name)
    yield _retired(retired.GLOBAL)
    yield STRATEGY
    yield _table("Strategy", StrategyParams)
    yield _table("`countdown`", Countdown)
    yield _table("`deadline_policy`", DeadlinePolicy)
    yield _retired(retired.STRATEGY)
    yield COPYTRADE
    yield _table("At the top", Source)
    yield _table("`targets[]`", Target)
    yield _retired(retired.COPYTRADE)
    yield CHILD
    yield _table("Who the child is", Assignment)
    yield ENVIRONMENT + "\n".join(_variable(each) for each in VARIABLES)


def _table(title: str, group: type[Group], name: str = "") -> str:
    about = f"{(group.__doc__ or '').splitlines()[0]}\n\n" if name else ""
    rows = "\n".join(_row(each) for each in declared(group, name))
    return (
        f"### {title}\n\n{about}| Key | Type | Unit | Default | Meaning |\n"
        f"| --- | --- | --- | --- | --- |\n{rows}\n"
    )


def _row(key: Declared) -> str:
    old = f" Also `{'`, `'.join(key.key.old)}`." if key.key.old else ""
    default = "none" if key.default is None else f"`{show_value(key.default)}`"
    if key.default == "":
        default = "has none: it must be said"
    unit = f"{key.key.unit}{_bounds(key)}".strip()
    return f"| `{key.name}` | {_kind(key)} | {unit} | {default} | {key.key.meaning}{old} |"


def _bounds(key: Declared) -> str:
    parts = (
        (key.key.low, "at least"),
        (key.key.above, "above"),
        (key.key.high, "at most"),
    )
    said = ", ".join(f"{word} {bound:g}" for bound, word in parts if bound is not None)
    return f" ({said})" if said else ""


_KINDS: dict[object, str] = {
    bool: "true, false",
    int: "whole number",
    float: "number",
    Decimal: "number",
    str: "text",
    Path: "path",
}


def _kind(key: Declared) -> str:
    base = key.base
    if isinstance(base, type) and issubclass(base, StrEnum):
        kind = ", ".join(f"`{each}`" for each in base)
    elif get_origin(base) is tuple:
        kind = "list of texts"
    else:
        kind = _KINDS.get(base, "object")
    return f"{kind} or null" if isinstance(key.kind, types.UnionType) else kind


def _retired(table: dict[str, str]) -> str:
    rows = "\n".join(f"| `{name}` | {why} |" for name, why in table.items())
    return f"### Keys without effect\n\n| Key | Why |\n| --- | --- |\n{rows}\n"


def _variable(each: Variable) -> str:
    also = f" Also `{'`, `'.join(each.aliases)}`." if each.aliases else ""
    secret = " A secret." if each.secret else ""
    return f"| `{each.name}` | {each.default or '-'} | {each.meaning}{secret}{also} |"
