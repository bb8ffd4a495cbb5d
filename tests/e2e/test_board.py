"""`edgebake autotag` and `edgebake run` on a real engine and registry."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import MIRROR, REGISTRY, Done, Project, run

MACHINES = Path(__file__).parents[1] / "machines"

ORIN = """
    name: orin
    family: jetpack
    summary: Facts of a board, on a base image that is at hand
    platforms: [linux/arm64]
    base: {image: "debian:bookworm-slim"}
    os: debian:12
    l4t: 36.4.3
    jetpack: "6.2"
    cuda: "12.6"
    python: "3.11"
    sm: ["87"]
    cuda_flavour: tegra
    tag_suffix: orin
    """
SERVE = """
    trap 'exit 0' TERM INT
    echo "word is $(cat /etc/app/settings)"
    [ "$BREAK" = 1 ] && echo "it breaks" && exit 5
    sleep 1 && touch /tmp/ready
    sleep 100 & wait
    """


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose images are in the registry, and the one for this machine in the engine, too."""
    project = Project(tmp_path_factory.mktemp("board"), f"{REGISTRY}/e2e/{uuid.uuid4().hex[:12]}")
    project.write(
        {
            "edgebake.yaml": "images: {demo: {recipes: [./app], targets: [cpu, orin]}}",
            "targets/orin.yaml": ORIN,
            "app/recipe.yaml": """
                name: app
                summary: Serves nothing
                install: {files: {serve.sh: /app/serve.sh, settings: /etc/app/settings}}
                runtime:
                  cmd: [sh, /app/serve.sh]
                  healthcheck: {cmd: [test, -e, /tmp/ready], interval: 1, timeout: 5, start_period: 5}
                  config: {path: /etc/app/settings, check: [grep, --quiet, "^word", "{config}"]}
                """,
            "app/serve.sh": SERVE,
            "app/settings": "word 42\n",
        }
    )
    project.bake("--push")
    run("docker", "pull", "--quiet", "--platform", "linux/amd64", project.image("demo"))
    yield project
    run("docker", "image", "rm", "--force", project.image("demo"), project.image("demo", "dev-orin"), check=False)


@pytest.fixture
def name(tmp_path: Path) -> Iterator[str]:
    """A container's name; whatever has it in the end is removed."""
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    yield name
    run("docker", "rm", "--force", name, check=False)


def autotag(project: Project, *args: str, check: bool = True, **env: str) -> Done:
    cache = {"XDG_CACHE_HOME": str(project.root / "cache"), **env}
    return project.edgebake("autotag", "demo", "--registry", project.registry, *args, check=check, env=cache)


def of(machine: str) -> tuple[str, str]:
    return "--root", str(MACHINES / machine)


def test_each_machine_gets_its_image_from_the_registry(demo: Project) -> None:
    assert autotag(demo, *of("jetson-orin-nano-jp6.2")).out == demo.image("demo", "dev-orin") + "\n"
    assert autotag(demo, *of("jetson-agx-orin-jp6.0")).out == demo.image("demo", "dev-cpu") + "\n"
    assert autotag(demo, *of("pc-rtx3090")).out == demo.image("demo", "dev-cpu") + "\n"
    told = autotag(demo, *of("jetson-agx-orin-jp6.0"), "--explain")
    assert "✗ l4t: it is for L4T 36.4.3, and the board has 36.3.0" in told.err
    assert "dd206bf/jetson_containers/l4t_version.py]" in told.err

    # The promise: what it prints is all that `docker run` needs.
    here = run(
        "sh",
        "-c",
        f"docker run --rm $({sys.executable} -m edgebake autotag demo --registry {demo.registry}) id -un",
        cwd=demo.root,
    )
    assert here.out == "app\n"

    # Now the engine has it, and the registry is not asked: it may be gone.
    gone = "localhost:5998/demo"
    run("docker", "tag", demo.image("demo"), f"{gone}:dev-cpu")
    try:
        found = demo.edgebake("autotag", gone)
        assert (found.out, found.err) == (f"{gone}:dev-cpu\n", "")
        other = demo.edgebake("autotag", gone, *of("jetson-orin-nano-jp6.2"), check=False)
        assert (other.code, other.out) == (2, "")
        assert other.err.startswith("error: the registry localhost:5998 cannot be reached")
    finally:
        run("docker", "image", "rm", f"{gone}:dev-cpu", check=False)


def test_answers_are_kept_and_asked_for_again(demo: Project) -> None:
    once = f"{demo.registry}/demo:once-orin"
    run("crane", "copy", demo.image("demo", "dev-orin"), once)
    ask = ("autotag", f"{demo.registry}/demo", *of("jetson-orin-nano-jp6.2"))
    env = {"XDG_CACHE_HOME": str(demo.root / "cache-of-its-own")}
    assert demo.edgebake(*ask, env=env).out == f"{once}\n"  # of equals the greater tag
    run("crane", "tag", demo.image("demo"), "once-orin")
    assert demo.edgebake(*ask, env=env).out == f"{once}\n"
    assert demo.edgebake(*ask, "--no-cache", env=env).out == demo.image("demo", "dev-orin") + "\n"


def test_without_an_image_it_says_what_to_build(demo: Project) -> None:
    none = demo.edgebake(
        "autotag", "demo", "--registry", f"{demo.registry}/none", *of("jetson-orin-nano-jp6.2"), check=False
    )
    assert (none.code, none.out) == (2, "")
    assert none.err.splitlines()[0] == "error: no image of 'demo' runs on this machine"
    assert none.err.splitlines()[-1] == "hint: build it: edgebake bake demo --target orin --load"
    unknown = demo.edgebake("autotag", "demmo", check=False)
    assert (unknown.code, unknown.err.splitlines()[2]) == (2, "hint: did you mean 'demo'?")


def test_without_docker_the_registry_still_answers(demo: Project, tmp_path: Path) -> None:
    found = autotag(demo, PATH=str(tmp_path / "empty"))
    assert found.out == demo.image("demo") + "\n"
    done = demo.edgebake(
        "run", "demo", "--registry", demo.registry, check=False, env={"PATH": str(tmp_path / "empty")}
    )
    assert done.code == 2
    assert done.err.splitlines()[-3:] == [
        "error: docker not found",
        "",
        "hint: install Docker: https://docs.docker.com/engine/install/",
    ]


def started(project: Project, *args: str, check: bool = True, **env: str) -> Done:
    return project.edgebake("run", "demo", "--registry", project.registry, *args, check=check, env=env)


def containers(name: str) -> str:
    return run("docker", "ps", "--all", "--quiet", "--filter", f"name={name}").out


def test_a_container_starts_with_what_was_asked(demo: Project) -> None:
    (demo.root / "data.txt").write_text("mounted\n")
    shown = started(demo, "--dry-run", "--name", "it's", "--", "sh", "-c", "echo 'a b'")
    assert shown.out.startswith("docker run ")
    assert """--name 'it'"'"'s' --rm""" in shown.out
    assert shown.out.endswith(f"""{demo.image("demo")} sh -c 'echo '"'"'a b'"'"''\n""")

    done = started(
        demo, "-e", "WORD=word", "-e", "PASSED", "-v", f"{demo.root}/data.txt:/data.txt:ro", "--docker-arg=--hostname=robot",
        "--", "sh", "-c", "echo $WORD $PASSED $(hostname) $(cat /data.txt); exit 7",
        check=False, PASSED="on",
    )  # fmt: skip
    assert (done.code, done.out) == (7, "word on robot mounted\n")


def test_it_is_stopped_in_time_and_watched(demo: Project, name: str) -> None:
    loop = "trap exit TERM; i=0; while :; do i=$((i + 1)); done"
    done = started(demo, "--timeout", "6", "--monitor", "--name", name, "--", "sh", "-c", loop, check=False)
    assert done.code == 124, done.err
    assert "error: it was still running after 6 s, and was stopped" in done.err
    summary = re.search(
        r"monitor: [\d.]+ s, (\d+) samples; CPU \d+ % \(at most (\d+) %\) of a core; memory at most", done.err
    )
    assert summary, done.err
    assert int(summary[1]) >= 1
    assert int(summary[2]) > 10  # a busy loop, on a machine that others use, too
    assert containers(name) == ""


def test_it_waits_for_health(demo: Project, name: str) -> None:
    assert started(demo, "--wait", "--name", name).out == f"{name}\n"
    status = run("docker", "inspect", "--format", "{{.State.Health.Status}}", name).out
    assert status == "healthy\n"
    again = started(demo, "--wait", "--name", name, check=False)
    assert again.code == 2
    assert again.err.startswith("error: Docker cannot start the container")
    run("docker", "rm", "--force", name)
    broken = started(demo, "--wait", "--name", name, "--env", "BREAK=1", check=False)
    assert broken.code == 2
    assert broken.err.splitlines() == [
        f"error: the container {name} is not healthy, and was removed",
        "  it ended with exit code 5",
        "  it wrote:",
        "  word is word 42",
        "  it breaks",
    ]
    assert containers(name) == ""


def test_another_configuration_is_checked_and_cannot_be_changed(demo: Project) -> None:
    (demo.root / "mine").write_text("word 43\n")
    script = "cat /etc/app/settings; (echo x >/etc/app/settings) 2>/dev/null || echo refused"
    assert started(demo, "--config", "mine", "--", "sh", "-c", script).out == "word 43\nrefused\n"
    (demo.root / "mine").write_text("wrong\n")
    done = started(demo, "--config", "mine", "--", "sh", "-c", script, check=False)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        f"error: the configuration '{demo.root}/mine' is wrong",
        "  the check ended with 1",
    ]
    absent = started(demo, "--config", "nowhere", check=False)
    assert (absent.code, absent.err) == (2, "error: configuration file 'nowhere' not found\n")


def test_ctrl_c_ends_the_container(demo: Project, name: str) -> None:
    command = [sys.executable, "-m", "edgebake", "run", "demo", "--registry", demo.registry, "--name", name]
    process = subprocess.Popen(
        command, cwd=demo.root, env={**os.environ, "EDGEBAKE_MIRRORS": MIRROR},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not run("docker", "ps", "--quiet", "--filter", f"name={name}").out:
        assert time.monotonic() < deadline
        time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert stderr.splitlines()[-1] == "interrupted"
    assert containers(name) == ""


def test_the_doctor_finds_this_engine_well(demo: Project) -> None:
    done = demo.edgebake("doctor", "--json", check=False)
    states = {one["check"]: one["state"] for one in done.json()["findings"]}
    assert done.code == (0 if done.json()["ok"] else 3)
    well = ("Docker", "Image store", "Buildx", "Builder", "Emulation of arm64", "Registry")
    assert {name: states[name] for name in well} == dict.fromkeys(well, "ok")
    told = demo.edgebake("doctor", "--registry", "localhost:5998/x", check=False).out
    assert re.search(r"^! Registry +the registry localhost:5998 cannot be reached", told, re.MULTILINE)
