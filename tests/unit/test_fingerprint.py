"""Fingerprints: everything that can change a stage's result changes them, and nothing else does.

Each case edits one project; `changed` is the set of stages whose fingerprint is another one afterwards.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgebake.graph.build_graph import BuildGraph
from edgebake.graph.node import Node, Stage
from edgebake.graph.operations import Operations
from edgebake.graph.ops import SCRATCH, Run, StageRef
from edgebake.load.folders import builtin_root
from edgebake.plan.fingerprint import Fingerprints
from integration import projects
from integration.projects import (
    AMD64,
    ARM64,
    CATALOGUE,
    CPU,
    DIGEST,
    DIGESTS,
    Project,
    compiled_recipe,
    make_project,
    needs,
    recipe,
)

PACKAGES = {"numpy": {"numpy==2.3.1": []}}
Edit = Callable[[Project], object]

# The line of the image `app`: base → python → fast (has a build half) → numpy (has wheels) → tail → app.
LINE = ["base base", "install python", "install fast", "install numpy", "install tail", "image app"]
FROM_TAIL = {"install tail", "image app"}
FROM_FAST = {"install fast", "install numpy", "install tail", "image app"}
BUILD = {"build fast", "artifact fast-artifact"}
FETCH = {"fetch numpy", "artifact numpy-wheels"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return sample(tmp_path)


def sample(folder: Path) -> Project:
    shared = recipe("shared", layer="system", install={"files": {"conf": "/etc/conf"}})
    project = make_project(folder, catalogue=[*CATALOGUE, shared])
    (project.builtin / "recipes/shared/conf").write_text("conf")
    sources = [{"path": "src"}]
    project.recipe(**compiled_recipe("fast", build={"sources": sources}, args={"LEVEL": "2"}, requires=["python"]))
    project.write({"recipes/fast/build.sh": "make\n", "recipes/fast/src/main.c": "int main;\n"})
    project.recipe(
        **needs(
            "tail",
            "numpy",
            layer="application",
            install={
                "files": {"data": "/data", "own.conf": "/etc/own.conf"},
                "script": "install.sh",
                "env": {"MODE": "a"},
            },
        )
    )
    project.write(
        {
            "recipes/tail/data/a.txt": "a",
            "recipes/tail/data/sub/b.txt": "b",
            "recipes/tail/own.conf": "own",
            "recipes/tail/install.sh": "# installs\nmake install\n",
            "unrelated.txt": "u",
            ".dockerignore": "**/*.log\n",
        }
    )
    (project.root / "recipes/tail/data/link").symlink_to("a.txt")
    project.images(app=["fast", "tail"])
    project.lock(PACKAGES)
    return project


def changed(project: Project, edit: Edit) -> set[tuple[str, str]]:
    """Return the stages and platforms whose fingerprints an edit changes; stages that come or go are not told."""
    before = project.fingerprints()
    edit(project)
    after = project.fingerprints()
    return {key for key in before if key in after and before[key].digest != after[key].digest}


def stages(found: set[tuple[str, str]]) -> set[str]:
    """Return the stages that changed on both platforms."""
    assert {name for name, platform in found if platform == AMD64} == {
        name for name, platform in found if platform == ARM64
    }
    return {name for name, _ in found}


def write(path: str, content: str) -> Edit:
    return lambda project: project.write({path: content})


def edit_json(path: str, change: Callable[[dict], object]) -> Edit:  # type: ignore[type-arg]
    def edit(project: Project) -> None:
        data = json.loads((project.root / path).read_text())
        change(data)
        (project.root / path).write_text(json.dumps(data))

    return edit


def link(path: str, target: str) -> Edit:
    def edit(project: Project) -> None:
        (project.root / path).unlink()
        (project.root / path).symlink_to(target)

    return edit


def chmod(path: str, mode: int) -> Edit:
    return lambda project: (project.root / path).chmod(mode)


def remove(path: str) -> Edit:
    return lambda project: (project.root / path).unlink()


def mkdir(path: str) -> Edit:
    return lambda project: (project.root / path).mkdir()


def builtin(path: str, content: str) -> Edit:
    return lambda project: projects.write_files(project.builtin, {path: content})


def catalogue(one: dict[str, Any]) -> Edit:
    return builtin(f"recipes/{one['name']}/recipe.json", json.dumps(one))


TAIL, FAST = "recipes/tail/recipe.json", "recipes/fast/recipe.json"

COMPLETE: dict[str, tuple[Edit, set[str]]] = {
    "a byte of a copied file": (write("recipes/tail/data/sub/b.txt", "B"), FROM_TAIL),
    "a byte of a copied single file": (write("recipes/tail/own.conf", "OWN"), FROM_TAIL),
    "a mode": (chmod("recipes/tail/data/a.txt", 0o755), FROM_TAIL),
    "a link's target": (link("recipes/tail/data/link", "sub/b.txt"), FROM_TAIL),
    "a new file": (write("recipes/tail/data/new.txt", ""), FROM_TAIL),
    "a new empty folder": (mkdir("recipes/tail/data/empty"), FROM_TAIL),
    "a file that is gone": (remove("recipes/tail/data/a.txt"), FROM_TAIL),
    "an ignore rule": (write(".dockerignore", "**/*.log\n**/a.txt\n"), FROM_TAIL),
    "an ignore rule of the recipe": (write("recipes/tail/.dockerignore", "data/a.txt\n"), FROM_TAIL),
    "an install script": (write("recipes/tail/install.sh", "make install-all\n"), FROM_TAIL),
    "a comment in a script, which is a file": (
        write("recipes/tail/install.sh", "# other\nmake install\n"),
        FROM_TAIL,
    ),
    "a variable of the environment": (
        edit_json(TAIL, lambda r: r["install"]["env"].update(MODE="b")),
        FROM_TAIL,
    ),
    "where a file goes": (
        edit_json(TAIL, lambda r: r["install"]["files"].update({"own.conf": "/etc/x"})),
        FROM_TAIL,
    ),
    "a source of a build half": (write("recipes/fast/src/main.c", "int main();\n"), BUILD | FROM_FAST),
    "a build script": (write("recipes/fast/build.sh", "make all\n"), BUILD | FROM_FAST),
    "an arg": (edit_json(FAST, lambda r: r["args"].update(LEVEL="3")), BUILD | FROM_FAST),
    "a build half's timeout": (edit_json(FAST, lambda r: r["build"].update(timeout="60")), BUILD | FROM_FAST),
    "what is taken from an artifact": (
        edit_json(FAST, lambda r: r["install"].update(artifacts={"/bin": "/usr/bin"})),
        FROM_FAST,
    ),
    "a lock entry": (lambda p: p.lock({"numpy": {"numpy==2.3.2": []}}), FETCH | {"install numpy"} | FROM_TAIL),
    "a tool": (
        catalogue(recipe("compiler", layer="toolkit", install={"apt": ["clang"]})),
        {"tool compiler"} | BUILD | FROM_FAST,
    ),
    "a parent": (
        catalogue(recipe("python", layer="language", install={"apt": ["python3", "tzdata"]})),
        {"install python", "tool python", "tool pip-fetch"} | FETCH | FROM_FAST,
    ),
    "what a container runs": (
        edit_json("edgebake.yaml", lambda p: p["images"]["app"].update(runtime={"cmd": ["a"]})),
        {"image app"},
    ),
}


@pytest.mark.parametrize("name", COMPLETE)
def test_what_enters_a_build_changes_the_stage_and_what_needs_it(project: Project, name: str) -> None:
    edit, expected = COMPLETE[name]
    assert stages(changed(project, edit)) == expected


def test_the_base_image_changes_everything(project: Project) -> None:
    other = dict.fromkeys(DIGESTS, "sha256:" + "c" * 64)
    before = {name for name, _ in project.fingerprints()}
    found = stages(changed(project, lambda p: p.lock(PACKAGES, digests=other)))
    # Native stages stand on the index, which names the same digest here.
    assert found == set(LINE)
    assert before - found == {
        "native native",
        "tool compiler",
        "tool python",
        "tool pip-fetch",
        *BUILD,
        *FETCH,
    }


def test_a_base_without_a_lock_is_known_by_its_name(project: Project) -> None:
    (project.root / "edgebake.lock").unlink()
    cpu = json.dumps({**CPU, "base": {"image": "debian:trixie-slim"}})
    found = stages(changed(project, builtin("targets/cpu.json", cpu)))
    assert {"base base", "native native", "build fast", "image app"} <= found


def test_native_stages_stand_on_the_index_of_the_base(project: Project) -> None:
    lock = project.root / "edgebake.lock"
    found = stages(changed(project, lambda _: lock.write_text(lock.read_text().replace(DIGEST, DIGEST[:-1] + "2"))))
    assert {"native native", "build fast", "image app"} <= found
    assert "base base" not in found


def test_the_refresh_epoch_changes_what_installs_unversioned_system_packages(project: Project) -> None:
    project.recipe(**recipe("sys", layer="system")).recipe(**recipe("plain", install={"env": {"A": "1"}}))
    before = project.images(app=["plain", "sys"]).fingerprints()
    project.lock(refresh=1)
    after = project.fingerprints()
    assert {key[0] for key in before if before[key].own != after[key].own} == {"install sys"}


def test_the_refresh_epoch_changes_a_sysroot(project: Project) -> None:
    project.recipe(**compiled_recipe("fast", build={"libraries": ["zlib"]}))
    project.images(app=["fast"])
    assert "sysroot fast" in stages(changed(project, lambda p: p.lock(refresh=1)))


def test_lines_that_begin_with_a_hash_are_data_in_a_heredoc(project: Project) -> None:
    project.recipe(**recipe("x", install={"dockerfile": "D.j2"})).images(app=["x"])
    project.write({"recipes/x/D.j2": "COPY <<EOF /etc/motd\n# one\nEOF\n"})
    edit = write("recipes/x/D.j2", "COPY <<EOF /etc/motd\n# two\nEOF\n")
    assert stages(changed(project, edit)) == {"install x", "image app"}


def test_files_that_a_template_names_are_part_of_it(project: Project) -> None:
    project.recipe(**recipe("x", install={"dockerfile": "D.j2"})).images(app=["x"])
    project.write({"recipes/x/D.j2": "COPY {{ file('data') }} /data\n", "recipes/x/data": "1"})
    assert stages(changed(project, write("recipes/x/data", "2"))) == {"install x", "image app"}


def test_files_of_a_catalogue_recipe_are_part_of_it(project: Project) -> None:
    project.images(app=["shared"])
    assert stages(changed(project, builtin("recipes/shared/conf", "new"))) == {"install shared", "image app"}


NO_WIDER: dict[str, Edit] = {
    "a comment in a recipe's template": write("recipes/own/D.j2", "# other words\nRUN true\n"),
    "an unrelated file": write("unrelated.txt", "other"),
    "an unrelated file in the recipe's folder": write("recipes/tail/README.md", "hello"),
    "a file that is ignored": write("recipes/tail/data/x.log", "noise"),
    "a file that is never sent": write("recipes/tail/data/.env", "SECRET=1"),
    "a git folder": write("recipes/tail/data/.git/HEAD", "ref: x"),
    "another image": edit_json(
        "edgebake.yaml", lambda p: p["images"].update(aaa={"recipes": ["zlib"], "targets": ["cpu"]})
    ),
    "another image that shares the line": edit_json(
        "edgebake.yaml", lambda p: p["images"].update(zzz={"recipes": ["fast", "tail", "zlib"], "targets": ["cpu"]})
    ),
    "the output folder": edit_json("edgebake.yaml", lambda p: p.update(output="generated")),
    "the output folder, with a name in paths": edit_json("edgebake.yaml", lambda p: p.update(output="src")),
    "the output folder, with a name that is in commands": edit_json(
        "edgebake.yaml", lambda p: p.update(output="run")
    ),
    "a summary": edit_json(TAIL, lambda r: r.update(summary="Other words")),
    "a homepage": edit_json(TAIL, lambda r: r.update(homepage="https://example.org", license="MIT")),
    "the order of keys": edit_json(TAIL, lambda r: r.update(name=r.pop("name"))),
    "the registry": edit_json("edgebake.yaml", lambda p: p.update(registry="example.org/x", tag="v2")),
    "the tags": edit_json("edgebake.yaml", lambda p: p["images"]["app"].update(tags=["a", "b"])),
    "a mirror": edit_json("edgebake.yaml", lambda p: p.update(mirrors={"debian": "localhost:5000/debian"})),
    "another CA bundle": edit_json("edgebake.yaml", lambda p: p.update(ca_bundle="other.pem")),
    "a variable of the bake file": edit_json("edgebake.yaml", lambda p: p.update(variables={"X": "1"})),
    "a recipe that no image has": write("recipes/unused/recipe.json", json.dumps(recipe("unused"))),
    "a file's time": lambda project: os.utime(project.root / "recipes/tail/data/a.txt", (1, 1)),
}


@pytest.mark.parametrize("name", NO_WIDER)
def test_what_does_not_enter_a_build_changes_nothing(project: Project, name: str) -> None:
    project.recipe(**recipe("own", layer="system", install={"dockerfile": "D.j2"}))
    project.write({"recipes/own/D.j2": "# some words\nRUN true\n"}).images(app=["fast", "tail", "own"])
    project.set(ca_bundle="ca.pem").lock(PACKAGES)
    assert changed(project, NO_WIDER[name]) == set()


def test_templates_with_which_the_project_prints_are_part_of_every_stage(project: Project) -> None:
    own = (builtin_root() / "templates/dockerfile/Dockerfile.j2").read_text()
    before = {name for name, _ in project.fingerprints()}
    assert stages(changed(project, write("templates/dockerfile/Dockerfile.j2", own + " "))) == before
    assert stages(changed(project, write("templates/pages/page.css", "body {}"))) == set()


def test_steps_that_trust_certificates_are_other_steps(project: Project) -> None:
    found = stages(changed(project, edit_json("edgebake.yaml", lambda p: p.update(ca_bundle=""))))
    assert {"install python", "tool pip-fetch", "build fast", "fetch numpy"} <= found
    assert not {"base base", "native native"} & found


def test_the_summary_of_an_image_is_a_label_of_that_image(project: Project) -> None:
    edit = edit_json("edgebake.yaml", lambda p: p["images"]["app"].update(summary="What it is"))
    assert stages(changed(project, edit)) == {"image app"}


def test_a_new_name_by_collision_changes_nothing(project: Project) -> None:
    before = {key: print_.digest for key, print_ in project.fingerprints().items()}
    project.images(app=["fast", "tail"], other=["zlib", "python"])
    names = {stage.split(" < ")[0] for stage in project.stages()}
    assert "eb-python" not in names
    compilation = project.compile()
    fingerprints = Fingerprints(compilation)
    found = {fingerprints.of(node, p).digest for node in compilation.graph for p in node.bodies}
    assert set(before.values()) <= found


def test_own_part_and_parents_part_are_apart(project: Project) -> None:
    before = project.fingerprints()
    project.write({"recipes/fast/build.sh": "make other\n"})
    after = project.fingerprints()
    build, install = ("build fast", AMD64), ("install fast", AMD64)
    assert before[build].own != after[build].own
    assert before[build].parents == after[build].parents
    assert before[install].own == after[install].own
    assert before[install].parents != after[install].parents


def test_a_change_on_one_platform_leaves_the_other_alone(project: Project) -> None:
    other = {"numpy": {"numpy==2.3.2": []}}
    found = changed(
        project, lambda p: p.lock(PACKAGES, only=lambda _, platform: other if platform == ARM64 else None)
    )
    assert {platform for _, platform in found} == {ARM64}
    assert {name for name, _ in found} == FETCH | {"install numpy"} | FROM_TAIL


def test_a_base_that_changed_on_one_platform_leaves_the_other_alone(project: Project) -> None:
    digests = {**DIGESTS, ARM64: "sha256:" + "c" * 64}
    found = changed(project, lambda p: p.lock(PACKAGES, digests=digests))
    assert found == {(name, ARM64) for name in LINE}


def test_files_of_one_platform_are_part_of_that_platform_only(project: Project) -> None:
    variants = [{"when": {"platform": AMD64}, "args": {"F": "a"}}, {"args": {"F": "b"}}]
    template = "COPY {{ file(args.F) }} /opt/f\n"
    project.recipe(**recipe("x", releases=[{"version": "1", "variants": variants}], install={"dockerfile": "D.j2"}))
    project.write({"recipes/x/D.j2": template, "recipes/x/a": "a", "recipes/x/b": "b"}).images(app=["x"])
    assert changed(project, write("recipes/x/b", "new")) == {("install x", ARM64), ("image app", ARM64)}


def test_parts_name_the_input_that_changed(project: Project) -> None:
    key = ("install tail", AMD64)
    before = dict(project.fingerprints()[key].parts)
    project.write({"recipes/tail/data/sub/b.txt": "B"})
    after = dict(project.fingerprints()[key].parts)
    assert {name for name in after if before.get(name) != after[name]} == {"file recipes/tail/data/sub/b.txt"}


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from integration.projects import Project
project = Project(Path(sys.argv[2]), Path(sys.argv[3]))
for key, value in sorted(project.fingerprints().items()):
    print(*key, value.digest)
"""


def test_they_do_not_depend_on_the_hash_seed_or_on_where_the_project_lies(tmp_path: Path) -> None:
    outputs = set()
    for seed, name in (("0", "here"), ("4242", "some/where/else")):
        (tmp_path / name).mkdir(parents=True)
        project = sample(tmp_path / name)
        # Entries of a folder come in another order if they are made in another one.
        files = [(path, path.read_bytes()) for path in sorted((project.root / "recipes/tail/data").glob("*.txt"))]
        for path, _ in files:
            path.unlink()
        for path, content in reversed(files) if seed == "4242" else files:
            path.write_bytes(content)
        tests = str(Path(projects.__file__).parents[1])
        command = [sys.executable, "-c", SCRIPT, tests, str(project.root), str(project.builtin)]
        done = subprocess.run(
            command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert outputs.pop().count("\n") > 20


def test_a_long_line_does_not_exhaust_the_stack(project: Project) -> None:
    compilation = project.compile()
    graph, parent = BuildGraph(), ""
    for number in range(3 * sys.getrecursionlimit()):
        body = Stage(StageRef(parent) if parent else SCRATCH, Operations([Run((f"echo {number}",))]))
        parent = graph.add(Node(f"{number:x}", "install", "cpu", "x", "x", {AMD64: body})).id
    fingerprints = Fingerprints(replace(compilation, graph=graph))
    assert len(fingerprints.of(graph.node("cpu", parent), AMD64).digest) == 64
