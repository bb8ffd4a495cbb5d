"""Plots as SVG: the same figures, the same bytes. Colours can be told apart by colour-blind people, on light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LEFT, RIGHT, BAR, GAP, TOP = 760, 190, 90, 14, 10, 40
COLOURS = ("#0072b2", "#e69f00", "#999999")


@dataclass(frozen=True)
class Group:
    """One line of a plot: a name, and a value for each series (None where there is none)."""

    name: str
    values: tuple[float | None, ...]


def bars(title: str, unit: str, series: Sequence[str], groups: Sequence[Group]) -> str:
    """Return horizontal bars, grouped.

    Args:
        title: of the plot.
        unit: of the values; stands behind each.
        series: names of the bars in a group, three at most.
        groups: what is shown.
    """
    most = max((value for group in groups for value in group.values if value is not None), default=1.0) or 1.0
    parts, y = [*_legend(series)], TOP + 20.0
    for group in groups:
        height = BAR * len(series)
        parts.append(_text(LEFT - 8, y + height / 2 + 4, group.name, "end"))
        for index, value in enumerate(group.values):
            if value is not None:
                width = (WIDTH - LEFT - RIGHT) * value / most
                parts.append(_box(LEFT, y, width, BAR - 2, COLOURS[index], f"{group.name}, {series[index]}"))
                parts.append(_text(LEFT + width + 5, y + BAR - 4, f"{_short(value)} {unit}".strip()))
            y += BAR
        y += GAP
    return _svg(title, y, parts)


def timeline(title: str, rows: Sequence[tuple[str, float, float]]) -> str:
    """Return when each of several things ran: (name, start, end) in seconds, in the order given."""
    most = max((end for _, _, end in rows), default=1.0) or 1.0
    scale, row, parts = (WIDTH - LEFT - 20) / most, 11, []
    for index, (name, start, end) in enumerate(rows):
        y = TOP + row * index
        colour = COLOURS[0] if name.endswith("-build") else COLOURS[1]
        parts.append(_text(LEFT - 8, y + 9, name, "end", size=9))
        parts.append(
            _box(LEFT + start * scale, y + 1, (end - start) * scale, row - 2, colour, f"{start:g} to {end:g} s")
        )
    bottom = TOP + row * len(rows)
    for step in range(5):
        second = most * step / 4
        parts.append(_text(LEFT + second * scale, bottom + 14, f"{second:.0f} s", "middle", size=10))
    return _svg(title, bottom + 20, parts)


def _legend(series: Sequence[str]) -> Iterator[str]:
    x = float(LEFT)
    for index, name in enumerate(series):
        yield _box(x, TOP - 6, 10, 10, COLOURS[index], name)
        yield _text(x + 15, TOP + 3, name)
        x += 40 + 7 * len(name)


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    body = "\n".join(["<style>text{fill:#777}</style>", _text(10, 18, title, size=14), *parts])
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height + 10:.0f}" font-family="sans-serif"'
    )
    return f'{head} role="img">\n<title>{escape(title)}</title>\n{body}\n</svg>\n'


def _text(x: float, y: float, text: str, anchor: str = "start", size: int = 11) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">{escape(text)}</text>'


def _box(x: float, y: float, width: float, height: float, colour: str, title: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}"'
    return f'<rect {place} fill="{colour}"><title>{escape(title)}</title></rect>'


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"
