"""Read JSON files against the schema: every problem is found, none is half applied."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from POLYMARKET_MAKER.settings import retired
from POLYMARKET_MAKER.settings.schema import Declared, Group, Unfit, declared, parse, show_raw

GroupT = TypeVar("GroupT", bound=Group)


@dataclass(slots=True)
class Findings:
    """What is wrong (nothing may start), and what is only worth a warning."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Value:
    """A value with the file and the spelling it came from."""

    value: object
    source: str
    spelling: str

    @property
    def origin(self) -> str:
        return f"{self.source} {self.spelling}".strip()


Values = dict[str, Value]
"""Path of a key to its value; keys that no file names are absent."""


def read_json(path: Path, findings: Findings) -> dict[str, object]:
    """Read a file that must hold one JSON object; fractions become ``Decimal``."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        findings.problems.append(f"{path}: cannot be read: {error.strerror}")
        return {}
    except UnicodeDecodeError as error:
        findings.problems.append(f"{path}: is not UTF-8 at byte {error.start}")
        return {}
    return parse_json(text, path.name, findings)


def parse_json(text: str, name: str, findings: Findings) -> dict[str, object]:
    """Read the text of such a file; *name* stands in the problems."""
    twice: list[str] = []

    def no_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
        seen = [key for key, _ in pairs]
        twice.extend(key for key in dict.fromkeys(seen) if seen.count(key) > 1)
        return dict(pairs)

    try:
        data = json.loads(text, parse_float=Decimal, object_pairs_hook=no_doubles)
    except (json.JSONDecodeError, RecursionError) as error:
        findings.problems.append(f"{name}: is not JSON: {_where(error, text)}")
        return {}
    findings.problems.extend(f"{name}: key {key!r} stands twice in one object" for key in twice)
    if not isinstance(data, dict):
        findings.problems.append(f"{name}: was {show_raw(data)}, needs an object")
        return {}
    return data


def _where(error: json.JSONDecodeError | RecursionError, text: str) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    rest = text[error.pos :]
    word = next((each for each in ("True", "False", "None") if rest.startswith(each)), None)
    hint = {"True": "true", "False": "false", "None": "null"}.get(word or "")
    cure = f"; JSON writes {hint}" if hint else ""
    return f"{error.msg.lower()} at line {error.lineno} column {error.colno}{cure}"


class Reader:
    """Matches what files say with what is declared.

    Args:
        groups: Names of groups and their dataclasses; the name ``""`` is the top of the file.
        retired_keys: Keys that only warn, with the reason.
        findings: Gets every problem and warning.
    """

    def __init__(
        self,
        groups: Sequence[tuple[str, type[Group]]],
        retired_keys: dict[str, str],
        findings: Findings,
    ) -> None:
        self._groups = {name for name, _ in groups if name}
        self._retired = retired_keys
        self._findings = findings
        keys = [each for name, group in groups for each in declared(group, name)]
        self._by_spelling = {spelling: key for key in keys for spelling in key.spellings}

    def read(self, data: Mapping[str, object], source: str) -> Values:
        """Read one object; *source* begins each sentence and is the origin of the values."""
        values: Values = {}
        for path, raw in self._places(data, source):
            key = self._by_spelling.get(path)
            if key is None:
                self._unknown(path, raw, source)
            elif raw is not None or key.allows_none:
                self._take(key, path, raw, source, values)
        return values

    def _places(self, data: Mapping[str, object], source: str) -> Iterator[tuple[str, object]]:
        """List each key by its path; keys that begin with an underscore are comments."""
        for name, raw in data.items():
            if name.startswith("_"):
                continue
            if name not in self._groups:
                yield name, raw
            elif isinstance(raw, Mapping):
                yield from (
                    (f"{name}.{inner}", value)
                    for inner, value in raw.items()
                    if not inner.startswith("_")
                )
            elif raw is not None:
                self._findings.problems.append(
                    f"{source}: {name} was {show_raw(raw)}, needs an object"
                )

    def _take(self, key: Declared, path: str, raw: object, source: str, values: Values) -> None:
        try:
            value = parse(key, raw)
        except Unfit as error:
            self._findings.problems.append(f"{source}: {path} {error}")
            return
        before = values.get(key.path)
        if before is not None and before.value != value:
            self._findings.problems.append(
                f"{source}: {before.spelling} and {path} disagree; keep one of them"
            )
        elif value is None and key.key.warn_none:
            self._findings.warnings.append(f"{source}: {path} is null: {key.key.warn_none}")
        values[key.path] = Value(value, source, path)

    def _unknown(self, path: str, raw: object, source: str) -> None:
        why = retired.reason(self._retired, path)
        if why is not None:
            if raw is not None:
                self._findings.warnings.append(f"{source}: {path} has no effect: {why}")
            return
        group, _, name = path.rpartition(".")
        place = f" in {group}" if group else ""
        self._findings.problems.append(
            f"{source}: unknown key {name!r}{place}{self._suggestion(group, name)}"
        )

    def _suggestion(self, group: str, name: str) -> str:
        here = [key.name for key in self._by_spelling.values() if group and key.group == group]
        for candidates in (here, [key for key in self._by_spelling if "." not in key]):
            near = get_close_matches(name, candidates, n=1, cutoff=0.6)
            if near:
                return f"; did you mean {self._full_name(near[0], here)!r}?"
        return ""

    def _full_name(self, name: str, here: Sequence[str]) -> str:
        return name if name in here else self._by_spelling[name].path


def build(group: type[GroupT], name: str, values: Values, *, base: GroupT | None = None) -> GroupT:
    """Make a group from what was read; the rest is as in *base*, else as declared."""
    said = {
        each.name: values[each.path].value
        if each.path in values
        else (each.default if base is None else getattr(base, each.name))
        for each in declared(group, name)
    }
    return group(**said)
