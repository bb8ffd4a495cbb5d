#!/usr/bin/env python3
"""Brings docs/benchmarks.md up to date: python benchmarks/page.py [--check]

Tables stand between `<!-- NAME -->` and `<!-- end of NAME -->`, and are made from benchmarks/results/NAME.json; plots go
to docs/benchmarks/. The rest of the page is written by hand. --check writes nothing, and exits with 1 if anything is old.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from plots import Group, bars, timeline

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks/results"
PAGE = ROOT / "docs/benchmarks.md"
PLOTS = ROOT / "docs/benchmarks"
Result = Mapping[str, Any]


def main() -> None:
    """Write the page and the plots, or look at them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit with 1 if something is old")
    arguments = parser.parse_args()
    results = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))}
    made = files(PAGE.read_text(encoding="utf-8"), results)
    old = [path for path, text in made.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if arguments.check:
        sys.exit(f"old: {', '.join(path.name for path in old)}" if old else 0)
    for path in old:
        path.parent.mkdir(exist_ok=True)
        path.write_text(made[path], encoding="utf-8")


def files(page: str, results: Mapping[str, Result]) -> dict[Path, str]:
    """Return the texts of the page and of all plots, by path."""
    made = {PLOTS / f"{name}.svg": text for name, result in results.items() for name, text in plots(name, result)}
    for name, render in TABLES.items():
        if name in results:
            result = results[name]
            page = filled(page, name, render(result["rows"]) + measured(result) + images(name, result))
        else:
            page = filled(
                page, name, f"No figures are committed: `python benchmarks/{name}.py --keep` makes them.\n"
            )
    return {PAGE: page, **made}


def images(name: str, result: Result) -> str:
    """Return the references to a benchmark's plots."""
    return "".join(f"\n![{plot}](benchmarks/{plot}.svg)\n" for plot, _ in plots(name, result))


def filled(page: str, name: str, text: str) -> str:
    """Return the page with what stands between a benchmark's marks replaced."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    if not pattern.search(page):
        raise SystemExit(f"{PAGE.name} has no place for {name}")
    return pattern.sub(lambda match: f"{match[1]}\n{text}\n{match[2]}", page)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def measured(result: Result) -> str:
    """Return what a table was measured on, in a sentence."""
    low, high = sorted(result["load"])
    quick = " A quick run: rough figures." if result["quick"] else ""
    return (
        f"\n{result['cores']} cores ({result['machine']}), Docker Engine {result['engine']}, Buildx {result['buildx']},"
        f" {result['date']}; the load was {low} to {high}.{quick}\n"
    )


# ── tables


def makespan(rows: Sequence[Result]) -> str:
    """Return bake, bound and chain of each shape."""
    head = (
        "shape",
        "recipes",
        "longest path",
        "all build stages",
        "bound",
        "bake",
        "bake / bound",
        "chain",
        "chain / bake",
    )
    cells = [
        (
            row["shape"],
            row["recipes"],
            row["longest_path"],
            f"{row['work']:.0f} s",
            f"{row['bound']:.0f} s",
            f"{row['bake']:.0f} s",
            f"{row['over_bound']:.2f}",
            f"{row['chain']:.0f} s" if "chain" in row else "",
            f"{row['faster']:.1f}" if "chain" in row else "",
        )
        for row in rows
    ]
    return table(head, cells)


def rebuild(rows: Sequence[Result]) -> str:
    """Return what was built again, summed over all changes of a shape."""
    cells = []
    for row in rows:
        changes = row["changes"]
        sums = [
            sum(change[key] for change in changes) for key in ("builds", "dependents", "installs", "from_place")
        ]
        again = [change["chain_builds"] for change in changes if "chain" in change]
        cells.append(
            (
                row["shape"],
                len(changes),
                *sums,
                f"{row['bake']} s",
                f"{row['faster']} (of {len(again)})",
                row["wrong"],
            )
        )
    head = ("shape", "changes", "build stages run", "true dependents", "install stages run", "from the change on")
    return table((*head, "bake", "chain / bake", "changes with one too many"), cells)


def sharing(rows: Sequence[Result]) -> str:
    """Return what ran against what is different."""
    keys = ("images", "targets", "bake_targets", "distinct", "ran", "by_themselves", "seconds")
    head = (
        "images",
        "targets",
        "bake targets",
        "different stages",
        "stages run",
        "each image by itself",
        "seconds",
    )
    return table(head, [[row[key] for key in keys] for row in rows])


def cross(rows: Sequence[Result]) -> str:
    """Return both pairs."""
    cells = [
        (row["pair"], f"{row['emulated']} s", f"{row['build_platform']} s", row["faster"], row["tests"])
        for row in rows
    ]
    return table(("pair", "emulated", "on the build platform", "times faster", "same tests on both"), cells)


def noop(rows: Sequence[Result]) -> str:
    """Return bakes with nothing to do."""
    keys = ("bake_targets", "output", "seconds", "median", "buildx", "faster", "python", "bakes")
    head = (
        "bake targets",
        "output",
        "best, s",
        "median, s",
        "Buildx alone, s",
        "times faster",
        "bare Python, s",
        "bakes run",
    )
    return table(head, [[row[key] for key in keys] for row in rows])


def size(rows: Sequence[Result]) -> str:
    """Return both sizes of each image."""
    cells = [
        (row["image"], f"{row['naive'] / 1e6:.1f} MB", f"{row['build_halves'] / 1e6:.1f} MB", row["smaller"])
        for row in rows
    ]
    return table(("image", "plain Dockerfile", "build stages", "times smaller"), cells)


def waves(rows: Sequence[Result]) -> str:
    """Return each layout on each driver, with each Buildx."""
    keys = ("driver", "buildx", "bake_targets", "stages", "wave", "jobs", "cold", "warm")
    head = (
        "driver",
        "Buildx",
        "bake targets",
        "stages",
        "in an invocation",
        "`--jobs`",
        "cold, s",
        "warm, s",
        "invocations that failed",
    )
    return table(head, [[*(row[key] for key in keys), f"{row['failed']} of {row['invocations']}"] for row in rows])


def passes(rows: Sequence[Result]) -> str:
    """Return a push with tests, by Buildx."""
    keys = ("buildx", "invocations", "cold", "warm")
    return table(("Buildx", "invocations", "cold, s", "warm, s"), [[row[key] for key in keys] for row in rows])


TABLES: Mapping[str, Callable[[Sequence[Result]], str]] = {
    "makespan": makespan,
    "makespan-own": makespan,
    "rebuild": rebuild,
    "sharing": sharing,
    "cross": cross,
    "noop": noop,
    "size": size,
    "waves": waves,
    "passes": passes,
}


# ── plots


def plots(name: str, result: Result) -> list[tuple[str, str]]:
    """Return names and texts of a benchmark's plots."""
    rows = result["rows"]
    if name == "makespan":
        groups = [Group(row["shape"], (row["bake"], row.get("chain"), row["bound"])) for row in rows]
        made = [("makespan", bars("Makespan", "s", ("edgebake bake", "chain of builds", "bound"), groups))]
        lines = {row["shape"]: row["timeline"] for row in rows}
        if "llm" in lines:
            steps = [(stage.removeprefix("eb-"), start, end) for stage, start, end in lines["llm"]]
            made.append(("timeline", timeline("The 39 packages, baked", steps)))
        return made
    if name == "cross":
        groups = [Group(row["pair"], (row["build_platform"], row["emulated"])) for row in rows]
        return [("cross", bars("arm64 on amd64", "s", ("on the build platform", "emulated"), groups))]
    if name == "noop":
        groups = [Group(f"{row['bake_targets']}, {row['output']}", (row["seconds"], row["buildx"])) for row in rows]
        return [("noop", bars("Nothing to do", "s", ("edgebake bake", "Buildx alone"), groups))]
    return []


if __name__ == "__main__":
    main()
