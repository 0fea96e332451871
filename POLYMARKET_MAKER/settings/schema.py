"""What a setting is: type, unit, default and meaning, said once; and how JSON becomes a value.

A group of settings is a frozen dataclass; each field is one key of the files:

    max_concurrent_tasks: Annotated[int, Key("children", "Most that trade at once.", low=1)] = 10
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, fields, is_dataclass
from datetime import datetime, time
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class Unfit(ValueError):
    """A value is of the wrong type or outside its bounds; says all but the key's name."""


class Group(Protocol):
    """Any dataclass of settings."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


@dataclass(frozen=True, slots=True)
class Key:
    """What the signature of a key cannot say.

    Attributes:
        unit: ``s``, ``min``, ``USD``, ``shares``, ``USD per share``, ``ratio`` (0..1, or percent
            when above 1), or what is counted.
        meaning: One sentence for docs/settings.md.
        low: Smallest value allowed.
        above: The value must be greater than this.
        high: Largest value allowed.
        old: Other spellings, ``group.key`` or ``key``; they go on working.
        warn_none: What to warn of when the file says ``null``.
        is_limit: Lowering it works while the program runs, raising it needs a restart.
        secret: Never shown.
    """

    unit: str
    meaning: str
    low: float | None = None
    above: float | None = None
    high: float | None = None
    old: tuple[str, ...] = ()
    warn_none: str = ""
    is_limit: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Declared:
    """One key with all that its declaration says."""

    group: str
    name: str
    kind: object
    key: Key
    default: object

    @property
    def path(self) -> str:
        return f"{self.group}.{self.name}" if self.group else self.name

    @property
    def base(self) -> object:
        """Its type without ``| None``."""
        members = [each for each in get_args(self.kind) if each is not types.NoneType]
        return members[0] if isinstance(self.kind, types.UnionType) else self.kind

    @property
    def allows_none(self) -> bool:
        return isinstance(self.kind, types.UnionType) and types.NoneType in get_args(self.kind)

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every place in a file where it may stand: grouped, flat, and the old names."""
        own = (self.path, self.name) if self.group else (self.name,)
        return own + self.key.old


@cache
def declared(group: type[Group], name: str = "") -> tuple[Declared, ...]:
    """List the keys of a group, in the order of its declaration."""
    hints = get_type_hints(group, include_extras=True)
    found = []
    for each in fields(group):
        kind, key = get_args(hints[each.name])
        found.append(Declared(name, each.name, kind, key, each.default))
    return tuple(found)


def parse(what: Declared, raw: object) -> object:
    """Turn a JSON value into the value of a key.

    Raises:
        Unfit: It is of the wrong type or outside its bounds; says what was
            seen and what is allowed, without the key's name.
    """
    if raw is None:
        if what.allows_none:
            return None
        raise Unfit("was null, needs a value")
    value = _convert(what, raw)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        _check_bounds(what, value, show_raw(raw))
    return value


def _convert(what: Declared, raw: object) -> object:
    base = what.base
    if base is bool:
        return _boolean(raw)
    if base is int or base is float or base is Decimal:
        number = _number(raw)
        if what.key.unit == "ratio":
            number = ratio(number)
        return _whole(number) if base is int else base(number)
    if isinstance(base, type) and issubclass(base, StrEnum):
        return _choice(base, raw)
    if isinstance(base, type) and is_dataclass(base):
        return _nested(base, raw)
    if get_origin(base) is tuple:
        return _strings(raw)
    return Path(_text(what, raw)) if base is Path else _text(what, raw)


def _text(what: Declared, raw: object) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        raise Unfit(f"was {show_raw(raw)}, needs text")
    check = _READS.get(what.key.unit)
    if check is not None:
        try:
            check(str(raw))
        except (ValueError, ZoneInfoNotFoundError, OSError):
            raise Unfit(f"was {show_raw(raw)}, needs an {what.key.unit}") from None
    return str(raw)


_READS: dict[str, Callable[[str], object]] = {
    "IANA zone": ZoneInfo,
    "hour as HH:MM": time.fromisoformat,
    "ISO date and time": datetime.fromisoformat,
}
"""Units of texts that must be readable as something."""

_WORDS = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}


def _boolean(raw: object) -> bool:
    value = _WORDS.get(raw.strip().lower()) if isinstance(raw, str) else raw
    if not isinstance(value, bool):
        raise Unfit(f"was {show_raw(raw)}, needs true or false")
    return value


def _number(raw: object) -> Decimal:
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal | str):
        raise Unfit(f"was {show_raw(raw)}, needs a number")
    try:
        number = Decimal(str(raw).strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise Unfit(f"was {show_raw(raw)}, needs a number")
    return number


def _whole(number: Decimal) -> int:
    if number != number.to_integral_value():
        raise Unfit(f"was {number}, needs a whole number")
    return int(number)


def ratio(number: Decimal) -> Decimal:
    """Read 0.05 and 5 (percent) as the same ratio, as the earlier program did."""
    return number / 100 if number > 1 else number


def _choice(base: type[StrEnum], raw: object) -> StrEnum:
    try:
        return base(str(raw).strip().lower())
    except ValueError:
        allowed = ", ".join(base)
        raise Unfit(f"was {show_raw(raw)}, allowed are {allowed}") from None


def _strings(raw: object) -> tuple[str, ...]:
    if not isinstance(raw, list) or not all(isinstance(each, str | int) for each in raw):
        raise Unfit(f"was {show_raw(raw)}, needs a list of texts")
    return tuple(str(each) for each in raw)


def _nested(base: type[Group], raw: object) -> object:
    if not isinstance(raw, Mapping):
        raise Unfit(f"was {show_raw(raw)}, needs an object")
    known = {each.name: each for each in declared(base)}
    values = {}
    for name, value in raw.items():
        if name not in known:
            raise Unfit(f"has an unknown key {name!r}, allowed are {', '.join(known)}")
        if value is not None:
            try:
                values[name] = parse(known[name], value)
            except Unfit as error:
                raise Unfit(f"{name} {error}") from None
    return base(**values)


def _check_bounds(what: Declared, value: float | Decimal, shown: str) -> None:
    key = what.key
    unit = f" ({key.unit})" if key.unit else ""
    if key.low is not None and value < key.low:
        raise Unfit(f"was {shown}, must be at least {key.low:g}{unit}")
    if key.above is not None and value <= key.above:
        hint = "; null means none" if what.allows_none else ""
        raise Unfit(f"was {shown}, must be greater than {key.above:g}{unit}{hint}")
    if key.high is not None and value > key.high:
        raise Unfit(f"was {shown}, must be at most {key.high:g}{unit}")


def show_raw(raw: object) -> str:
    """Show a value of a file as the user wrote it, in one short line."""
    words = {True: "true", False: "false"}
    text = words[raw] if isinstance(raw, bool) else repr(raw)
    if isinstance(raw, Decimal):
        text = str(raw)
    return text if len(text) <= 40 else f"{text[:37]}…"  # noqa: PLR2004 - the length itself
