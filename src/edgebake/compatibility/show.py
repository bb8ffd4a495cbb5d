"""Compatibility data as a table, as data for `--json`, and as the page docs/compatibility.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgebake.compatibility.check import supported_sm
from edgebake.compatibility.data import Entry, LoadedFramework
from edgebake.load.catalogue import LoadedTarget
from edgebake.model.compatibility import Row
from edgebake.model.target import Target
from edgebake.model.versions import parse_version

_HEAD = ("FRAMEWORK", "TARGET", "RELEASES", "CUDA", "CUDNN", "PYTHON", "JETPACK", "SM", "FROM")
_PAGE_HEAD = """\
# What runs where

Made from `targets/compatibility`: change the data, then run
`edgebake compat --markdown > docs/compatibility.md`. `edgebake compat --check` finds holes and contradictions in
the data, and between it and the recipes. Where the data has releases that a recipe does not offer, a row says why.

The data is looked up, not tried: no GPU and no board was at hand. A reason behind "none" says what was found, or
what could not be looked up.
"""
_ROW_HEAD = ("Releases", "CUDA", "cuDNN", "Python", "JetPack", "Where", "SM of the build", "From", "Sources")
_COLUMNS = ("cuda", "python", "jetpack")


# ── the table and the JSON of a command


def table(found: Sequence[Entry]) -> str:
    """Return what holds on each target, as a table; where there is no build, the reason."""
    rows = [_HEAD, *(_cells(entry) for entry in found)]
    # The last two columns of a line may be long prose: they widen nothing.
    widths = [max(len(row[column]) for row in rows if len(row) > column + 1) for column in range(len(_HEAD) - 1)]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
    return "  ".join([*cells, row[-1]]).rstrip()


def _cells(entry: Entry) -> tuple[str, ...]:
    row, target = entry.row, entry.target
    if row.absent:
        return entry.framework, _place(entry), f"none: {row.absent}"
    sm = supported_sm(row.sm, target.sm) if row.sm else target.sm
    return (
        entry.framework,
        _place(entry),
        ", ".join(row.releases),
        target.cuda or "-",
        row.cudnn or "-",
        target.python or "-",
        target.jetpack or "-",
        ",".join(sm) or "-",
        row.origin or "",
    )


def _place(entry: Entry) -> str:
    if entry.platforms == entry.target.platforms:
        return entry.target.name
    return f"{entry.target.name} ({', '.join(entry.platforms)})"


def as_data(found: Sequence[Entry]) -> dict[str, Any]:
    """Return what holds on each target as data for `--json`."""
    return {"version": 1, "rows": [_entry_as_data(entry) for entry in found]}


def _entry_as_data(entry: Entry) -> dict[str, Any]:
    row, target = entry.row, entry.target
    return {
        "framework": entry.framework,
        "target": target.name,
        "platforms": list(entry.platforms),
        "releases": list(row.releases),
        "absent": row.absent,
        "cuda": target.cuda,
        "cudnn": row.cudnn,
        "python": target.python,
        "jetpack": target.jetpack,
        "sm": list(supported_sm(row.sm, target.sm) if row.sm else target.sm),
        "origin": row.origin,
        "no_recipe": row.no_recipe,
        "sources": list(row.sources),
    }


# ── the page


def page(frameworks: Sequence[LoadedFramework], targets: Sequence[LoadedTarget], found: Sequence[Entry]) -> str:
    """Return docs/compatibility.md: the newest release on each target, then every row with its sources."""
    parts = [_PAGE_HEAD, "## The newest release on each target\n", _overview(frameworks, targets, found)]
    for loaded in frameworks:
        framework = loaded.framework
        rows = [_ROW_HEAD, *(_row_cells(row) for row in framework.rows)]
        parts += [f"## {framework.name}\n", f"{framework.summary}\n", _markdown(rows)]
    return "\n".join(parts)


def _overview(
    frameworks: Sequence[LoadedFramework], targets: Sequence[LoadedTarget], found: Sequence[Entry]
) -> str:
    names = [loaded.name for loaded in frameworks]
    releases: dict[tuple[str, str], list[str]] = {}
    for entry in found:
        releases.setdefault((entry.target.name, entry.framework), []).extend(entry.row.releases)
    newest = {key: max(some, key=parse_version) for key, some in releases.items() if some}
    rows = [("Target", "CUDA", "cuDNN", "Python", *names)]
    for loaded in targets:
        target = loaded.target
        rows.append((target.name, *_facts(target), *(newest.get((target.name, name), "–") for name in names)))
    return _markdown(rows)


def _facts(target: Target) -> tuple[str, str, str]:
    return target.cuda or "–", target.cudnn or "–", target.python or "–"


def _row_cells(row: Row) -> tuple[str, ...]:
    terms = {name: " or ".join(values) for name, values in row.when.terms}
    places = [f"{name} {text}" for name, text in terms.items() if name not in _COLUMNS]
    releases = ", ".join(row.releases) or f"none: {row.absent}"
    return (
        f"{releases} (no recipe: {row.no_recipe})" if row.no_recipe else releases,
        terms.get("cuda", "any"),
        row.cudnn or "–",
        terms.get("python", "any"),
        terms.get("jetpack", "any"),
        "; ".join(places) or "–",
        ", ".join(row.sm) or "–",
        _link(row.origin) if row.origin else "–",
        " ".join(f"[{number}](<{url}>)" for number, url in enumerate(row.sources, 1)),
    )


def _link(text: str) -> str:
    return f"<{text}>" if text.startswith("https://") else text


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
