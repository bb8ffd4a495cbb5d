"""Files that a checkout leaves incomplete or changed are found before a build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgebake.errors import EdgebakeError
from edgebake.load.scaffold import make_project as make_new_project
from integration.projects import Project, compiled_recipe, make_project, recipe

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 12884901\n"


def app(folder: Path, files: dict[str, str | bytes], **fields: Any) -> Project:
    """A project with the image `app` of one recipe with files."""
    made = make_project(folder)
    made.recipe(**recipe("app", **fields)).write({f"recipes/app/{path}": text for path, text in files.items()})
    return made.images(app=["app"])


def refusal(project: Project) -> str:
    """Return why the project is refused; "" if it is not."""
    try:
        project.compiled()
    except EdgebakeError as error:
        return str(error)
    return ""


# ── git-lfs


def test_a_pointer_of_git_lfs_is_not_shipped(tmp_path: Path) -> None:
    files = {"models/a.onnx": POINTER, "models/b.onnx": b"\x08\x07" + POINTER}
    message = refusal(app(tmp_path, files, install={"files": {"models": "/app/models"}}))
    assert "recipes/app/models/a.onnx: the file is a pointer of git-lfs" in message
    assert "git lfs pull" in message
    assert "b.onnx" not in message


def test_a_pointer_that_is_not_sent_is_of_no_matter(tmp_path: Path) -> None:
    files = {"models/a.onnx": POINTER, "models/b.txt": "b", ".dockerignore": "**/*.onnx\n"}
    assert refusal(app(tmp_path, files, install={"files": {"models": "/app/models"}})) == ""


def test_a_pointer_in_a_source_and_in_a_test_s_files(tmp_path: Path) -> None:
    made = make_project(tmp_path)
    build = {"sources": [{"path": "src"}]}
    made.recipe(**compiled_recipe("app", build=build, test={"script": "t.sh", "files": ["data"]}))
    files = {"build.sh": "true\n", "t.sh": "true\n", "src/a.bin": POINTER, "data/b.bin": POINTER}
    made.write({f"recipes/app/{path}": text for path, text in files.items()}).images(app=["app"])
    message = refusal(made)
    assert "src/a.bin" in message
    assert "data/b.bin" in message


# ── submodules


@pytest.mark.parametrize("path", ["third_party/fmt", "third_party", "third_party/fmt/include"])
@pytest.mark.parametrize("empty", [True, False])
def test_a_submodule_that_is_not_there(path: str, empty: bool, tmp_path: Path) -> None:
    made = make_project(tmp_path)
    made.recipe(**compiled_recipe("app", build={"sources": [{"path": path}]}))
    made.write({"recipes/app/build.sh": "true\n", "recipes/app/third_party/other": ""}).images(app=["app"])
    module = '[submodule "fmt"]\n\tpath = recipes/app/third_party/fmt\n\turl = https://example.com/fmt.git\n'
    made.write({".gitmodules": module})
    if empty:
        (made.root / "recipes/app/third_party/fmt").mkdir()
    message = refusal(made)
    assert "the git submodule 'recipes/app/third_party/fmt' is not checked out" in message
    assert "git submodule update --init --recursive" in message
    made.write({"recipes/app/third_party/fmt/include/fmt.h": ""})
    assert refusal(made) == ""


def test_a_submodule_of_the_repository_above_the_project_and_one_that_nothing_needs(tmp_path: Path) -> None:
    made = make_project(tmp_path)
    above = made.root.parent / ".gitmodules"
    made.recipe(**compiled_recipe("app", build={"sources": [{"path": "fmt"}]}))
    made.write({"recipes/app/build.sh": "true\n", "recipes/app/fmt/.keep": ""}).images(app=["app"])
    (made.root / "recipes/app/fmt/.keep").unlink()
    above.write_text(f'[submodule "a"]\n path = {made.root.name}/recipes/app/fmt\n')
    assert "is not checked out" in refusal(made)
    above.write_text(f'[submodule "a"]\n path = {made.root.name}/docs/theme\n')
    assert refusal(made) == ""


# ── line ends


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("start.sh", b"#!/bin/bash\r\necho hi\r\n", True),
        ("start", b"#!/usr/bin/env bash\necho hi\r\n", True),
        ("start", b"#!/usr/bin/env python3\r\nprint()\r\n", True),
        ("lib.sh", b"f() { :; }\r\n", True),
        ("app.py", b"print()\r\n", False),
        ("start", b"#!/usr/bin/env python3\nprint('''\r\n''')\n", False),
        ("notes.txt", b"hello\r\n", False),
        ("logo.png", b"\x89PNG\r\n\x1a\n", False),
        ("start.sh", b"#!/bin/bash\necho hi\n", False),
    ],
)
def test_windows_line_ends_in_programs(name: str, text: bytes, found: bool, tmp_path: Path) -> None:
    message = refusal(app(tmp_path, {name: text}, install={"files": {name: "/app/"}}))
    assert (f"recipes/app/{name}:1:1: the script has Windows line ends (CRLF)" in message) is found
    assert (message != "") is found


def test_windows_line_ends_in_what_bash_runs(tmp_path: Path) -> None:
    made = make_project(tmp_path)
    install = {"script": "install", "artifacts": {"/": "/usr/local"}}
    fields = {**compiled_recipe("app", build={"script": "compile"}, test={"script": "t.sh"}), "install": install}
    crlf = b"mkdir -p $OUT/x\r\n"
    made.recipe(**fields).write({f"recipes/app/{name}": crlf for name in ("install", "compile", "t.sh")})
    message = refusal(made.images(app=["app"]))
    for name in ("install", "compile", "t.sh"):
        assert f"recipes/app/{name}:1:1: the script has Windows line ends" in message


def test_generated_files_may_have_any_line_ends(tmp_path: Path) -> None:
    """As a checkout with core.autocrlf leaves them: nothing counts as hand-edited, and a build gets Unix' own."""
    made = app(tmp_path, {"a.txt": "1\n"}, install={"files": {"a.txt": "/app/"}})
    made.compiled().tree.write()
    files = [path for path in (made.root / "bake").rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    for path in files:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    changes = made.compiled().tree.changes()
    assert changes
    assert all(change.kind == "modified" and change.only_line_ends for change in changes)
    made.compiled().tree.write()
    assert {path: path.read_bytes() for path in files} == before

    dockerfile = made.root / "bake/cpu/Dockerfile"
    dockerfile.write_bytes(dockerfile.read_bytes().replace(b"\n", b"\r\n") + b"RUN edited\r\n")
    (edited,) = made.compiled().tree.changes()
    assert edited.kind == "hand-edited"
    assert not edited.only_line_ends


def test_a_new_project_keeps_unix_line_ends(tmp_path: Path) -> None:
    assert ".gitattributes" in make_new_project(tmp_path / "new", "cpu")
    assert "* text=auto eol=lf" in (tmp_path / "new/.gitattributes").read_text()


# ── exec bits


@pytest.mark.parametrize(
    ("files", "runtime", "found"),
    [
        ({"start.sh": "/app/"}, {"cmd": ["/app/start.sh"]}, True),
        ({"start.sh": "/app/run"}, {"entrypoint": ["/app/run"], "cmd": ["x"]}, True),
        ({"bin": "/app/bin"}, {"cmd": ["/app/bin/tool", "-v"]}, True),
        ({"start.sh": "/app/"}, {"cmd": ["./start.sh"], "workdir": "/app"}, True),
        ({"start.sh": "/app/"}, {"healthcheck": {"cmd": ["/app/start.sh"]}}, True),
        ({"start.sh": "/app/"}, {"cmd": ["bash", "/app/start.sh"]}, False),
        ({"start.sh": "/app/"}, {"entrypoint": ["python3"], "cmd": ["/app/start.sh"]}, False),
        ({"start.sh": "/app/"}, {"cmd": ["/usr/bin/other"]}, False),
    ],
)
def test_a_program_without_its_exec_bit(
    files: dict[str, str], runtime: dict[str, Any], found: bool, tmp_path: Path
) -> None:
    made = app(tmp_path, {"start.sh": "true\n", "bin/tool": "x"}, install={"files": files}, runtime=runtime)
    message = refusal(made)
    assert ("is not executable" in message) is found
    for path in ("start.sh", "bin/tool"):
        (made.root / "recipes/app" / path).chmod(0o755)
    assert refusal(made) == ""


def test_a_script_that_sets_modes_and_an_image_s_own_runtime(tmp_path: Path) -> None:
    install = {"files": {"start.sh": "/app/"}, "script": "install.sh"}
    made = app(tmp_path, {"start.sh": "true\n", "install.sh": "chmod +x /app/start.sh\n"}, install=install)
    image = {"recipes": ["app"], "targets": ["cpu"], "runtime": {"cmd": ["/app/start.sh"]}}
    assert refusal(made.images(app=image)) == ""
    made.write({"recipes/app/install.sh": "true\n"})
    assert "the program /app/start.sh of the image 'app' is not executable" in refusal(made)
