"""What `uv pip compile` and registries answer, read into the lock; and the lock as a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from edgebake.errors import EdgebakeError
from edgebake.load.workspace import read_lock
from edgebake.lock.locker import render_lock
from edgebake.lock.python_packages import parse_locked
from edgebake.model.lock import Lock, LockedBase, LockedImage, LockedPackage, LockedPython

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64

# As uv 0.13 writes it, with --generate-hashes --annotation-style split --no-header.
UV = f"""\
--index https://download.pytorch.org/whl/cpu

click==8.3.1 \\
    --hash={B} \\
    --hash={A}
    # via
    #   -r app.in
    #   uvicorn
numpy==2.3.1 \\
    --hash={A}
    # via -r numpy.in
torch @ https://example.org/torch-2.1.0-cp310-cp310-linux_aarch64.whl \\
    --hash={A}
    # via -r pytorch.in
typing-extensions==4.15.0 ; python_full_version < '3.13' \\
    --hash={A}
    # via Starlette
uvicorn==0.38.0 \\
    --hash={A}
    # via -r app.in
"""


def test_uvs_output_is_read() -> None:
    packages = parse_locked(UV)
    assert list(packages) == ["click", "numpy", "torch", "typing-extensions", "uvicorn"]
    assert packages["click"] == LockedPackage(
        requirement="click==8.3.1", hashes=(A, B), via=("recipe:app", "uvicorn")
    )
    assert packages["numpy"].via == ("recipe:numpy",)
    assert packages["torch"].requirement == "torch @ https://example.org/torch-2.1.0-cp310-cp310-linux_aarch64.whl"
    assert packages["typing-extensions"].via == ("starlette",)
    assert packages["typing-extensions"].requirement == "typing-extensions==4.15.0 ; python_full_version < '3.13'"


@pytest.mark.parametrize("text", ["", "\n", "# comment\n", "--index-url https://x\n"])
def test_nothing_is_nothing(text: str) -> None:
    assert parse_locked(text) == {}


def test_names_are_normalised_and_extras_dropped() -> None:
    text = f"Foo_Bar[extra]==1 \\\n    --hash={A}\n    # via\n    #   -r a.in\n    #   Other.Name[x]\n"
    packages = parse_locked(text)
    assert list(packages) == ["foo-bar"]
    assert packages["foo-bar"].via == ("other-name", "recipe:a")


def test_a_recipe_with_a_dot_in_its_name_is_found() -> None:
    packages = parse_locked(f"a==1 \\\n    --hash={A}\n    # via -r ros.in.in\n")
    assert packages["a"].via == ("recipe:ros.in",)


# ── the file


def lock() -> Lock:
    python = LockedPython(
        inputs="x", packages={"a": LockedPackage(requirement="a==1", hashes=(A,), via=("recipe:a",))}
    )
    return Lock(
        bases={"debian:12": LockedBase(digest=A, platforms={"linux/amd64": A, "linux/arm64": B})},
        images={"app": {"cpu": LockedImage(releases={"linux/amd64": {"a": "1"}}, python={"linux/amd64": python})}},
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    (tmp_path / "edgebake.lock").write_bytes(render_lock(lock()))
    assert read_lock(tmp_path) == lock()


def test_the_order_in_a_lock_of_an_earlier_version_has_no_effect(tmp_path: Path) -> None:
    old = json.loads(render_lock(lock()))
    old["images"]["app"]["cpu"]["order"] = ["b", "a"]
    (tmp_path / "edgebake.lock").write_text(json.dumps(old))
    assert read_lock(tmp_path) == lock()


def test_it_is_text_with_a_line_for_each_value() -> None:
    text = render_lock(lock()).decode()
    assert text.endswith("}\n")
    assert max(map(len, text.splitlines())) < 120
    assert f'"linux/arm64": "{B}"' in text


def test_a_project_without_a_lock_has_none(tmp_path: Path) -> None:
    assert read_lock(tmp_path) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"version": 2}',
        b'{"unknown": 1}',
        b'{"bases": {"debian": {"digest": "sha256:1"}}}',
        b'{"bases": {"a b": {}}}',
        b'{"git": [{"url": "https://x", "ref": "v1", "commit": "main"}]}',
        b"\xff\xfe",
        b"<<<<<<< HEAD\n",
    ],
)
def test_a_damaged_lock_is_told_with_the_way_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "edgebake.lock").write_bytes(content)
    with pytest.raises(EdgebakeError) as caught:
        read_lock(tmp_path)
    assert caught.value.at is not None
    assert caught.value.at.path == "edgebake.lock"
    assert "edgebake lock" in str(caught.value)


def test_a_digest_is_a_whole_one() -> None:
    with pytest.raises(ValidationError):
        LockedBase(digest="sha256:" + "A" * 64)
