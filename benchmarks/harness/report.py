"""What a run found, as text: verdicts, tables, RESULTS.md. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of what must be shown.

    Attributes:
        claim: What is measured.
        value: What was found; None if it could not be measured.
        limit: What it may be at most.
        unit: Of both; "" for a ratio.
        aim: What it should be at most.
        detail: What a reader should know of the figure.
    """

    claim: str
    value: float | None
    limit: float
    unit: str = ""
    aim: float | None = None
    detail: str = ""

    @property
    def is_met(self) -> bool:
        return self.value is not None and self.value <= self.limit

    def outcome(self) -> str:
        """Return "met", or by how much it was missed."""
        if self.value is None:
            return "**not measured**"
        if not self.is_met:
            return f"**missed** by {100 * (self.value / self.limit - 1):.0f} %"
        if self.aim is not None:
            return "met, aim too" if self.value <= self.aim else "met, aim not"
        return "met"

    def row(self) -> list[str]:
        found = "–" if self.value is None else number(self.value, self.unit)
        limit = f"≤ {number(self.limit, self.unit)}"
        if self.aim is not None:
            limit += f" (aim {number(self.aim, self.unit)})"
        return [self.claim, limit, found, self.outcome(), self.detail]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first column is text, the others are figures."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(slots=True)
class Section:
    """What one benchmark found.

    Attributes:
        title: Its name.
        text: How it was measured, paragraph by paragraph.
        tables: The figures.
        verdicts: Its lines of what must be shown.
        failure: Why it could not be measured; "" if it could.
    """

    title: str
    text: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    failure: str = ""


def number(value: float, unit: str = "") -> str:
    """Write a figure with three digits that mean something."""
    if value == 0 or math.isinf(value):
        text = f"{value:g}"
    else:
        digits = max(0, 2 - math.floor(math.log10(abs(value))))
        text = f"{value:,.{min(digits, 6)}f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
    return f"{text} {unit}" if unit else text


def microseconds(value: float) -> str:
    """Write a latency in the unit in which it is a short number."""
    if value < 10_000:  # noqa: PLR2004 - four digits are still short
        return number(value, "µs")
    return number(value / 1000, "ms")


def markdown(table: Table) -> str:
    """Write a table."""
    line = ["---"] + ["--:"] * (len(table.header) - 1)
    rows = [table.header, line, *table.rows]
    body = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"**{table.title}**\n\n{body}\n" if table.title else f"{body}\n"


def verdict_table(verdicts: Iterable[Verdict]) -> str:
    """Write what must be shown, line by line."""
    header = ["What it must show", "bound", "found", "verdict", ""]
    rows = [header, ["---"] * len(header), *(each.row() for each in verdicts)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def document(head: Sequence[str], sections: Sequence[Section]) -> str:
    """Write RESULTS.md: the verdicts first, then what they rest on."""
    verdicts = [verdict for section in sections for verdict in section.verdicts]
    met = sum(each.is_met for each in verdicts)
    parts = [*head, f"## Verdicts: {met} of {len(verdicts)} met", verdict_table(verdicts)]
    for section in sections:
        parts.append(f"## {section.title}")
        if section.failure:
            parts.append(f"**Not measured:** {section.failure}")
        parts += section.text
        parts += [markdown(table) for table in section.tables]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"
