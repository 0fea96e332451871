"""What one question is answered with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

OK, NOT_WELL, NOT_AVAILABLE = 0, 1, 3

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was learnt of one subject."""

    ok: bool
    reason: str | None = None
    data: Mapping[str, object] = field(default_factory=dict)
    available: bool = True

    @property
    def exit_code(self) -> int:
        if not self.available:
            return NOT_AVAILABLE
        return OK if self.ok else NOT_WELL


def one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, ImportError) and text else f"{type(error).__name__}: {text}"


def not_available(reason: str) -> Answer:
    return Answer(ok=False, reason=reason, available=False)
