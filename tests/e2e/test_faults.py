"""Engines and registries that go away in the middle of a bake, and a disk that is full; each followed by a resume.

Not part of the ordinary run, as it takes minutes: pytest -m faults tests/e2e/test_faults.py
Each test has an engine of its own, beside the one that is there. docs/faults.md tells what comes of them.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from test_survival import fates, journal, start, until, write_images

from conftest import Project, run

pytestmark = pytest.mark.faults
BRIDGE = "ebfault0"


@dataclass
class Engine:
    """A dockerd of its own: data, sockets and a bridge that nobody else uses."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"unix://{self.folder}/docker.sock"

    def up(self) -> None:
        (self.folder / "daemon.json").write_text('{"features": {"containerd-snapshotter": true}}')
        (self.folder / "docker.pid").unlink(missing_ok=True)
        command = ["dockerd", "-H", self.address, f"--config-file={self.folder}/daemon.json", f"--bridge={BRIDGE}"]
        command += ["--iptables=false", "--ip6tables=false", f"--pidfile={self.folder}/docker.pid"]
        command += [f"--data-root={self.folder}/data", f"--exec-root={self.folder}/run"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until(lambda: run("docker", "-H", self.address, "info", check=False).code == 0, 60)

    def kill(self) -> None:
        """End it as a crash does, with its containerd and what it runs."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if str(self.folder).encode() in path.read_bytes() and b"dockerd" not in path.read_bytes()[:8]:
                    os.kill(int(path.parent.name), signal.SIGKILL)
            except (OSError, ValueError):
                continue

    def down(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.kill()


@pytest.fixture
def engine_of_its_own(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    # A bridge of another name: an engine without one removes the default bridge, which is another engine's.
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "addr", "add", "172.31.250.1/24", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    engine = Engine(Path(str(tmp_path_factory.mktemp("engine"))))
    monkeypatch.setenv("DOCKER_HOST", engine.address)
    try:
        yield engine
    finally:
        engine.down()
        monkeypatch.delenv("DOCKER_HOST")
        run("ip", "link", "delete", BRIDGE, check=False)
        for line in reversed(Path("/proc/mounts").read_text().splitlines()):
            if str(engine.folder) in line.split()[1]:
                run("umount", "-l", line.split()[1], check=False)
        shutil.rmtree(engine.folder, ignore_errors=True)


@dataclass
class Registry:
    """A registry of its own, which can go away and come back with what it had."""

    folder: Path
    address: str = "localhost:5996"
    process: subprocess.Popen[bytes] | None = field(default=None)

    def up(self) -> None:
        (self.folder / "config.yml").write_text(
            f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {self.folder}/data}}}}\n"
            "http: {addr: '127.0.0.1:5996'}\n"
        )
        program = shutil.which("docker-registry")
        assert program
        command = [program, "serve", str(self.folder / "config.yml")]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        until(lambda: run("crane", "catalog", self.address, check=False).code == 0, 20)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def registry_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    registry = Registry(tmp_path_factory.mktemp("registry"))
    yield registry
    registry.kill()


def ended(process: subprocess.Popen[str], seconds: float = 120) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=seconds)
    print(err[-3000:])  # noqa: T201 (shown by pytest if the test fails, and with -s)
    return process.returncode, out, err


def test_an_engine_that_is_killed_and_comes_back_is_waited_for(project: Project, engine_of_its_own: Engine) -> None:
    engine_of_its_own.up()
    write_images(project, {"quick": "echo quick > /opt/quick", "slow": "sleep 20; echo slow > /opt/slow"})
    process = start(project, "--push", "--json")
    until(lambda: journal(project, "finished"))
    engine_of_its_own.kill()
    engine_of_its_own.up()
    code, out, err = ended(process)
    assert code == 0, err
    assert "↻ retry" in err
    assert fates(json.loads(out)) == {"quick": "built", "slow": "built"}
    assert [entry["bake_targets"] for entry in journal(project, "retry")][0] == ["slow-tiny"]


def test_an_engine_that_stays_away_is_told_and_the_next_bake_goes_on(
    project: Project, engine_of_its_own: Engine
) -> None:
    engine_of_its_own.up()
    write_images(project, {"quick": "echo quick > /opt/quick", "slow": "sleep 20; echo slow > /opt/slow"})
    process = start(project, "--push", "--retries", "1")
    until(lambda: journal(project, "finished"))
    engine_of_its_own.kill()
    code, _, err = ended(process)
    assert code == 2
    assert "error: the bake of slow-tiny failed" in err
    assert "hint: check that the engine runs" in err
    assert "Traceback" not in err
    engine_of_its_own.up()
    assert fates(project.bake("--push", "--json").json()) == {"quick": "up to date", "slow": "built"}


def test_a_registry_that_goes_down_during_a_push(project: Project, registry_of_its_own: Registry) -> None:
    registry_of_its_own.up()
    # No bake before this one may have left it in the engine's cache.
    slow = f"sleep 15; echo slow > /opt/slow # {project.registry}"
    write_images(project, {"quick": "echo quick > /opt/quick", "slow": slow})
    there = ("--push", "--registry", f"{registry_of_its_own.address}/x")
    process = start(project, *there)
    until(lambda: journal(project, "finished"))
    registry_of_its_own.kill()
    code, _, err = ended(process)
    assert code == 2
    assert "connection refused" in err
    assert "hint: check that the registry runs" in err
    assert len(journal(project, "retry")) == 2
    registry_of_its_own.up()
    assert fates(project.bake(*there, "--json").json()) == {"quick": "up to date", "slow": "built"}


def test_a_disk_that_is_full(project: Project, engine_of_its_own: Engine) -> None:
    data = engine_of_its_own.folder / "data"
    data.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=500m", "none", str(data))
    engine_of_its_own.up()
    write_images(
        project,
        {"small": "echo small > /opt/small", "large": "head -c 600M /dev/zero > /opt/large; sync /opt/large"},
    )
    done = project.bake("--push", "--keep-going", check=False)
    print(done.err[-3000:])  # noqa: T201
    assert done.code == 2
    assert "no space left on device" in done.err.lower()
    assert "hint: make room for the engine" in done.err
    assert journal(project, "retry") == []
    run("mount", "-o", "remount,size=4g", str(data))
    told = fates(project.bake("--push", "--json").json())
    assert told == {"small": "up to date", "large": "built"}


def test_a_platform_that_is_not_emulated(project: Project, engine_of_its_own: Engine) -> None:
    write_images(project, {"app": "echo app > /opt/app"})
    target = project.root / "targets/tiny.yaml"
    target.write_text(target.read_text().replace("[linux/amd64]", "[linux/arm64]"))
    handler = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
    handler.write_text("0")
    try:
        engine_of_its_own.up()
        done = project.bake("--push", check=False)
    finally:
        handler.write_text("1")
    assert done.code == 2
    assert "the builder cannot run commands for linux/arm64" in done.err
    assert "hint: install QEMU" in done.err
    assert journal(project, "run") == []
    engine_of_its_own.down()
    engine_of_its_own.up()
    assert fates(project.bake("--push", "--json").json()) == {"app": "built"}
