"""What one child was told when it started: its ``run_params_<token>.json``.

A limit is only worth naming with the value that holds. The file is the supervisor's; what
is not in it, or cannot be read, is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

Told = Mapping[str, object]
NOTHING: Told = {}


def read_told(data_dir: Path, token_id: str) -> Told:
    """Return what the child of a token was told; nothing when that cannot be read."""
    path = data_dir / f"run_params_{token_id}.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, object])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return NOTHING


def in_words(told: Told, names: Iterable[str]) -> str:
    """Return settings with their values: ``drop_pct 0.05, drop_window_minutes 10``.

    Args:
        told: What the child was told.
        names: Of settings; one in a group as ``risk.max_daily_loss``.
    """
    return ", ".join(_named(told, name) for name in names)


def _named(told: Told, name: str) -> str:
    group, dot, short = name.rpartition(".")
    inner = told.get(group) if dot else told
    if not isinstance(inner, Mapping) or short not in inner:
        return short
    return f"{short} {_value(inner[short])}"


def _value(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
