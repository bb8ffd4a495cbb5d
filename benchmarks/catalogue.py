"""A project with every recipe of the built-in catalogue on every target where it can be had."""

from __future__ import annotations

import json
from pathlib import Path

from edgebake.lint.subject import recipes_subject
from edgebake.load.workspace import open_workspace


def write_catalogue_project(folder: Path) -> int:
    """Write an edgebake.yaml with an image for each recipe; return the number of pairs of image and target.

    Args:
        folder: an empty folder.
    """
    found = recipes_subject(open_workspace(folder, need_project=False))
    images = {
        name: {"recipes": list(image.recipes), "targets": list(image.targets)}
        for name, image in found.workspace.project.images.items()
    }
    (folder / "edgebake.yaml").write_text(json.dumps({"images": images}, indent=1))
    return len(found.plans)
