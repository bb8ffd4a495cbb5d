"""What uv resolves, read into the lock; and the lock as a file, which is checked before anything believes it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from edgebake.errors import EdgebakeError
from edgebake.load.workspace import read_lock
from edgebake.lock.locker import render_lock
from edgebake.lock.pylock import locked_packages, parse_requirements
from edgebake.model.lock import (
    Lock,
    LockedBase,
    LockedDependency,
    LockedFile,
    LockedImage,
    LockedPackage,
    LockedPython,
)
from integration.projects import locked_package

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
SHA256 = {"sha256": "a" * 64}

# As uv 0.13 writes it, with --generate-hashes --annotation-style split --emit-index-annotation --no-header.
UV = f"""\
--index https://download.pytorch.org/whl/cpu

click==8.3.1 \\
    --hash={B} \\
    --hash={A}
    # via
    #   edgebake-recipe-0 (r0/pyproject.toml)
    #   uvicorn[standard]
    # from https://pypi.org/simple
numpy==2.3.1 \\
    --hash={A}
    # via edgebake-recipe-1 (r1/pyproject.toml)
    # from https://pypi.org/simple
torch @ https://example.org/torch-2.1.0-cp310-cp310-linux_aarch64.whl \\
    --hash={A}
    # via edgebake-recipe-2 (r2/pyproject.toml)
typing-extensions==4.15.0 ; python_full_version < '3.13' \\
    --hash={A}
    # via Starlette
    # from https://pypi.org/simple
uvicorn==0.38.0 \\
    --hash={A}
    # via edgebake-recipe-0 (r0/pyproject.toml)
    # from https://me:secret@packages.example.org/simple
"""


def test_uvs_requirements_are_read() -> None:
    packages = parse_requirements(UV)
    assert list(packages) == ["click", "numpy", "torch", "typing-extensions", "uvicorn"]
    assert (packages["click"].requirement, packages["click"].needed_by) == ("click==8.3.1", {"uvicorn"})
    assert packages["numpy"].needed_by == set()
    assert packages["torch"].index is None
    assert packages["typing-extensions"].needed_by == {"starlette"}
    assert packages["typing-extensions"].requirement == "typing-extensions==4.15.0"


@pytest.mark.parametrize("text", ["", "\n", "# comment\n", "--index-url https://x\n"])
def test_nothing_is_nothing(text: str) -> None:
    assert parse_requirements(text) == {}


def test_a_package_has_its_index_files_and_dependencies_and_no_credentials() -> None:
    url = "https://me:secret@packages.example.org/files/uvicorn-0.38.0-py3-none-any.whl#sha256=1"
    wheel = {"url": url, "size": 7, "hashes": {**SHA256, "md5": "0"}}
    pylock = {
        "packages": [
            {"name": "uvicorn", "version": "0.38.0", "wheels": [wheel]},
            {
                "name": "Click",
                "version": "8.3.1",
                "wheels": [{**wheel, "url": "https://x/click-8.3.1-py3-none-any.whl"}],
            },
        ]
    }
    click, uvicorn = locked_packages(pylock, parse_requirements(UV))
    assert (click.name, click.index, click.dependencies) == ("click", "https://pypi.org/simple", ())
    assert uvicorn == LockedPackage(
        name="uvicorn",
        version="0.38.0",
        index="https://packages.example.org/simple",
        dependencies=(LockedDependency(name="click"),),
        wheels=(
            LockedFile(
                url="https://packages.example.org/files/uvicorn-0.38.0-py3-none-any.whl", size=7, hashes=SHA256
            ),
        ),
    )


def test_a_wheel_of_the_project_is_a_path_in_it_and_one_of_this_machine_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "wheels/numpy-2.3.1-py3-none-any.whl"
    wheel.parent.mkdir()
    wheel.write_bytes(b"1234")
    files = [
        {"url": wheel.as_uri(), "hashes": SHA256},
        {"url": f"https://example.org/{wheel.name}", "hashes": SHA256},
    ]
    pylock = {"packages": [{"name": "numpy", "version": "2.3.1", "wheels": files}]}
    pinned = parse_requirements(UV)
    (own,) = locked_packages(pylock, pinned, (wheel.parent, "wheels"))
    assert own.wheels == (LockedFile(path=f"wheels/{wheel.name}", size=4, hashes=SHA256),)
    (other,) = locked_packages(pylock, pinned, (tmp_path / "other", "other"))
    assert other.wheels == (LockedFile(url=f"https://example.org/{wheel.name}", hashes=SHA256),)
    with pytest.raises(EdgebakeError, match="a folder of this machine"):
        locked_packages({"packages": [{**pylock["packages"][0], "wheels": files[:1]}]}, pinned)


# ── the file


def lock() -> Lock:
    python = LockedPython(inputs="x", packages=(locked_package("a", "1", "b"), locked_package("b", "2")))
    return Lock(
        bases={"debian:12": LockedBase(digest=A, platforms={"linux/amd64": A, "linux/arm64": B})},
        images={"app": {"cpu": LockedImage(releases={"linux/amd64": {"a": "1"}}, python={"linux/amd64": python})}},
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    (tmp_path / "edgebake.lock").write_bytes(render_lock(lock()))
    assert read_lock(tmp_path) == lock()


def test_a_lock_of_another_version_is_refused_with_the_way_out(tmp_path: Path) -> None:
    data = json.loads(render_lock(lock()))
    for old in ({**data, "version": 1}, {key: value for key, value in data.items() if key != "version"}):
        (tmp_path / "edgebake.lock").write_text(json.dumps(old))
        with pytest.raises(EdgebakeError, match="another version of edgebake") as caught:
            read_lock(tmp_path)
        assert caught.value.hints == ("pin everything again: delete the file, and run edgebake lock",)


def test_a_folder_or_a_pipe_in_its_place_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "edgebake.lock"
    place.mkdir()
    with pytest.raises(EdgebakeError, match="the lock is not a file"):
        read_lock(tmp_path)
    place.rmdir()
    os.mkfifo(place)
    with pytest.raises(EdgebakeError, match="the lock is not a file"):
        read_lock(tmp_path)
    place.unlink()
    place.symlink_to(tmp_path / "nothing")
    with pytest.raises(EdgebakeError, match="cannot read the file"):
        read_lock(tmp_path)


def test_it_is_text_with_a_line_for_each_value() -> None:
    text = render_lock(lock()).decode()
    assert text.endswith("}\n")
    assert max(map(len, text.splitlines())) < 120
    assert '        "dependencies": [\n         {"name": "b"}\n        ],\n' in text
    assert f'"linux/arm64": "{B}"' in text


def test_a_project_without_a_lock_has_none(tmp_path: Path) -> None:
    assert read_lock(tmp_path) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"version": 2, "bases": []}',
        b'{"version": 2, "unknown": 1}',
        b'{"version": 2, "bases": {"debian": {"digest": "sha256:1"}}}',
        b'{"version": 2, "bases": {"a b": {}}}',
        b'{"version": 2, "git": [{"url": "https://x", "ref": "v1", "commit": "main"}]}',
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


WHEEL = {"url": "https://example.org/a-1-py3-none-any.whl", "hashes": SHA256}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": "a @ http://example.org/x"}, "is not the normalised name"),
        ({"name": "A"}, "is not the normalised name"),
        ({"name": "a\n--index-url http://x"}, "is not the normalised name"),
        ({"version": "1\n--index-url http://x"}, "is not a version"),
        ({"version": "1 --hash=sha256:0"}, "is not a version"),
        ({"index": "https://me:secret@example.org/simple"}, "user name or a password"),
        ({"index": "file:///home/me/index"}, "is not a plain web address"),
        ({"dependencies": [{"name": "b c"}]}, "is not the normalised name"),
        ({"wheels": []}, "either wheels or an archive"),
        ({"archive": WHEEL}, "either wheels or an archive"),
        ({"wheels": [{**WHEEL, "hashes": {}}]}, "at least 1 item"),
        ({"wheels": [{**WHEEL, "hashes": {"sha256": "1"}}]}, "is not a digest"),
        ({"wheels": [{**WHEEL, "hashes": {"md5": "1" * 64}}]}, "sha256"),
        ({"wheels": [{**WHEEL, "url": "https://example.org/a-2-py3-none-any.whl"}]}, "is not a wheel of a 1"),
        ({"wheels": [{**WHEEL, "url": "https://example.org/b-1-py3-none-any.whl"}]}, "is not a wheel of a 1"),
        ({"wheels": [{**WHEEL, "url": "https://example.org/a-1.tar.gz"}]}, "is not the name of a wheel"),
        ({"wheels": [{**WHEEL, "url": "https://example.org/\n--pre/a-1-py3-none-any.whl"}]}, "plain web address"),
        ({"wheels": [{**WHEEL, "url": "https://me@example.org/a-1-py3-none-any.whl"}]}, "user name or a password"),
        ({"wheels": [{**WHEEL, "url": 'https://example.org/">/a-1-py3-none-any.whl'}]}, "plain web address"),
        ({"wheels": [{**WHEEL, "url": "file:///tmp/a-1-py3-none-any.whl"}]}, "plain web address"),
        ({"wheels": [{"path": "/tmp/a-1-py3-none-any.whl", "hashes": SHA256}]}, "relative path"),
        ({"wheels": [{"path": "../a-1-py3-none-any.whl", "hashes": SHA256}]}, "relative path"),
        ({"wheels": [{**WHEEL, "path": "a-1-py3-none-any.whl"}]}, "either a url or a path"),
        ({"wheels": [{**WHEEL, "size": -1}]}, "greater than or equal to 0"),
        ({"requirement": "a==1"}, "Extra inputs"),
    ],
)
def test_what_could_install_something_else_is_refused(change: dict[str, Any], problem: str) -> None:
    good: dict[str, Any] = {"name": "a", "version": "1", "wheels": [WHEEL]}
    assert LockedPackage.model_validate(good).files[0].filename == "a-1-py3-none-any.whl"
    with pytest.raises(ValidationError) as caught:
        LockedPackage.model_validate({**good, **change})
    assert problem in str(caught.value)


def test_a_package_is_listed_once() -> None:
    with pytest.raises(ValidationError, match="is listed twice"):
        LockedPython(inputs="x", packages=(locked_package("a", "1"), locked_package("a", "2")))


def test_a_lock_is_complete_if_everything_in_it_is_pinned() -> None:
    whole = lock()
    assert whole.is_complete
    assert not whole.model_copy(update={"bases": {"debian:12": LockedBase(reason="no")}}).is_complete
    python = {"linux/amd64": LockedPython(inputs="x", reason="no")}
    image = LockedImage(releases={}, python=python)
    assert not whole.model_copy(update={"images": {"app": {"cpu": image}}}).is_complete
