"""The committed examples are what edgebake writes now."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgebake.load.workspace import open_workspace
from edgebake.pipeline import compile_files

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/edgebake.yaml"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_compiles_to_the_committed_bytes(example: Path, tmp_path: Path) -> None:
    shutil.copytree(example, tmp_path / "copy", ignore=shutil.ignore_patterns(".edgebake", "bake", "__pycache__"))
    compile_files(open_workspace(tmp_path / "copy")).tree.write()
    assert _bytes(tmp_path / "copy/bake") == _bytes(example / "bake"), "run scripts/update-examples"


def test_the_example_bake_file_at_the_top_is_the_example_s() -> None:
    text = (ROOT / "docker-bake.hcl.example").read_text()
    body = "".join(text.splitlines(keepends=True)[2:])
    assert body == (ROOT / "examples/detection-service/bake/docker-bake.hcl").read_text(), (
        "run scripts/update-examples"
    )


def _bytes(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
