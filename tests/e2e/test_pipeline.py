"""From recipes to the registry: a small project without pip or apt, so that each bake takes seconds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from events_oracle import stages_that_ran

from conftest import MIRROR, Project, crane_manifest, crane_platforms, crane_tags, docker_run, run

pytestmark = pytest.mark.oldest

# core and addon compile (here: say where they ran). app needs middle, and addon, which needs core; side needs none.
FILES = {
    "edgebake.yaml": """
        images:
          demo:
            recipes: [./app, side]
            targets: [cpu]
        """,
    "recipes/core/recipe.yaml": """
        name: core
        summary: Compiles on the build platform
        layer: toolkit
        build:
          runs_on: build-platform
          script: build.sh
        install:
          artifacts: {"/": "/opt/core"}
        """,
    "recipes/core/build.sh": 'uname -m > "$OUT/built-on"; echo "$TARGETARCH" > "$OUT/built-for"\n',
    "recipes/addon/recipe.yaml": """
        name: addon
        summary: Compiles against core, on the target platform
        layer: framework
        requires: core
        build:
          runs_on: target-platform
          libraries: core
          script: build.sh
        install:
          artifacts: {"/": "/opt/addon"}
        """,
    "recipes/addon/build.sh": 'uname -m > "$OUT/built-on"; cat /opt/core/built-for > "$OUT/core-for"\n',
    "recipes/middle/recipe.yaml": """
        name: middle
        summary: Installs by a script
        layer: framework
        install:
          script: install.sh
        """,
    "recipes/middle/install.sh": "echo one > /opt/middle\n",
    "recipes/side/recipe.yaml": """
        name: side
        summary: Needs nothing of the others
        layer: library
        install:
          script: install.sh
        """,
    "recipes/side/install.sh": "echo side > /opt/side\n",
    "app/recipe.yaml": """
        name: app
        summary: The application
        layer: application
        requires: [addon, middle]
        install:
          files: {greeting.txt: /app/}
        runtime:
          cmd: [cat, /app/greeting.txt]
        """,
    "app/greeting.txt": "hello\n",
}


@pytest.fixture
def demo(project: Project) -> Project:
    project.write(FILES)
    return project


def test_a_bake_pushes_one_manifest_list_with_exactly_the_declared_platforms(demo: Project) -> None:
    summary = demo.bake("--push", "--json").json()
    image = demo.image("demo")
    assert crane_platforms(image) == ["linux/amd64", "linux/arm64"]
    digests = {c["platform"]["architecture"]: c["digest"] for c in crane_manifest(image)["manifests"]}
    told = {r["platform"]: r["digest"] for r in summary["results"]}
    assert told == {"linux/amd64": digests["amd64"], "linux/arm64": digests["arm64"]}
    for platform in ("linux/amd64", "linux/arm64"):
        assert docker_run(image, platform=platform) == "hello"
        assert docker_run(image, "id", "-un", platform=platform) == "app"


def test_native_stages_run_natively_and_others_on_their_platform(demo: Project) -> None:
    demo.bake("--push")
    here = os.uname().machine
    for platform, machine, arch in (("linux/amd64", "x86_64", "amd64"), ("linux/arm64", "aarch64", "arm64")):
        said = docker_run(
            demo.image("demo"),
            *("cat", "/opt/core/built-on", "/opt/core/built-for", "/opt/addon/built-on", "/opt/addon/core-for"),
            platform=platform,
        )
        assert said.split() == [here, arch, machine, arch]


def test_a_build_of_one_platform_leaves_the_declared_tag_alone(demo: Project) -> None:
    demo.bake("--push")
    before = run("crane", "digest", demo.image("demo")).out
    (demo.root / "app/greeting.txt").write_text("changed\n")
    demo.bake("--platform", "linux/arm64", "--push")
    assert run("crane", "digest", demo.image("demo")).out == before
    keys = crane_tags(f"{demo.registry}/demo") - {"dev-cpu"}
    assert len(keys) == 1
    key = keys.pop()
    assert key.startswith("cpu-arm64-")
    assert docker_run(demo.image("demo", key), platform="linux/arm64") == "changed"


def test_the_fingerprints_are_labels_of_the_image_and_in_no_file(demo: Project) -> None:
    demo.bake("--push")
    plan = demo.edgebake("plan", "--json").json()
    config = run("crane", "config", "--platform", "linux/arm64", demo.image("demo")).out
    for digest in plan["images"][0]["fingerprints"].values():
        assert f"sha256:{digest}" in config
        for path in (demo.root / "bake").rglob("*"):
            assert not path.is_file() or digest not in path.read_text()


def rawjson_bake(project: Project) -> str:
    """Bake with Buildx itself, and return its raw events."""
    base = MIRROR.split("=")[1] + ":bookworm-slim"
    command = ("docker", "buildx", "bake", "-f", "bake/docker-bake.hcl", "--progress=rawjson", "demo-cpu")
    return run(*command, cwd=project.root, env={"BASE_CPU": base, "REGISTRY": project.registry}).err


def states(project: Project) -> dict[str, str]:
    """Return what the plan says of each stage, both platforms alike."""
    stages = project.edgebake("plan", "--json").json()["images"][0]["stages"]
    found: dict[str, str] = {}
    for stage in stages:
        assert found.setdefault(stage["name"], stage["state"]) == stage["state"]
    return found


def test_a_changed_install_script_reruns_what_the_plan_says_and_no_build_half(demo: Project) -> None:
    demo.bake()
    assert set(states(demo).values()) == {"same"}
    rawjson_bake(demo)
    (demo.root / "recipes/middle/install.sh").write_text(f"echo two {time.time()} > /opt/middle\n")

    told = states(demo)
    assert told["eb-middle"] == "direct"
    assert told["eb-app"] == "indirect"
    assert told["eb-side"] == "moved"
    assert [name for name, state in told.items() if "build" in name and state != "same"] == []
    text = demo.edgebake("plan").out
    assert "changed: file recipes/middle/install.sh" in text
    assert "because middle changed" in text
    assert "reinstalled: it comes after middle, which changed" in text

    ran = {stage for stage, _ in stages_that_ran(rawjson_bake(demo))}
    # `COPY --link` layers do not depend on what is below them: a moved or dependent stage may cost nothing.
    assert "eb-middle" in ran
    assert ran <= {name for name, state in told.items() if state != "same"}
    assert {"eb-core-build", "eb-addon-build"} & ran == set()
    assert "eb-side" in ran


def test_a_changed_build_script_reruns_its_true_dependents_only(demo: Project) -> None:
    demo.bake()
    rawjson_bake(demo)
    (demo.root / "recipes/addon/build.sh").write_text(f'echo {time.time()} > "$OUT/stamp"\n')
    told = states(demo)
    assert told["eb-addon-build"] == "direct"
    assert told["eb-core-build"] == "same"
    ran = {stage for stage, _ in stages_that_ran(rawjson_bake(demo))}
    assert {stage for stage in ran if "build" in stage} == {"eb-addon-build"}


def test_the_committed_files_build_without_edgebake(demo: Project, tmp_path: Path) -> None:
    demo.edgebake("compile")
    clone = tmp_path.with_name(f"{tmp_path.name}-clone")
    clone.mkdir()
    run("cp", "-r", f"{demo.root}/.", str(clone))
    base = MIRROR.split("=")[1] + ":bookworm-slim"
    run(
        *("docker", "buildx", "bake", "-f", "bake/docker-bake.hcl", "--push"),
        cwd=clone,
        env={"BASE_CPU": base, "REGISTRY": demo.registry},
    )
    assert docker_run(demo.image("demo"), platform="linux/arm64") == "hello"


def test_ignored_files_and_secrets_never_reach_the_image(demo: Project) -> None:
    demo.write(
        {
            "recipes/middle/recipe.yaml": FILES["recipes/middle/recipe.yaml"].replace(
                "script: install.sh", "files: {data: /data}"
            ),
            "recipes/middle/data/kept.txt": "kept",
            "recipes/middle/data/.env": "SECRET=1",
            "recipes/middle/data/.git/config": "x",
            "recipes/middle/data/a.log": "x",
            "recipes/middle/data/b.tmp": "x",
            "recipes/middle/.dockerignore": "**/*.log\n",
            ".dockerignore": "**/*.tmp\n",
        }
    )
    demo.bake("--platform", "linux/amd64", "--push")
    (key,) = crane_tags(f"{demo.registry}/demo")
    found = docker_run(demo.image("demo", key), "find", "/data", "-type", "f")
    assert found == "/data/kept.txt"


def test_a_failing_step_is_shown_with_its_last_lines_and_nothing_is_remembered(demo: Project) -> None:
    (demo.root / "recipes/middle/install.sh").write_text("echo about to fail\nexit 7\n")
    done = demo.bake("--push", check=False)
    assert done.code == 2
    assert "Traceback" not in done.err
    assert "the step failed: [linux/" in done.err
    assert "eb-middle" in done.err
    assert "about to fail" in done.err
    assert "exit code: 7" in done.err
    assert '"event":"finished"' not in (demo.root / ".edgebake/journal.jsonl").read_text()
    assert run("crane", "ls", f"{demo.registry}/demo", check=False).code != 0


def test_ctrl_c_ends_the_bake_and_leaves_nothing_behind(demo: Project) -> None:
    (demo.root / "recipes/middle/install.sh").write_text("sleep 300\n")
    command = [
        sys.executable,
        "-m",
        "edgebake",
        "bake",
        "--platform",
        "linux/amd64",
    ]
    process = subprocess.Popen(
        command,
        cwd=demo.root,
        env={**os.environ, "EDGEBAKE_MIRRORS": MIRROR},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(12)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.strip().endswith("interrupted")
    assert "Traceback" not in err
    assert '"outcome":"interrupted"' in (demo.root / ".edgebake/journal.jsonl").read_text()
    time.sleep(2)
    working_there = [path for path in Path("/proc").glob("[0-9]*/cwd") if _leads_to(path, demo.root)]
    assert working_there == []


def _leads_to(link: Path, folder: Path) -> bool:
    try:
        return link.readlink() == folder
    except OSError:  # the process has ended, or is not ours
        return False


def test_an_ad_hoc_image_of_recipes_needs_no_project(tmp_path: Path) -> None:
    empty = Project(tmp_path, "localhost:5000/e2e/adhoc")
    done = empty.edgebake("plan", "git", "--target", "cpu", "--name", "tools")
    assert "tools · cpu (linux/amd64, linux/arm64)" in done.out
    assert list(tmp_path.iterdir()) == []


def test_a_plan_tells_the_time_of_what_is_to_be_built_as_the_bake_before_took_it(demo: Project) -> None:
    # No build before this one may have left it in the engine's cache.
    demo.write({"recipes/addon/build.sh": FILES["recipes/addon/build.sh"] + f"sleep 3\n# {demo.registry}"})
    platform = ("--platform", "linux/amd64")
    demo.bake(*platform)
    assert demo.edgebake("plan", *platform, "--json").json()["time"] is None  # nothing is to be built
    demo.write({"recipes/addon/build.sh": FILES["recipes/addon/build.sh"] + "sleep 2\n"})
    time = demo.edgebake("plan", *platform, "--json").json()["time"]
    assert [stage["stage"] for stage in time["critical_path"]][:2] == ["eb-addon-build", "eb-addon-artifact"]
    assert 3 <= time["critical_path"][0]["seconds"] < 20
    assert time["worth_making_faster"][0]["recipe"] == "addon"
    assert time["worth_making_faster"][0]["saves_seconds"] >= 3
    assert not any(stage["emulated"] for stage in time["critical_path"])
    assert "worth making faster: addon (up to " in demo.edgebake("plan", *platform).out
