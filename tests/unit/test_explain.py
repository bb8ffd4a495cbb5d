"""The plan as a person reads it: whole texts, as they stand on the terminal."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from edgebake.cli.format.plan import text as plan_text
from edgebake.model.request import Request
from edgebake.pipeline import Pipeline
from edgebake.plan.builder import bake_command
from edgebake.plan.scope import Scope
from integration.projects import (
    ALL,
    AMD64,
    ARM64,
    BOARD,
    CATALOGUE,
    Project,
    compiled_recipe,
    line_of_five,
    make_project,
    needs,
    recipe,
    write_files,
)


@pytest.fixture
def line(tmp_path: Path) -> Project:
    return line_of_five(tmp_path)


def text(project: Project, selection: Request = ALL) -> str:
    return plan_text(project.plan(selection)) + "\n"


def expected(block: str) -> str:
    return dedent(block).lstrip("\n")


def test_a_project_that_was_never_built(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    project.recipe(**compiled_recipe("a")).write({"recipes/a/build.sh": "make\n"}).images(app=["a", "python"])
    assert text(project) == expected(
        """
        app · cpu (linux/amd64, linux/arm64)
          + base         debian:bookworm-slim
          + build tools  compiler  new
          + python 3.11  install  new
          + a            build, install  new
          + image        localhost:5000/app:${TAG}-cpu
          2 stages run on each of linux/amd64 and linux/arm64 (native or emulated), 3 on the build platform

        Notes:
          cpu: the base image debian:bookworm-slim is not pinned: not locked yet (edgebake lock)

        Plan: 1 build stage, 2 install stages, 1 image; 0 stages up to date.
        Committed files: 4 to write (bake/cpu/Dockerfile, bake/docker-bake.hcl, bake/context/edgebake/run-build.sh and 1 more); edgebake compile writes them.
        Run: edgebake bake
        """
    )


def test_a_project_with_nothing_to_do(line: Project) -> None:
    assert text(line) == expected(
        """
        app · cpu (linux/amd64, linux/arm64)
          = base         debian:bookworm-slim@sha256:111111111111…
          = build tools  compiler, python 3.11, pip-fetch
          = python 3.11  up to date
          = a            up to date
          = b            up to date
          = c            up to date
          = d            up to date
          = image        up to date

        Plan: nothing to build; 15 stages up to date.
        Committed files: up to date.
        """
    )


def test_a_build_half_that_changed(line: Project) -> None:
    line.write({"recipes/a/build.sh": "make all\n"})
    assert text(line) == expected(
        """
        app · cpu (linux/amd64, linux/arm64)
          = base         debian:bookworm-slim@sha256:111111111111…
          = build tools  compiler, python 3.11, pip-fetch
          = python 3.11  up to date
          ~ a            build, install  changed: file recipes/a/build.sh
          ~ b            install  because a changed; wheels up to date
          ~ c            reinstalled: it comes after b, which changed
          ~ d            install  because a changed
          ~ image        localhost:5000/app:${TAG}-cpu
          2 stages run on each of linux/amd64 and linux/arm64 (native or emulated), 1 on the build platform

        Plan: 1 build stage, 4 install stages, 1 image; 8 stages up to date.
        Committed files: up to date.
        Run: edgebake bake
        """
    )


def row(project: Project, name: str) -> str:
    rows = [line.strip() for line in text(project).splitlines()]
    return next(" ".join(line.split()) for line in rows if line[2:].startswith(name))


def test_the_tools_changed(line: Project) -> None:
    tool = recipe("compiler", layer="toolkit", install={"apt": ["clang"]})
    write_files(line.builtin / "recipes/compiler", {"recipe.json": json.dumps(tool)})
    assert row(line, "build tools") == "~ build tools compiler, python 3.11, pip-fetch changed: apt of compiler"
    assert row(line, "a ") == "~ a build, install because compiler changed"


def test_other_python_packages_on_one_platform(line: Project) -> None:
    other = {"b": {"b==3.0": []}}
    line.lock({"b": {"b==1.0": []}}, only=lambda _, platform: other if platform == ARM64 else None)
    assert text(line) == expected(
        """
        app · cpu (linux/amd64, linux/arm64)
          = base         debian:bookworm-slim@sha256:111111111111…
          = build tools  compiler, python 3.11, pip-fetch
          = python 3.11  up to date
          = a            up to date
          ~ b            download wheels, install  changed: Python packages (linux/arm64)
          ~ c            reinstalled: it comes after b, which changed (linux/arm64)
          ~ d            reinstalled: it comes after b, which changed (linux/arm64)
          ~ image        localhost:5000/app:${TAG}-cpu
          2 stages run on linux/arm64 (native or emulated), 1 on the build platform

        Plan: 1 wheel download, 3 install stages, 1 image; 9 stages up to date.
        Committed files: 1 to write (bake/cpu/requirements/eb-b-fetch.arm64.txt); edgebake compile writes them.
        Run: edgebake bake
        """
    )


def test_many_changed_files_are_cut_short(line: Project) -> None:
    line.write({f"recipes/d/app/f{number}.py": "" for number in range(9)})
    assert row(line, "d ").endswith("file recipes/d/app/f2.py, file recipes/d/app/f3.py and 5 more")


def test_a_recipe_that_is_gone_from_the_line(line: Project) -> None:
    line.images(app=["a", "b", "d"])
    assert row(line, "d ") == "~ d reinstalled: a recipe before it was removed"


def test_another_base_image(line: Project) -> None:
    line.lock({"b": {"b==1.0": []}}, digests={AMD64: "sha256:" + "e" * 64, ARM64: "sha256:" + "f" * 64})
    assert row(line, "base") == (
        "~ base debian:bookworm-slim@sha256:111111111111… changed: another image or digest"
    )
    assert row(line, "c ") == "~ c install because the base image changed"


def test_a_part_of_the_platforms_says_what_is_missing(line: Project) -> None:
    selection = Request(names=("app",), platforms=(ARM64,))
    first = text(line, selection).splitlines()[0]
    assert first == "app · cpu (linux/arm64, without linux/amd64)"


def test_what_the_base_brings_and_what_is_left_out(tmp_path: Path) -> None:
    board = {**BOARD, "base": {"image": "l4t:r36", "provides": ["cuda"]}}
    project = make_project(tmp_path, catalogue=[*CATALOGUE, needs("gpu", "cuda")], targets=[board])
    project.images(
        gpu={"recipes": ["gpu"], "targets": ["board-1.0"]},
        pc={"recipes": ["gpu"], "targets": ["board-1.0"], "platforms": [AMD64]},
    )
    assert text(project) == expected(
        """
        gpu · board-1.0 (linux/arm64)
          + base       l4t:r36
          = cuda 12.6  in the base image
          + gpu        install  new
          + image      localhost:5000/gpu:${TAG}-b1
          2 stages run on linux/arm64 (native or emulated)

        Left out:
          pc on board-1.0: the image is for linux/amd64 only

        Notes:
          board-1.0: the base image l4t:r36 is not pinned: not locked yet (edgebake lock)

        Plan: 1 install stage, 1 image; 0 stages up to date.
        Committed files: 3 to write (bake/board-1.0/Dockerfile, bake/docker-bake.hcl, bake/board-1.0/Dockerfile.dockerignore); edgebake compile writes them.
        Run: edgebake bake
        """
    )


def test_what_is_only_compiled_against_and_tools_on_the_target(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    project.recipe(**compiled_recipe("dep"))
    build = {"runs_on": "target-platform", "tools": ["compiler", "pip-fetch"], "libraries": ["dep"]}
    project.recipe(**compiled_recipe("slow", build=build)).images(app=["slow"])
    project.write({"recipes/dep/build.sh": "make\n", "recipes/slow/build.sh": "make\n"})
    project.lock()
    assert "\n".join(text(project).splitlines()[:7]) == expected(
        """
        app · cpu (linux/amd64, linux/arm64)
          + base         debian:bookworm-slim@sha256:111111111111…
          + build tools  compiler, python 3.11, pip-fetch  new
          + dep          build  new; only compiled against
          + slow         build, install  new
          + image        localhost:5000/app:${TAG}-cpu
          5 stages run on each of linux/amd64 and linux/arm64 (native or emulated), 3 on the build platform"""
    )


def test_a_file_that_was_edited_by_hand(line: Project) -> None:
    line.write({"bake/cpu/Dockerfile": "FROM scratch\n"})
    assert text(line).splitlines()[-1] == (
        "Committed files: bake/cpu/Dockerfile edited by hand; edgebake compile --force overwrites them."
    )


@pytest.mark.parametrize(
    ("selection", "command"),
    [
        (Request(), "edgebake bake"),
        (Request(names=("app",), targets=("jetpack-6.*",)), "edgebake bake app --target 'jetpack-6.*'"),
        (Request(platforms=(ARM64, AMD64)), "edgebake bake --platform linux/arm64 --platform linux/amd64"),
        (
            Request(names=("numpy>=2",), targets=("cpu",), name="x"),
            "edgebake bake 'numpy>=2' --target cpu --name x",
        ),
    ],
)
def test_the_command_that_does_it(line: Project, selection: Request, command: str) -> None:
    plan = line.plan()
    assert bake_command(replace(plan, scope=Scope(selection, ()), targets=())) == command


def test_an_image_that_is_only_tried_out_commits_nothing(line: Project) -> None:
    workspace = line.open().with_image("trial", ["zlib"], ["cpu"])
    plan = Pipeline(line.root, Request(names=("zlib",)), opened=lambda start, asked: workspace).plan()
    assert "\nGenerated files: in .edgebake/adhoc/trial.\n" in plan_text(plan)


def test_no_line_ends_in_spaces(line: Project) -> None:
    line.images(app=["a", "b", "c", "d", "zlib"], other=["zlib", "numpy"])
    lines = text(line).splitlines()
    assert [one for one in lines if one != one.rstrip()] == []
