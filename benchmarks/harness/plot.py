"""The designs side by side, as an SVG. Pure: figures in, text out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_ROW, _TOP, _LEFT, _WIDTH, _GAP, _RIGHT = 34, 64, 300, 330, 40, 70
_OURS, _OTHER, _WHISKER, _INK, _GRID = "#0b7a4b", "#8a94a6", "#3d4656", "#1d232e", "#dde1e8"


@dataclass(frozen=True, slots=True)
class Bar:
    """One design.

    Attributes:
        title: Its name.
        p50_us: Median latency.
        p99_us: 99th of a hundred.
        cpu: In per cent of one core.
        is_ours: Drawn in another colour.
    """

    title: str
    p50_us: float
    p99_us: float
    cpu: float
    is_ours: bool


def draw(title: str, bars: Sequence[Bar]) -> str:
    """Draw latency (logarithmic) and CPU of each design, the fastest at the top."""
    ordered = sorted(bars, key=lambda bar: bar.p50_us)
    width = _LEFT + 2 * _WIDTH + _GAP + _RIGHT
    height = _TOP + _ROW * len(ordered) + 40
    low = 10 ** math.floor(math.log10(min(bar.p50_us for bar in ordered)))
    high = 10 ** math.ceil(math.log10(max(bar.p99_us for bar in ordered)))
    decades = math.log10(high / low)
    right = _LEFT + _WIDTH + _GAP
    most = max(bar.cpu for bar in ordered)

    def at(value_us: float) -> float:
        return _LEFT + _WIDTH * math.log10(max(value_us, low) / low) / decades

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
        f' width="{width}" height="{height}" font-family="sans-serif" font-size="13">',
        _box(0, 0, width, height, "white"),
        _text(16, 24, title, weight="bold", size=15),
        _text(_LEFT, 48, "latency from due: bar p50, line to p99"),
        _text(right, 48, "CPU of all processes, % of a core"),
        *_grid(low, high, at, height),
    ]
    for place, bar in enumerate(ordered):
        parts += _row(bar, _TOP + _ROW * place, at=at, right=right, most=most)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _grid(low: float, high: float, at: Callable[[float], float], height: int) -> list[str]:
    parts = []
    value = low
    while value <= high * 1.001:
        x = at(value)
        parts.append(_line(x, _TOP - 6, x, height - 34, _GRID, 1))
        parts.append(_text(x, height - 16, _unit(value), anchor="middle", size=11))
        value *= 10
    return parts


def _row(bar: Bar, y: int, *, at: Callable[[float], float], right: int, most: float) -> list[str]:
    colour = _OURS if bar.is_ours else _OTHER
    middle = y + 10
    end, far = at(bar.p50_us), at(bar.p99_us)
    length = max(1.0, _WIDTH * bar.cpu / most)
    weight = "bold" if bar.is_ours else "normal"
    return [
        _text(_LEFT - 12, middle + 4, bar.title, anchor="end", weight=weight),
        _box(_LEFT, y, max(1.0, end - _LEFT), 20, colour),
        _line(end, middle, far, middle, _WHISKER, 2),
        _text(far + 5, middle + 4, _unit(bar.p50_us), size=11),
        _box(right, y, length, 20, colour),
        _text(right + length + 5, middle + 4, f"{bar.cpu:.1f}", size=11),
    ]


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {place} fill="{colour}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: int) -> str:  # noqa: PLR0917 - two ends and a pen
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal", size: int = 13
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" '
        f'font-size="{size}" fill="{_INK}">{escape(text)}</text>'
    )


def _unit(value_us: float) -> str:
    for size, name in ((1e6, "s"), (1e3, "ms")):
        if value_us >= size:
            return f"{value_us / size:.3g} {name}"
    return f"{value_us:.3g} µs"
