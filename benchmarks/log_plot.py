"""Drawings of figures as SVG, which pages show as they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 420, 64, 200, 16, 48
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd")


@dataclass(frozen=True)
class Series:
    """Points that belong together, and what they are; all numbers above 0."""

    title: str
    points: Sequence[tuple[float, float]]


def log_log(series: Sequence[Series], *, x: str, y: str) -> str:
    """Return a drawing with both axes in powers of ten.

    Args:
        series: at least one, each with at least one point.
        x: what the horizontal axis counts.
        y: what the vertical axis counts.
    """
    across = _Axis([point[0] for one in series for point in one.points], LEFT, WIDTH - RIGHT)
    up = _Axis([point[1] for one in series for point in one.points], HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for power in across.powers:
        at = across.place(10**power)
        parts += [_line(at, TOP, at, HEIGHT - BOTTOM), _text(at, HEIGHT - BOTTOM + 18, f"{10**power:,g}", "middle")]
    for power in up.powers:
        at = up.place(10**power)
        parts += [_line(LEFT, at, WIDTH - RIGHT, at), _text(LEFT - 6, at + 4, f"{10**power:,g}", "end")]
    parts += [_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, x, "middle"), _text(LEFT + 6, TOP + 12, y, "start")]
    for one, colour in zip(series, COLOURS, strict=False):
        parts += _curve(one, across, up, colour)
    return "\n".join([*parts, "</svg>", ""])


class _Axis:
    """Places numbers between two ends, by their logarithms; the ends are powers of ten."""

    def __init__(self, values: Sequence[float], begin: float, end: float) -> None:
        low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        self.powers = range(low, max(high, low + 1) + 1)
        self._begin, self._end = begin, end

    def place(self, value: float) -> float:
        part = (math.log10(value) - self.powers[0]) / (self.powers[-1] - self.powers[0])
        return self._begin + part * (self._end - self._begin)


def _curve(series: Series, across: _Axis, up: _Axis, colour: str) -> list[str]:
    places = [(across.place(x), up.place(y)) for x, y in series.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
    x, y = places[-1]
    title = f'<text x="{x + 8:.1f}" y="{y + 4:.1f}" fill="{colour}">{escape(series.title)}</text>'
    return [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>', *dots, title]


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#ddd"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#333">{escape(text)}</text>'
