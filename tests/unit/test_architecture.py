"""Packages import in one direction: the list stands here, and only here."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

SOURCE = Path(__file__).parents[2] / "src"

LAYERS = (
    ("interrupt", "redaction"),
    ("dataclasses",),
    ("errors",),
    ("text",),
    ("system",),
    ("model",),
    ("recipe",),
    ("registry",),
    ("load",),
    ("resolve",),
    ("templating",),
    ("graph",),
    ("render",),
    ("plan",),
    ("select",),
    ("state",),
    ("execute",),
    ("publishing", "lock"),
    ("compose",),
    ("pipeline",),
    ("testing",),
    ("host",),
    ("bench", "ci", "compatibility", "diff", "inspect", "lint"),
    ("cache",),
    ("cli",),
    ("__main__",),
)
"""A module imports those of its own package and of the layers above its own in this list; packages of one layer do
not import each other."""

RANKS = {package: rank for rank, packages in enumerate(LAYERS) for package in packages}


def _modules() -> dict[str, Path]:
    found = {}
    for path in sorted((SOURCE / "edgebake").rglob("*.py")):
        name = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


MODULES = _modules()


def _imports(module: str) -> Iterator[tuple[str, int]]:
    """Yield what a module imports of edgebake, wherever in it the import stands, and the line."""
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: relative import"
            if (node.module or "").split(".")[0] == "edgebake":
                for alias in node.names:
                    full = f"{node.module}.{alias.name}"
                    yield (full if full in MODULES else str(node.module)), node.lineno
        elif isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names if alias.name.startswith("edgebake"))


EDGES = [(module, imported, line) for module in MODULES for imported, line in _imports(module)]


def _package(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_every_package_has_a_layer() -> None:
    assert {_package(module) for module in MODULES} - {""} == set(RANKS)


def test_imports_point_in_one_direction() -> None:
    wrong = [
        f"{module}:{line} imports {imported}"
        for module, imported, line in EDGES
        if _package(imported) not in ("", _package(module))
        and RANKS[_package(imported)] >= RANKS.get(_package(module), len(LAYERS))
    ]
    assert wrong == []


@pytest.mark.parametrize("level", ["packages", "modules"])
def test_nothing_imports_in_circles(level: str) -> None:
    graph: nx.DiGraph[str] = nx.DiGraph()
    for module, imported, _ in EDGES:
        ends = (module, imported) if level == "modules" else (_package(module), _package(imported))
        if ends[0] != ends[1] and "" not in ends:
            graph.add_edge(*ends)
    assert [sorted(knot) for knot in nx.strongly_connected_components(graph) if len(knot) > 1] == []


AREAS = ("bench", "ci", "compatibility", "compose", "diff", "inspect", "lint")
"""Features on top of the compiler: each can be taken away together with its commands."""

PLANS = """
import importlib, sys
from pathlib import Path
for name in sys.argv[2:]:
    importlib.import_module(name)
from edgebake.model.request import Request
from edgebake.pipeline import Pipeline
print(len(Pipeline(Path(sys.argv[1]), Request()).plan().targets))
"""


@pytest.mark.parametrize("area", AREAS)
def test_an_area_can_be_taken_away(area: str, tmp_path: Path) -> None:
    shutil.copytree(SOURCE / "edgebake", tmp_path / "src/edgebake", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(tmp_path / "src/edgebake" / area)
    for data in ("recipes", "targets", "templates"):
        (tmp_path / data).symlink_to(SOURCE.parent / data)
    project = tmp_path / "project"
    project.mkdir()
    (project / "edgebake.yaml").write_text('{"images": {"app": {"recipes": ["numpy"], "targets": ["cpu"]}}}')
    without = {module for module, imported, _ in EDGES if _package(imported) == area}
    kept = [m for m in MODULES if _package(m) != area and m not in without and m != "edgebake.__main__"]
    done = subprocess.run(
        [sys.executable, "-c", PLANS, str(project), *kept],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert {_package(module) for module in without - {"edgebake.pipeline"}} <= {area, "cli"}
