"""Counters: what was verified, accepted, refused, matched and sent."""

from __future__ import annotations

from collections import Counter
from typing import Any


class Stats:
    """Counters by group and name; a name not counted yet is 0."""

    def __init__(self) -> None:
        self._groups: dict[str, Counter[str]] = {}

    def count(self, group: str, name: str, by: int = 1) -> None:
        self._groups.setdefault(group, Counter())[name] += by

    def of(self, group: str, name: str) -> int:
        return self._groups.get(group, Counter())[name]

    def group(self, name: str) -> dict[str, int]:
        return dict(self._groups.get(name, Counter()))

    def as_json(self) -> dict[str, Any]:
        return {name: dict(counter) for name, counter in self._groups.items()}
