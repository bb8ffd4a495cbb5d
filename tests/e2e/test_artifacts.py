"""What a build half left on one machine is not built on another one: BuildKit's raw events are the witness."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from buildkit import empty_builder, witness
from events_oracle import stages_that_ran

from conftest import Project, crane_manifest, docker_run, run
from documentation.outputs import check_output

WHEEL = "eb_thing-1.0-py3-none-any.whl"


def write(project: Project) -> None:
    """Write a project whose application needs what `thing` compiles: a file, and a wheel for others."""
    project.write(
        {
            "edgebake.yaml": f"""
                registry: {project.registry}
                images:
                  demo: {{recipes: [./app], targets: [cpu]}}
                """,
            "recipes/thing/recipe.yaml": """
                name: thing
                summary: Compiles a file and a wheel
                releases: [{version: "1.0"}]
                build:
                  runs_on: build-platform
                  script: build.sh
                  sources: [{path: wheel}]
                install:
                  artifacts: {"/opt": "/opt/thing"}
                """,
            "recipes/thing/build.sh": """
                mkdir -p "$OUT/opt" "$OUT/wheels"
                echo "$TARGETARCH" > "$OUT/opt/for"
                ln -s for "$OUT/opt/link"
                cp "$SRC"/*.whl "$OUT/wheels/"
                """,
            "app/recipe.yaml": """
                name: app
                summary: The application
                layer: application
                requires: thing
                install: {script: install.sh}
                runtime: {cmd: [cat, /opt/said]}
                """,
            "app/install.sh": 'echo "$(cat /opt/thing/link) hello" > /opt/said\n',
        }
    )
    info = "eb_thing-1.0.dist-info"
    (project.root / "recipes/thing/wheel").mkdir()
    with zipfile.ZipFile(project.root / "recipes/thing/wheel" / WHEEL, "w") as wheel:
        wheel.writestr("eb_thing.py", f"WHERE = {project.registry!r}\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: eb-thing\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def bake(project: Project, *args: str, builder: str = "") -> tuple[set[str], str]:
    """Bake with a folder of artifacts; return the stages of which a step ran, and what was told."""
    environment, events = witness(Path(tempfile.mkdtemp(dir=project.root.parent)) / "witness")
    options = ["--builder", builder] if builder else []
    done = project.bake(*options, *args, env=environment)
    return {stage for stage, _ in stages_that_ran(events.read_text())}, done.err


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder as any web server does."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def folder(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    write(project)
    return tmp_path_factory.mktemp("artifacts") / "kept"


def layers(folder: Path) -> list[Path]:
    """Return the blobs of a folder, the largest first."""
    return sorted((folder / "blobs/sha256").iterdir(), key=lambda path: -path.stat().st_size)


def test_what_one_machine_compiled_no_other_one_does(project: Project, folder: Path, tmp_path: Path) -> None:
    ran, told = bake(project, "--artifacts", str(folder), "--platform", "linux/amd64", "--platform", "linux/arm64")
    assert "eb-thing-build" in ran
    assert f"3 artifacts kept in {folder}" in told  # of each platform, and of both

    with empty_builder(tmp_path / "other") as other:
        (project.root / "app/install.sh").write_text('echo "$(cat /opt/thing/link) other" > /opt/said\n')
        plan = project.edgebake("plan", "--artifacts", str(folder), "--json").json()
        (given,) = plan["images"][0]["given"].values()
        assert given.startswith(f"oci-layout://{folder}@sha256:")
        ran, _ = bake(project, "--artifacts", str(folder), "--push", "--no-test", builder=other)
    assert "eb-app" in ran
    assert not {stage for stage in ran if "thing" in stage and stage != "eb-thing"}
    for platform in ("linux/amd64", "linux/arm64"):
        assert docker_run(project.image("demo"), platform=platform) == f"{platform.split('/')[1]} other"

    # By a registry, which plain OCI tools understand, and as a repository of stacks to every bake.
    stacks = f"{project.registry}/stacks"
    assert "3 pushed." in project.edgebake("artifacts", "push", str(folder), stacks).out
    listed = project.edgebake("artifacts", "list", str(folder), "--match", "platform=linux/arm64", "--json")
    (entry, *_) = check_output("artifacts-list", listed.out)["artifacts"]
    manifest = crane_manifest(f"{stacks}:{entry['key']}")
    assert manifest["artifactType"] == "application/vnd.edgebake.artifact.v1"
    assert manifest["annotations"]["dev.edgebake.recipe"] == "thing"
    copy = tmp_path / "copy"
    assert (
        "1 fetched."
        in project.edgebake("artifacts", "pull", stacks, str(copy), "--match", "platform=linux/arm64").out
    )
    project.edgebake("artifacts", "check", str(copy))
    with (project.root / "edgebake.yaml").open("a") as file:
        file.write(f"stacks: {stacks}\n")
    assert stacks in next(iter(project.edgebake("plan", "--json").json()["images"][0]["given"].values()))

    # And its wheel by pip, from an index that is checked by digest.
    with served(folder) as url:
        index = f"{url}/wheels/cpu/any/simple/"
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--index-url",
            index,
            "-d",
            str(tmp_path / "w"),
        ]
        run(*command, "eb-thing")
        assert (tmp_path / "w" / WHEEL).read_bytes() == (project.root / "recipes/thing/wheel" / WHEEL).read_bytes()
        (folder / "wheels/cpu/any" / WHEEL).write_bytes(b"poisoned")
        done = subprocess.run(
            [*command[:-1], str(tmp_path / "again"), "--no-cache-dir", "eb-thing"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode != 0
        assert "HASH" in done.stderr.upper()
    project.edgebake("artifacts", "index", str(folder))
    assert (folder / "wheels/cpu/any" / WHEEL).read_bytes() != b"poisoned"


def test_what_is_damaged_is_found_told_and_made_again(project: Project, folder: Path) -> None:
    options = ("--artifacts", str(folder), "--platform", "linux/amd64")
    bake(project, *options)
    layer = layers(folder)[0]
    layer.write_bytes(layer.read_bytes()[:-1])
    (project.root / "app/install.sh").write_text(f"echo {project.registry} > /opt/said\n")
    ran, told = bake(project, *options)
    assert "is not used: sha256:" in told
    assert "1 artifacts kept" in told
    assert "eb-app" in ran
    assert project.edgebake("artifacts", "check", str(folder)).out == "1 are whole.\n"
    project.edgebake("artifacts", "prune", str(folder), "--limit", "0B")
    assert not layers(folder)
    assert not list(folder.rglob("*.whl"))
