"""What a target is, as data and as text."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from edgebake.inspect.show_recipe import fields
from edgebake.load.boards import load_boards
from edgebake.load.catalogue import LoadedTarget
from edgebake.load.words import told_path
from edgebake.load.workspace import Workspace

Data = dict[str, Any]

_FACTS = ("l4t", "jetpack", "cuda", "cudnn", "tensorrt", "python", "cuda_flavour", "memory", "board", "driver")


def target_data(workspace: Workspace, loaded: LoadedTarget) -> Data:
    """Return a target as `show --json` prints it.

    Raises:
        EdgebakeError: a board's file is wrong.
    """
    target = loaded.target
    boards = load_boards(workspace.catalogue)
    return {
        "name": target.name,
        "summary": target.summary,
        "family": target.family,
        "file": told_path(loaded.document.shown),
        "platforms": list(target.platforms),
        "base": target.base.model_dump(mode="json"),
        "os": target.os,
        "glibc": target.glibc,
        **{name: getattr(target, name) for name in _FACTS},
        "sm": list(target.sm),
        "host_libraries": target.host_libraries,
        "groups": list(target.groups),
        "tag_suffix": target.tag_suffix,
        "boards": [name for name, one in boards.items() if not one.board.refusal(target)],
        "sources": list(target.sources),
        "images": sorted(_images_on(workspace, target.name)),
    }


def _images_on(workspace: Workspace, target: str) -> Iterator[str]:
    for name, image in workspace.project.images.items():
        if any(fnmatchcase(target, pattern) for pattern in image.targets):
            yield name


def target_text(data: Data) -> Iterator[str]:
    """Yield a target's lines for people."""
    yield f"{data['name']} (target): {data['summary']}"
    base = data["base"]
    yield from fields(
        [
            ("family", data["family"]),
            ("file", data["file"]),
            ("platforms", ", ".join(data["platforms"])),
            ("base image", base["image"] + (f" ({base['native']} where it builds)" if base["native"] else "")),
            ("it brings", ", ".join(base["provides"])),
            ("system", f"{data['os']}, glibc {data['glibc']}"),
            *((name.replace("_", " "), data[name]) for name in _FACTS),
            ("sm", ", ".join(data["sm"])),
            ("host brings", "CUDA, cuDNN, TensorRT" if data["host_libraries"] else ""),
            ("groups", ", ".join(data["groups"])),
            ("tag suffix", data["tag_suffix"]),
            ("boards", ", ".join(data["boards"])),
            ("images", ", ".join(data["images"])),
        ]
    )
    if data["sources"]:
        yield "  sources"
        yield from (f"    {source}" for source in data["sources"])
