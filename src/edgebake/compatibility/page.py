"""Compatibility data as the page docs/compatibility.md."""

from __future__ import annotations

from collections.abc import Sequence

from edgebake.compatibility.data import Entry, LoadedFramework
from edgebake.load.catalogue import LoadedTarget
from edgebake.model.compatibility import Row
from edgebake.model.versions import parse_version

_PAGE_HEAD = """\
# What runs where

Made from `targets/compatibility`. After a change of the data, run
`edgebake compat --markdown > docs/compatibility.md`. `edgebake compat --check` finds gaps and contradictions in the
data, and between the data and the recipes. A row says why if a recipe does not offer its releases.

The data comes from the sources; it was not tested on a GPU or a board. After "none" stands what was found, or what
could not be looked up.
"""
_ROW_HEAD = ("Releases", "CUDA", "cuDNN", "Python", "JetPack", "Where", "SM of the build", "From", "Sources")
_COLUMNS = ("cuda", "python", "jetpack")


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
        facts = (fact or "–" for fact in (target.cuda, target.cudnn, target.python))
        rows.append((target.name, *facts, *(newest.get((target.name, name), "–") for name in names)))
    return _markdown(rows)


def _row_cells(row: Row) -> tuple[str, ...]:
    terms = {name: " or ".join(values) for name, values in row.when.terms}
    places = [f"{name} {text}" for name, text in terms.items() if name not in _COLUMNS]
    releases, origin = ", ".join(row.releases) or f"none: {row.absent}", row.origin or "–"
    return (
        f"{releases} (no recipe: {row.no_recipe})" if row.no_recipe else releases,
        terms.get("cuda", "any"),
        row.cudnn or "–",
        terms.get("python", "any"),
        terms.get("jetpack", "any"),
        "; ".join(places) or "–",
        ", ".join(row.sm) or "–",
        f"<{origin}>" if origin.startswith("https://") else origin,
        " ".join(f"[{number}](<{url}>)" for number, url in enumerate(row.sources, 1)),
    )


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
