"""What is missing on a machine: each lack is one message with the way out, exit code 2, and nothing is begun."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Project, run

FILES = {
    "edgebake.yaml": """
        images:
          demo:
            recipes: [./app]
            targets: [cpu]
        """,
    "app/recipe.yaml": """
        name: app
        summary: The application
        install:
          files: {greeting.txt: /app/}
        """,
    "app/greeting.txt": "hello\n",
}


@pytest.fixture
def demo(project: Project) -> Project:
    project.write(FILES)
    return project


def refused(project: Project, *args: str, env: dict[str, str] | None = None) -> str:
    """Return the message of a bake that is refused."""
    done = project.bake(*args, check=False, env=env)
    assert done.code == 2, done.err
    assert "Traceback" not in done.err
    assert done.err.count("error:") == 1
    return done.err


def test_no_docker(demo: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    message = refused(demo, env={"PATH": str(tmp_path_factory.mktemp("empty"))})
    assert "docker not found" in message
    assert "hint: install Docker" in message


def test_no_engine(demo: Project) -> None:
    message = refused(demo, env={"DOCKER_HOST": "unix:///nowhere.sock"})
    assert "the Docker Engine cannot be reached" in message
    assert "hint: start it" in message


def test_a_buildx_that_cannot_keep_going(demo: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("bin")
    script = f'if [ "$1 $2" = "buildx version" ]; then echo v0.29.1; else exec {shutil.which("docker")} "$@"; fi'
    (folder / "docker").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "docker").chmod(0o755)
    message = refused(demo, "--keep-going", env={"PATH": f"{folder}:{os.environ['PATH']}"})
    assert "--keep-going needs Buildx 0.38 or later\n  the installed one is 0.29.1" in message
    assert "hint: update docker-buildx-plugin" in message


def test_no_buildx(demo: Project) -> None:
    folders = [Path(p) for p in ("/usr/libexec/docker/cli-plugins", "/usr/lib/docker/cli-plugins")]
    folders += [Path("/usr/local/lib/docker/cli-plugins"), Path("/usr/local/libexec/docker/cli-plugins")]
    # In a mount namespace of its own, the plugins of this machine are not there.
    hide = " && ".join(f"mount -t tmpfs none {folder}" for folder in folders if folder.is_dir())
    edgebake = f"{sys.executable} -m edgebake bake"
    environment = {**os.environ, "DOCKER_CONFIG": str(demo.root / "none"), "HOME": str(demo.root)}
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-c", f"{hide} && {edgebake}"],
        cwd=demo.root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "Docker has no Buildx" in done.stderr
    assert "hint: install docker-buildx-plugin" in done.stderr


@pytest.fixture
def engine_without_emulation(no_binfmt: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A second engine, started where arm64 is not emulated; its address."""
    folder = tmp_path_factory.mktemp("engine")
    address = f"unix://{folder}/docker.sock"
    (folder / "daemon.json").write_text('{"features": {"containerd-snapshotter": true}}')
    # In a network of its own: an engine without a bridge removes the one that it finds.
    command = [
        "unshare",
        "--net",
        "dockerd",
        "-H",
        address,
        "--config-file",
        str(folder / "daemon.json"),
        "--bridge=none",
    ]
    command += ["--iptables=false", "--ip6tables=false", f"--pidfile={folder}/pid"]
    command += [f"--data-root={folder}/data", f"--exec-root={folder}/run"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        run("timeout", "60", "bash", "-c", f"until docker -H {address} info >/dev/null 2>&1; do sleep 0.3; done")
        yield address
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_a_platform_that_the_builder_cannot_do(demo: Project, engine_without_emulation: str) -> None:
    message = refused(demo, "--platform", "linux/arm64", env={"DOCKER_HOST": engine_without_emulation})
    assert "the builder cannot run commands for linux/arm64" in message
    assert "it supports linux/386" in message or "it supports linux/amd64" in message
    assert "hint: install QEMU" in message


def test_an_unknown_builder(demo: Project) -> None:
    assert "the builder 'nobody' cannot be used" in refused(demo, "--builder", "nobody")


def test_a_registry_that_is_not_there(demo: Project) -> None:
    message = refused(demo, "--platform", "linux/amd64", "--push", "--registry", "localhost:5999/x")
    assert "connection refused" in message
    assert "hint: check that the registry runs" in message


@pytest.fixture
def locked_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry that wants a login (user `u`, password `p`)."""
    folder = tmp_path_factory.mktemp("registry")
    (folder / "users").write_text("u:$2b$04$M6b3a0qkU0PHyTn6rCMuKOoLAeLRnUZMdWtHdwuk9kkbYlnCXQvFq\n")
    (folder / "config.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
        f"http: {{addr: '127.0.0.1:5998'}}\n"
        f"auth: {{htpasswd: {{realm: test, path: {folder}/users}}}}\n"
    )
    program = shutil.which("docker-registry")
    assert program
    process = subprocess.Popen([program, "serve", str(folder / "config.yml")], stderr=subprocess.DEVNULL)
    try:
        run("timeout", "20", "bash", "-c", "until (echo > /dev/tcp/127.0.0.1/5998) 2>/dev/null; do sleep 0.2; done")
        yield "localhost:5998/x"
    finally:
        process.terminate()
        process.wait(timeout=10)


def test_a_registry_that_refuses(demo: Project, locked_registry: str) -> None:
    message = refused(demo, "--platform", "linux/amd64", "--push", "--registry", locked_registry)
    assert "hint: log in to the registry: docker login" in message
