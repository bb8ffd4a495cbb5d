"""Measures what `edgebake lock --order` is worth: python benchmarks/order.py [--json FILE] [--sizes 100,1000]

Two kinds of project: synthetic ones (benchmarks/synthetic.py), in which images come in families, and the built-in
catalogue with images that ask for a few of its recipes each, as one seed draws them. For both it prints the install
stages and megabytes before and after, the cost, how far from the best possible it is at most, and the time that it
took. Nothing is built, so sizes and times are the guesses that edgebake makes where nothing is measured; what is
compared is how much is shared.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from synthetic import SHAPES, write_project

from edgebake.errors import EdgebakeError
from edgebake.graph.compile import plan_images
from edgebake.graph.python_env import resolution_inputs
from edgebake.graph.view import RecipeView
from edgebake.lint.subject import recipes_subject
from edgebake.load.workspace import Workspace, open_workspace
from edgebake.model.lock import Lock, LockedImage, LockedPackage, LockedPython
from edgebake.order.choose import choose_order
from edgebake.order.weights import Weigher

IMAGES = 12
RECIPES = 4


def write_catalogue_images(folder: Path, target: str, seed: int = 1) -> None:
    """Write a project with images that ask for a few recipes of the catalogue each, all valid together."""
    known = recipes_subject(open_workspace(folder, need_project=False)).workspace.project.images
    names = sorted({image.recipes[0] for image in known.values() if target in image.targets})
    chance = random.Random(seed)
    images: dict[str, Any] = {}
    while len(images) < IMAGES:
        image = {"recipes": chance.sample(names, RECIPES), "targets": [target]}
        text = json.dumps({"images": {**images, f"image-{len(images)}": image}})
        (folder / "edgebake.yaml").write_text(text)
        try:
            _locked(open_workspace(folder))
        except EdgebakeError:  # they cannot be in one image
            continue
        images[f"image-{len(images)}"] = image
    (folder / "edgebake.yaml").write_text(json.dumps({"images": images}))


def _locked(workspace: Workspace) -> Lock:
    """Return a lock as far as no network is needed: Python packages are those that recipes name, and nothing else."""
    images: dict[str, dict[str, LockedImage]] = {}
    for plan in plan_images(workspace):
        releases = {p: {n: pin.release.version for n, pin in r.pins.items()} for p, r in plan.resolutions.items()}
        python = {platform: _packages(plan.views_by_rank(platform)) for platform in plan.platforms}
        images.setdefault(plan.name, {})[plan.target.name] = LockedImage(releases=releases, python=python)
    return Lock(images=images)


def _packages(line: Sequence[RecipeView]) -> LockedPython:
    askers: dict[str, list[str]] = {}
    for view in line:
        for requirement in view.pip:
            askers.setdefault(canonicalize_name(Requirement(requirement).name), []).append(
                f"recipe:{view.pin.name}"
            )
    packages = {
        name: LockedPackage(requirement=f"{name}==1", hashes=("sha256:" + "0" * 64,), via=tuple(via))
        for name, via in sorted(askers.items())
    }
    return LockedPython(inputs=resolution_inputs(line), packages=packages)


def measure(write: Callable[[Path], object]) -> dict[str, Any]:
    """Return what choosing an order is worth in a project.

    Args:
        write: writes it into an empty folder.
    """
    with tempfile.TemporaryDirectory(prefix="edgebake-benchmark-") as folder:
        write(Path(folder))
        workspace = open_workspace(Path(folder))
        begin = time.perf_counter()
        _, chosen = choose_order(workspace, _locked(workspace), Weigher)
        seconds = time.perf_counter() - begin
    targets = {
        one.target: {
            "images": one.images,
            "stages": [one.before.stages, one.after.stages],
            "bytes": [one.before.size, one.after.size],
            "apart_bytes": one.after.apart,
            "cost": [round(one.before.cost, 1), round(one.after.cost, 1)],
            "bound": round(one.bound, 1),
            "within": round(one.within, 3),
        }
        for one in chosen
    }
    return {"seconds": round(seconds, 2), "targets": targets}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--sizes", default="100,1000")
    arguments = parser.parse_args()
    projects: dict[str, Callable[[Path], object]] = {
        f"synthetic-{size}": partial(write_project, shape=SHAPES[int(size)]) for size in arguments.sizes.split(",")
    }
    projects |= {f"catalogue-{t}": partial(write_catalogue_images, target=t) for t in ("cpu", "jetpack-6.2")}
    report = {name: measure(write) for name, write in projects.items()}
    print(f"{'':<24}{'IMAGES':>7}{'STAGES':>13}{'MB':>15}{'COST':>15}{'WITHIN':>8}{'SECONDS':>9}")
    for name, found in report.items():
        for target, one in found["targets"].items():
            stages, cost = (f"{a:.0f} → {b:.0f}" for a, b in (one["stages"], one["cost"]))
            size = " → ".join(f"{number / 1e6:.0f}" for number in one["bytes"])
            label = f"{name} {target}" if name.startswith("synthetic") else name
            print(
                f"{label:<24}{one['images']:>7}{stages:>13}{size:>15}{cost:>15}{one['within']:>8}{found['seconds']:>9}"
            )
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
