"""Small projects for tests, over a small catalogue of their own, so that no test depends on the built-in recipes.

A recipe is a dict in the shape of recipe.yaml, or just a few words: `recipe("a", requires=["b"])`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebake.graph.compile import Compilation, compile_workspace, plan_images
from edgebake.graph.names import stage_names
from edgebake.graph.node import Node
from edgebake.graph.python_env import resolution_inputs
from edgebake.load.workspace import Workspace, open_workspace
from edgebake.lock.locker import render_lock
from edgebake.model.lock import (
    Lock,
    LockedBase,
    LockedDependency,
    LockedFile,
    LockedImage,
    LockedPackage,
    LockedPython,
)
from edgebake.model.request import Request
from edgebake.pipeline import Compiled, Pipeline, compile_files
from edgebake.plan.builder import Plan
from edgebake.plan.fingerprint import Fingerprint, Fingerprints
from edgebake.plan.history import Finished
from edgebake.plan.journal import Journal
from edgebake.plan.steps import Output

AMD64, ARM64 = "linux/amd64", "linux/arm64"
ALL = Request()
DIGEST = "sha256:" + "1" * 64
DIGESTS = {AMD64: "sha256:" + "a" * 64, ARM64: "sha256:" + "b" * 64}

CPU = {
    "name": "cpu",
    "family": "cpu",
    "summary": "Any machine",
    "platforms": [AMD64, ARM64],
    "base": {"image": "debian:bookworm-slim"},
    "os": "debian:12",
    "python": "3.11",
    "tag_suffix": "cpu",
}
BOARD = {
    "name": "board-1.0",
    "family": "jetpack",
    "summary": "A board",
    "platforms": [ARM64],
    "base": {"image": "ubuntu:22.04"},
    "os": "ubuntu:22.04",
    "jetpack": "6.2",
    "cuda": "12.6",
    "python": "3.10",
    "sm": ["87"],
    "cuda_flavour": "tegra",
    "groups": ["video", "render"],
    "tag_suffix": "b1",
}


def recipe(name: str, **fields: Any) -> dict[str, Any]:
    """Return a recipe in the shape of its file; without a half, one that installs `lib<name>`."""
    if not {"install", "build", "releases"} & fields.keys():
        fields["install"] = {"apt": [f"lib{name}"]}
    return {"name": name, "summary": f"The recipe {name}", **fields}


def needs(name: str, *requires: str, **fields: Any) -> dict[str, Any]:
    """Return a recipe that requires others."""
    return recipe(name, requires=list(requires), **fields)


# What the compiler itself asks for (python and pip-fetch fetch wheels), and a few typical recipes.
CATALOGUE = [
    recipe("python", layer="language", install={"apt": ["python3"]}),
    needs("pip-fetch", "python", layer="language", install={"apt": ["python3-pip"]}),
    needs("numpy", "python", install={"pip": ["numpy==2.3.1"]}),
    recipe("compiler", layer="toolkit", install={"apt": ["build-essential"]}),
    recipe("zlib", layer="system", install={"apt": ["zlib1g"]}, sysroot={"apt": ["zlib1g-dev"]}),
]


def compiled_recipe(name: str, **fields: Any) -> dict[str, Any]:
    """Return a recipe with a build half on the build platform; its script is `build.sh`."""
    build = {"runs_on": "build-platform", "tools": ["compiler"], "script": "build.sh", **fields.pop("build", {})}
    return recipe(name, build=build, install={"artifacts": {"/": "/usr/local"}}, **fields)


@dataclass(frozen=True)
class Project:
    """A project on disk, and the catalogue folder that stands for the built-in one."""

    root: Path
    builtin: Path

    # ── files

    def write(self, files: Mapping[str, str | bytes]) -> Project:
        """Write files below the project's folder; a text that begins with `#!` becomes executable."""
        write_files(self.root, files)
        return self

    def recipe(self, **fields: Any) -> Project:
        """Write a recipe of the project's own below `recipes/`."""
        return self.write({f"recipes/{fields['name']}/recipe.json": json.dumps(fields)})

    def images(self, **images: Any) -> Project:
        """Write edgebake.yaml: images by name, each a list of recipes (for the target cpu) or a whole image."""
        whole = {
            name: value if isinstance(value, dict) else {"recipes": value, "targets": ["cpu"]}
            for name, value in images.items()
        }
        return self.write({"edgebake.yaml": json.dumps({"images": whole}, ensure_ascii=False)})

    def set(self, **fields: Any) -> Project:
        """Write fields into edgebake.yaml, over what `images` wrote."""
        data = json.loads((self.root / "edgebake.yaml").read_text())
        return self.write({"edgebake.yaml": json.dumps({**data, **fields}, ensure_ascii=False)})

    # ── compiling

    def open(self) -> Workspace:
        return open_workspace(self.root, builtin=self.builtin)

    def compile(self) -> Compilation:
        return compile_workspace(self.open())

    def compiled(self) -> Compiled:
        return compile_files(self.open())

    def files(self) -> dict[str, str]:
        """Return the texts of the generated files that are not written yet, by path below the output folder."""
        output = self.open().project.output
        files = {change.path: change.new for change in self.compiled().tree.changes() if change.new is not None}
        return {path.removeprefix(f"{output}/"): content.decode() for path, content in files.items()}

    def dockerfile(self, target: str = "cpu") -> str:
        return self.files()[f"{target}/Dockerfile"]

    def stages(self, target: str = "cpu") -> list[str]:
        return stage_list(self.dockerfile(target))

    # ── the lock

    def lock(
        self,
        packages: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
        *,
        only: Callable[[str, str], Mapping[str, Mapping[str, Sequence[str]]] | None] | None = None,
        refresh: int = 0,
        digests: Mapping[str, str] = DIGESTS,
    ) -> Lock:
        """Write a lock as `edgebake lock` would.

        Args:
            packages: by recipe, its Python packages (`numpy==2.3.1`), each with who else asks for it.
            only: returns other packages for an image and platform, or None for `packages`.
        """
        workspace = self.open()
        images: dict[str, dict[str, LockedImage]] = {}
        bases = {}
        for plan in plan_images(workspace):
            name, target = plan.name, plan.target
            bases[target.base.image] = LockedBase(
                digest=DIGEST,
                platforms={p: digests[p] for p in sorted(set(target.platforms) & digests.keys())},
            )
            python = {}
            for platform, resolution in plan.resolutions.items():
                line = [plan.views[platform, one] for one in plan.line if one in resolution.installed]
                if any(view.pip for view in line):
                    own = only(name, platform) if only else None
                    found = locked_packages(own if own is not None else packages or {}, resolution.installed)
                    python[platform] = LockedPython(inputs=resolution_inputs(line), packages=found)
            releases = {
                platform: {one: pin.release.version for one, pin in sorted(resolution.pins.items())}
                for platform, resolution in plan.resolutions.items()
            }
            images.setdefault(name, {})[target.name] = LockedImage(releases=releases, python=python)
        lock = Lock(refresh=refresh, bases=bases, images=images)
        (self.root / "edgebake.lock").write_bytes(render_lock(lock))
        return lock

    # ── fingerprints and plans

    def fingerprints(self, image: str = "app", target: str = "cpu") -> dict[tuple[str, str], Fingerprint]:
        """Return the fingerprints of an image's stages by what the stage is (kind and label) and platform."""
        compilation = self.compile()
        fingerprints = Fingerprints(compilation)
        graph = compilation.graph
        ends = [one.stage for one in graph.bake_targets if (one.image, one.target) == (image, target)]
        return {
            (f"{node.kind} {node.label}", platform): fingerprints.of(node, platform)
            for node in graph.needed_by(target, ends)
            for platform in node.bodies
        }

    def pipeline(self, request: Request = ALL) -> Pipeline:
        return Pipeline(self.root, request, opened=lambda start, asked: self.open())

    def plan(self, request: Request = ALL, *, output: Output = "cache", test: bool = False) -> Plan:
        return self.pipeline(request).plan(output=output, test=test)

    def built(self, request: Request = ALL) -> Plan:
        """Remember all that a plan would build as built, as the executor does."""
        self.compiled().tree.write()
        plan = self.plan(request)
        for target in plan.targets:
            name = target.bake_target.name
            finished = Finished(name, target.platforms, "cache", "run", "2026-01-01T00:00:00Z")
            stages = {platform: plan.stage_records(name, platform) for platform in target.platforms}
            Journal(self.root).add("finished", **finished.as_data(stages))
        return plan


def locked_package(name: str, version: str, *dependencies: str) -> LockedPackage:
    """Return a package as the lock has it, with a wheel that does not exist."""
    url = f"https://files.example.org/{name.replace('-', '_')}-{version}-py3-none-any.whl"
    wheel = LockedFile(url=url, size=1000, hashes={"sha256": "5" * 64})
    needed = tuple(LockedDependency(name=one) for one in sorted(dependencies))
    return LockedPackage(
        name=name, version=version, index="https://pypi.org/simple", dependencies=needed, wheels=(wheel,)
    )


def locked_packages(
    packages: Mapping[str, Mapping[str, Sequence[str]]], installed: Sequence[str]
) -> tuple[LockedPackage, ...]:
    """Return packages of recipes; each is written as `name==version`, with the packages that need it."""
    own = {
        text: askers for owner, texts in packages.items() if owner in installed for text, askers in texts.items()
    }
    names = [text.partition("==")[0] for text in own]
    needs = {name: [n for n, askers in zip(names, own.values(), strict=True) if name in askers] for name in names}
    pairs = (text.partition("==") for text in own)
    found = [locked_package(name, version, *needs[name]) for name, _, version in pairs]
    return tuple(sorted(found, key=lambda package: package.name))


def make_project(
    folder: Path,
    files: Mapping[str, str | bytes] | None = None,
    *,
    catalogue: Sequence[Mapping[str, Any]] = CATALOGUE,
    targets: Sequence[Mapping[str, Any]] = (CPU, BOARD),
) -> Project:
    """Write a project, and beside it the catalogue that it compiles with."""
    builtin = folder / "catalogue"
    for one in catalogue:
        write_files(builtin / "recipes" / one["name"], {"recipe.json": json.dumps(one)})
    for target in targets:
        write_files(builtin / "targets", {f"{target['name']}.json": json.dumps(target)})
    root = folder / "project"
    root.mkdir()
    return Project(root, builtin).write(files or {})


def line_of_five(folder: Path) -> Project:
    """Write and remember as built: the image base → python → a → b → c → d.

    b needs a, and d needs a and python; a has a build half, b a Python package, and c an install script.
    """
    project = make_project(folder)
    project.recipe(**compiled_recipe("a", requires=["python"]))
    project.recipe(**needs("b", "a", install={"pip": ["b"], "apt": ["libb"]}))
    project.recipe(**recipe("c", install={"script": "install.sh"}))
    project.recipe(**needs("d", "a", "python", layer="application", install={"files": {"app": "/app"}}))
    project.write(
        {
            "recipes/a/build.sh": "make\n",
            "recipes/c/install.sh": "true\n",
            "recipes/d/app/main.py": "print()\n",
        }
    )
    project.images(app=["a", "b", "c", "d"])
    project.lock({"b": {"b==1.0": []}})
    project.built()
    return project


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        place.write_bytes(data)
        place.chmod(0o755 if data.startswith(b"#!") else 0o644)


def stage_list(dockerfile: str) -> list[str]:
    """Return a Dockerfile's stages as `name < what it is FROM`."""
    found = re.findall(r"^FROM (.+) AS (\S+)$", dockerfile, re.MULTILINE)
    return [f"{name} < {source}" for source, name in found]


def stage_text(dockerfile: str, name: str) -> str:
    """Return the instructions of one stage."""
    match = re.search(rf"^FROM .+ AS {re.escape(name)}\n(.*?)(?=^(?:# ──|FROM)|\Z)", dockerfile, re.M | re.S)
    assert match is not None, f"no stage {name} in\n{dockerfile}"
    return match[1].strip()


def nodes_by_name(compilation: Compilation, target: str = "cpu") -> dict[str, Node]:
    nodes = compilation.graph.of_target(target)
    names = stage_names(nodes)
    return {names[node.id]: node for node in nodes}


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return every file below a folder with its permission bits and bytes."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {os.fspath(path.relative_to(folder)): (path.stat().st_mode & 0o777, path.read_bytes()) for path in paths}
