"""Projects whose Python packages come from stand-in indexes, and `edgebake lock` on them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from integration.forked import Done, forked
from integration.projects import CATALOGUE, CPU, needs, write_files
from integration.wheel_index import Index

EDGEBAKE = Path(sys.executable).with_name("edgebake")
PINNED = "debian:bookworm-slim@sha256:" + "1" * 64
NOWHERE = "http://127.0.0.1:1/simple"


def locking_project(folder: Path, *recipes: dict[str, Any], images: Mapping[str, list[str]] | None = None) -> Path:
    """Write a project whose target `here` has a pinned base image, and return its folder.

    Args:
        folder: where; the project is in a folder below it.
        recipes: its recipes, next to the usual ones.
        images: images and their recipes; one with all of `recipes` if there are none.
    """
    root = folder / "project"
    every = {one["name"]: one for one in (*CATALOGUE, *recipes)}
    write_files(root, {f"recipes/{name}/recipe.json": json.dumps(one) for name, one in every.items()})
    target = {**CPU, "name": "here", "tag_suffix": "here", "base": {"image": PINNED}}
    write_files(root, {"targets/here.json": json.dumps(target)})
    return write_images(root, **(images or {"app": [one["name"] for one in recipes]}))


def write_images(root: Path, **images: list[str]) -> Path:
    data = {name: {"recipes": recipes, "targets": ["here"]} for name, recipes in images.items()}
    write_files(root, {"edgebake.yaml": json.dumps({"images": data})})
    return root


def asking(name: str, *pip: str, index: str | list[str] = (), **fields: Any) -> dict[str, Any]:  # type: ignore[assignment]
    """Return a recipe that asks for Python packages."""
    install = {"pip": list(pip), **({"pip_index": index} if index else {})}
    return needs(name, "python", install=install, **fields)


def run(root: Path, *arguments: str, code: int = 0, index: Index | None = None, **variables: str) -> Done:
    """Run edgebake with a stand-in for the default index; without one, that cannot be reached."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_", "EDGEBAKE_"))}
    uv = {
        "UV_DEFAULT_INDEX": index.url if index else NOWHERE,
        "UV_CACHE_DIR": str(root.parent / "uv-cache"),
        "UV_HTTP_TIMEOUT": "5",
        "UV_HTTP_RETRIES": "0",
    }
    done = forked(root, list(arguments), {**kept, **uv, **variables})
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, done.stdout + done.stderr
    return done


def locked(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "edgebake.lock").read_text())
    return found


def package_entries(root: Path, image: str = "app", platform: str = "linux/amd64") -> list[dict[str, Any]]:
    """Return the locked packages as the lock has them."""
    found: list[dict[str, Any]] = locked(root)["images"][image]["here"]["python"][platform]["packages"]
    return found


def packages(root: Path, image: str = "app", platform: str = "linux/amd64") -> dict[str, str]:
    """Return the locked versions by package."""
    return {package["name"]: package["version"] for package in package_entries(root, image, platform)}
