"""A project of any size in the shape that real ones have, for measuring. The same seed gives the same bytes.

Images come in families: those of one family have their toolkits and frameworks in common, and so the first part of
their lines, and end in libraries and an application of their own. Recipes have releases and variants with `when`;
some compile, most have Python packages. Two images of three are locked, by a made-up resolution.

Run as a program, it writes a project: python benchmarks/synthetic.py FOLDER NODES [SEED]
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

LAYERS = {"system": 5, "toolkit": 5, "language": 2, "framework": 8, "library": 20}
"""How many of forty recipes are in each layer; applications are the images' own."""

_TARGETS: tuple[dict[str, Any], ...] = (
    {"family": "cpu", "platforms": ["linux/amd64", "linux/arm64"], "os": "debian:12", "python": "3.11"},
    {
        "family": "jetpack",
        "os": "ubuntu:22.04",
        "python": "3.10",
        "jetpack": "6.2",
        "l4t": "36.4.3",
        "cuda": "12.6",
    },
    {"family": "cuda", "platforms": ["linux/amd64"], "os": "ubuntu:24.04", "python": "3.12", "cuda": "12.8"},
    {"family": "sbsa", "os": "ubuntu:24.04", "python": "3.12", "cuda": "13.0"},
)
_FLAVOURS = {"jetpack": "tegra", "cuda": "x86", "sbsa": "sbsa"}


@dataclass(frozen=True)
class Shape:
    """How large a project is."""

    targets: int
    images: int
    recipes: int


SHAPES = {
    100: Shape(targets=1, images=3, recipes=40),
    300: Shape(targets=2, images=6, recipes=60),
    1_000: Shape(targets=4, images=10, recipes=80),
    3_000: Shape(targets=4, images=30, recipes=160),
    10_000: Shape(targets=4, images=100, recipes=400),
    20_000: Shape(targets=4, images=220, recipes=800),
}
"""By the number of graph nodes that comes out, about."""


def write_project(root: Path, shape: Shape, seed: int = 1) -> None:
    """Write a project without a lock into the empty folder `root`."""
    chance = random.Random(seed)
    for target in _targets(shape.targets):
        _write(root / "targets" / f"{target['name']}.yaml", target)
    for recipe in _tools():
        _write_recipe(root / "recipes" / "tools" / recipe["name"], recipe)
    recipes = list(_recipes(shape.recipes, chance))
    for recipe in recipes:
        _write_recipe(root / "recipes" / recipe["group"] / recipe["name"], recipe)
    images = dict(_images(root, shape, recipes, chance))
    _write(root / "edgebake.yaml", {"registry": "localhost:5000/bench", "images": images})


# ── targets


def _targets(number: int) -> Iterator[dict[str, Any]]:
    for facts in _TARGETS[:number]:
        family = facts["family"]
        cuda = {"cuda_flavour": _FLAVOURS[family], "sm": ["87", "90a"]} if "cuda" in facts else {}
        yield {
            "name": f"bench-{family}",
            "summary": f"Stands for a target of the family {family}",
            "platforms": ["linux/arm64"],
            "base": {"image": facts["os"]},
            "tag_suffix": family,
            **facts,
            **cuda,
        }


# ── recipes


def _tools() -> Iterator[dict[str, Any]]:
    """Yield what edgebake itself asks for, so that the project does not depend on the built-in catalogue."""
    yield {
        "name": "python",
        "summary": "The distribution's Python",
        "layer": "system",
        "install": {"apt": ["python3", "python3-venv"]},
    }
    for name in ("pip-fetch", "build-essential", "cmake"):
        yield {
            "name": name,
            "summary": f"The tool {name}",
            "layer": "system",
            "install": {"apt": [f"{name}-package"]},
        }


def _recipes(number: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    popular: list[str] = []
    for layer, share in LAYERS.items():
        names = [f"{layer}-{index:03}" for index in range(number * share // 40)]
        for index, name in enumerate(names):
            yield _recipe(name, layer, popular, names[: min(index, 3)], chance)
        popular += names[:3]


def _recipe(
    name: str, layer: str, below: Sequence[str], same: Sequence[str], chance: random.Random
) -> dict[str, Any]:
    """Return a recipe that needs one of the popular ones in the layers below it, and maybe one of its own layer."""
    needs = _some(below, 1, chance) + _some(same, chance.randrange(2), chance)
    recipe: dict[str, Any] = {
        "name": name,
        "summary": f"Stands for software of the layer {layer}",
        "group": layer,
        "layer": layer,
        "license": "MIT",
        "requires": ["python", *needs],
        "args": {"LEVEL": str(chance.randrange(4))},
        "install": _install(name, layer, chance),
    }
    if chance.random() < 0.5:
        recipe["releases"] = [_release(name, minor, chance) for minor in range(chance.randint(1, 4))]
        recipe["env"] = {f"{name.upper().replace('-', '_')}_VERSION": "{{ version }}"}
    if layer in ("toolkit", "library") and chance.random() < 0.25:
        recipe["build"] = _build(needs, chance)
        recipe["install"]["artifacts"] = {"/": "/usr/local"}
    if chance.random() < 0.3:
        recipe["test"] = {"script": "test.py"}
    return recipe


def _install(name: str, layer: str, chance: random.Random) -> dict[str, Any]:
    install: dict[str, Any] = {}
    if layer == "system" or chance.random() < 0.3:
        install["apt"] = [f"lib{name}", f"{name}-data"]
    if layer in ("framework", "library") and chance.random() < 0.8:
        install["pip"] = [f"{name}-py>=1.{chance.randrange(9)},<3", f"shared-{chance.randrange(20)}"]
    if chance.random() < 0.2:
        install["files"] = {"files": f"/opt/{name}"}
    if not install or chance.random() < 0.2:
        install["script"] = "install.sh"
    return install


def _release(name: str, minor: int, chance: random.Random) -> dict[str, Any]:
    release: dict[str, Any] = {"version": f"2.{minor}.{chance.randrange(9)}"}
    if minor == 0 or chance.random() < 0.5:
        return release
    release["variants"] = [
        {"when": {"family": ["jetpack", "sbsa"], "cuda": ">=12"}, "env": {"ACCELERATED": "{{ cuda.nodot }}"}},
        {"when": {"family": "cuda", "python": "3.12"}, "apt": [f"{name}-cuda"]},
        {"when": {"cuda": "none"}},
    ]
    return release


def _build(needs: Sequence[str], chance: random.Random) -> dict[str, Any]:
    return {
        "runs_on": "build-platform" if chance.random() < 0.7 else "target-platform",
        "tools": ["build-essential", *(["cmake"] if chance.random() < 0.5 else [])],
        "libraries": list(needs[:1]),
        "sources": [{"path": "files"}],
        "script": "build.sh",
        "caches": ["ccache"],
    }


def _write_recipe(folder: Path, recipe: Mapping[str, Any]) -> None:
    name = recipe["name"]
    _write(folder / "recipe.yaml", recipe)
    scripts = {"install.sh": 'echo "$PYTHON_VERSION $VERSION"\n', "build.sh": 'make -j"$JOBS" DESTDIR="$OUT"\n'}
    for script in ("install.sh", "build.sh"):
        (folder / script).write_text(f"# {name}\n{scripts[script]}")
    (folder / "test.py").write_text(f'"""Test of {name}."""\nassert 1 + 1 == 2\n')
    (folder / "files").mkdir()
    for index in range(3):
        (folder / "files" / f"part{index}.c").write_text(f"int {name.replace('-', '_')}_{index};\n" * 50)


# ── images


def _images(
    root: Path, shape: Shape, recipes: Sequence[Mapping[str, Any]], chance: random.Random
) -> Iterator[tuple[str, dict[str, Any]]]:
    names = {layer: [r["name"] for r in recipes if r["layer"] == layer] for layer in LAYERS}
    families = [_family(names, chance) for _ in range(max(1, shape.images // 6))]
    for index in range(shape.images):
        name = f"image-{index:03}"
        own = _some(names["library"], chance.randint(3, 8), chance)
        _write_recipe(root / "apps" / name, _application(f"app-{name}", chance))
        yield (
            name,
            {
                "recipes": [*families[index % len(families)], *own, f"./apps/{name}"],
                "targets": [f"bench-{facts['family']}" for facts in _TARGETS[: shape.targets]],
                "tags": ["${TAG}-{{ target.tag_suffix }}"],
            },
        )


def _family(names: Mapping[str, Sequence[str]], chance: random.Random) -> list[str]:
    parts = {"system": 2, "toolkit": 3, "language": 1, "framework": 3, "library": 4}
    return [name for layer, number in parts.items() for name in _some(names[layer], number, chance)]


def _application(name: str, chance: random.Random) -> dict[str, Any]:
    return {
        "name": name,
        "summary": "Stands for a service",
        "layer": "application",
        "requires": ["python"],
        "install": {"pip": [f"shared-{chance.randrange(20)}"], "files": {"files": "/app"}},
        "runtime": {"entrypoint": ["python3", "-m", "app"], "expose": ["8000"]},
        "test": {"script": "test.py"},
    }


def _some(names: Sequence[str], number: int, chance: random.Random) -> list[str]:
    return chance.sample(list(names), min(number, len(names)))


def _write(path: Path, data: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(dict(data), sort_keys=False))


# ── the lock


def write_lock(root: Path) -> int:
    """Lock two images of three by a made-up resolution of their Python packages; return the number of nodes."""
    from edgebake.graph.compile import compile_workspace
    from edgebake.load.workspace import open_workspace
    from edgebake.model.lock import Lock, LockedBase, LockedImage
    from edgebake.system.atomic import write_file

    compilation = compile_workspace(open_workspace(root))
    images: dict[str, dict[str, LockedImage]] = {}
    for plan in compilation.plans:
        if int(plan.name.removeprefix("image-")) % 3:
            releases = {
                platform: {name: pin.release.version for name, pin in resolution.pins.items()}
                for platform, resolution in plan.resolutions.items()
            }
            locked = LockedImage(releases=releases, python={p: _python(plan, p) for p in plan.resolutions})
            images.setdefault(plan.name, {})[plan.target.name] = locked
    digest = "sha256:" + "0123456789abcdef" * 4
    bases = {target.base.image: LockedBase(digest=digest) for target in compilation.targets.values()}
    lock = Lock(bases=bases, images=images)
    write_file(root / "edgebake.lock", lock.model_dump_json(indent=1, exclude_defaults=True).encode())
    return len(compile_workspace(open_workspace(root)).graph)


def _python(plan: Any, platform: str) -> Any:
    """Return a resolution in which every package asked for needs one more."""
    from packaging.requirements import Requirement

    from edgebake.graph.python_env import resolution_inputs
    from edgebake.model.lock import LockedPython

    installed = plan.resolutions[platform].installed
    line = [plan.views[platform, name] for name in plan.line if name in installed]
    askers: dict[str, list[str]] = {}
    for view in line:
        for text in view.pip:
            askers.setdefault(Requirement(text).name, []).append(f"recipe:{view.pin.name}")
    packages = {}
    for name, asking in sorted(askers.items()):
        packages[name] = _package(name, asking)
        packages[f"{name}-core"] = _package(f"{name}-core", [name])
    return LockedPython(inputs=resolution_inputs(line), packages=packages)


def _package(name: str, via: Sequence[str]) -> Any:
    from edgebake.model.lock import LockedPackage

    hashes = tuple(f"sha256:{hashlib.sha256(f'{name}{i}'.encode()).hexdigest()}" for i in range(4))
    return LockedPackage(requirement=f"{name}==1.9.0", hashes=hashes, via=tuple(via))


def main() -> None:
    folder, nodes, *seed = sys.argv[1:]
    root = Path(folder)
    write_project(root, SHAPES[int(nodes)], int(seed[0]) if seed else 1)
    print(write_lock(root))


if __name__ == "__main__":
    main()
