"""What `edgebake doctor` says of what it sees. Docker itself is looked at in tests/e2e."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

import pytest

from edgebake.cli.console import render
from edgebake.cli.format.doctor import data, text
from edgebake.host.checks import Finding, Surroundings
from edgebake.host.checks.docker import containerd_store, room
from edgebake.host.checks.emulation import emulation, parse_handler, parse_qemu
from edgebake.host.checks.network import certificates, proxy
from edgebake.host.checks.nvidia import driver, runtime
from edgebake.host.detect import detect
from edgebake.host.doctor import examine
from edgebake.host.files import Files
from edgebake.registry.client import RegistryClient

MACHINES = Path(__file__).parents[1] / "machines"
CONTAINERD = {"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}
HANDLER = "enabled\ninterpreter {interpreter}\nflags: {flags}\noffset 0\nmagic 7f454c46\n"


def around(root: Path, **more: Any) -> Surroundings:
    files = Files(root)
    base = Surroundings(files, detect(files), {}, "localhost:5000", RegistryClient({}), None, {})
    return dataclasses.replace(base, **more)


def only(findings: Any) -> Finding:
    (finding,) = findings
    return finding


def amd64(folder: Path, flags: str | None, interpreter: Path | None = None) -> Path:
    (folder / "bin").mkdir()
    (folder / "bin/sh").write_bytes(b"\x7fELF\x02\x01\x01" + b"\0" * 9 + b"\x03\x00\x3e\x00")
    if flags is not None:
        place = folder / "proc/sys/fs/binfmt_misc/qemu-aarch64"
        place.parent.mkdir(parents=True)
        place.write_text(HANDLER.format(interpreter=interpreter or "/none/qemu", flags=flags))
    return folder


def qemu(folder: Path, version: str) -> Path:
    program = folder / "qemu"
    program.write_text(f"#!/bin/sh\necho 'qemu-aarch64 version {version} (Debian 1:{version})'\n")
    program.chmod(0o755)
    return program


# ── emulation


@pytest.mark.parametrize(
    ("version", "state"), [("7.2.17", "problem"), ("9.2.4", "problem"), ("10.0.2", "ok"), ("11.1.2", "ok")]
)
def test_qemu_before_10_is_a_problem(tmp_path: Path, version: str, state: str) -> None:
    root = amd64(tmp_path, "POF", qemu(tmp_path, version))
    finding = only(emulation(around(root)))
    assert finding.state == state
    assert f"QEMU {version.split('.')[0]}" in finding.text


@pytest.mark.parametrize(
    ("flags", "words"), [("OP", "lacks the flag F"), ("OF", "lacks the flag P"), ("", "lacks the flag F")]
)
def test_a_handler_needs_its_flags(tmp_path: Path, flags: str, words: str) -> None:
    finding = only(emulation(around(amd64(tmp_path, flags))))
    assert finding.state == "problem"
    assert words in finding.text
    assert any("tonistiigi/binfmt --install arm64" in command for command in finding.remedies)


def test_without_emulation_there_is_a_warning(tmp_path: Path) -> None:
    assert only(emulation(around(amd64(tmp_path, None)))).state == "warning"


def test_an_interpreter_that_is_not_here_has_no_known_version(tmp_path: Path) -> None:
    assert only(emulation(around(amd64(tmp_path, "POF")))).state == "unknown"


def test_a_handler_that_is_off_is_switched_on_and_it_is_said(tmp_path: Path) -> None:
    root = amd64(tmp_path, "POF")
    handler = root / "proc/sys/fs/binfmt_misc/qemu-aarch64"
    handler.write_text(handler.read_text().replace("enabled", "disabled"))
    assert only(emulation(around(root))).state == "warning"
    assert handler.read_text().startswith("disabled")
    mended = {finding.check: finding for finding in examine(around(root), fix=True)}["Emulation of arm64"]
    assert (mended.state, mended.fixed) == ("ok", "wrote 1 to /proc/sys/fs/binfmt_misc/qemu-aarch64")
    assert handler.read_text() == "1"


def test_what_cannot_be_mended_says_why(tmp_path: Path) -> None:
    root = amd64(tmp_path, "POF")
    surroundings = around(root)
    handler = root / "proc/sys/fs/binfmt_misc/qemu-aarch64"
    handler.write_text(handler.read_text().replace("enabled", "disabled"))
    finding = only(emulation(surroundings))
    handler.unlink()
    assert finding.fix is not None
    with pytest.raises(OSError, match="not found"):
        finding.fix()


def test_parsing() -> None:
    assert parse_handler("disabled\n") == parse_handler("disabled\ninterpreter\nflags:\n")
    assert parse_qemu("qemu-aarch64 version 11.1.2 (Debian 1:11.1.2+ds-3)") == 11
    assert parse_qemu("") is None


# ── Docker


@pytest.mark.parametrize(
    ("info", "state"), [(CONTAINERD, "ok"), ({"Driver": "overlay2", "DriverStatus": []}, "warning")]
)
def test_the_image_store(info: dict[str, Any], state: str) -> None:
    assert only(containerd_store(around(MACHINES / "pc-no-gpu", info=info))).state == state


@pytest.mark.parametrize(("gigabytes", "state"), [(4, "problem"), (19, "warning"), (21, "ok")])
def test_room_on_the_disk(gigabytes: int, state: str) -> None:
    finding = room(Path("/var/lib/docker"), gigabytes << 30)
    assert (finding.state, finding.text) == (state, f"{gigabytes}.0 GiB free in /var/lib/docker")


# ── network


def test_a_proxy_that_the_engine_does_not_know() -> None:
    here = around(MACHINES / "pc-no-gpu", info={"ServerVersion": "28"})
    assert only(proxy(here)).state == "ok"
    own = dataclasses.replace(here, environment={"HTTPS_PROXY": "http://me:secret@proxy.example:3128"})
    finding = only(proxy(own))
    assert finding.state == "warning"
    assert finding.text.startswith("proxy.example:3128; the engine does not know it")
    assert "secret" not in render(text(finding))
    told = dataclasses.replace(own, info={"ServerVersion": "28", "HTTPSProxy": "http://proxy.example:3128"})
    assert only(proxy(told)).state == "ok"


def test_certificates(tmp_path: Path) -> None:
    here = around(MACHINES / "pc-no-gpu")
    assert only(certificates(here)).state == "ok"
    finding = only(certificates(dataclasses.replace(here, environment={"SSL_CERT_FILE": "/a.pem"})))
    assert (finding.state, finding.remedies[0]) == ("warning", "export EDGEBAKE_CA_BUNDLE=/a.pem")
    bundle = tmp_path / "ca.pem"
    assert only(certificates(dataclasses.replace(here, ca_bundle=bundle))).state == "problem"
    bundle.write_text("nothing")
    assert only(certificates(dataclasses.replace(here, ca_bundle=bundle))).text.endswith("has no certificate")
    bundle.write_text("-----BEGIN CERTIFICATE-----\n" * 2)
    assert only(certificates(dataclasses.replace(here, ca_bundle=bundle))).text == f"2 certificates in {bundle}"


# ── NVIDIA


@pytest.mark.parametrize(
    ("machine", "gpu", "containers"),
    [
        ("pc-no-gpu", "ok", None),
        ("pc-no-driver", "problem", "problem"),
        ("pc-rtx3090", "ok", "ok"),
        ("jetson-orin-nano-jp6.2", "ok", "ok"),
        ("dgx-spark", "ok", "ok"),
    ],
)
def test_nvidia(machine: str, gpu: str, containers: str | None) -> None:
    here = around(MACHINES / machine)
    assert only(driver(here)).state == gpu
    found = list(runtime(here))
    assert (found[0].state if found else None) == containers


def test_a_runtime_that_docker_does_not_know(tmp_path: Path) -> None:
    import shutil

    root = shutil.copytree(MACHINES / "pc-rtx3090", tmp_path / "pc", symlinks=True)
    (root / "etc/docker/daemon.json").unlink()
    (root / "etc/cdi/nvidia.yaml").unlink()
    (root / "usr/bin/nvidia-ctk").touch()
    finding = only(runtime(around(root)))
    assert finding.state == "problem"
    assert finding.remedies[0].startswith("sudo nvidia-ctk runtime configure --runtime=docker")
    assert finding.fix is None  # another machine's files are never written
    assert only(runtime(around(root, info={"Runtimes": {"nvidia": {}}}))).state == "ok"


# ── the whole


def test_a_check_that_fails_never_stops_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    here = around(MACHINES / "pc-no-gpu", registry="localhost:1/x")
    found = {finding.check: finding for finding in examine(here)}
    assert found["Docker"].state == "problem"
    assert found["Docker"].text == "docker not found"
    assert found["Registry"].state == "warning"
    assert list(found)[-1] == "GPU"
    assert data(list(found.values())).ok is False


def test_every_finding_that_is_not_ok_says_what_mends_it(tmp_path: Path) -> None:
    roots = [amd64(tmp_path, "O"), *(path for path in MACHINES.iterdir() if path.is_dir())]
    for root in roots:
        for check in (emulation, driver, runtime, proxy, certificates):
            for finding in check(around(root)):
                assert finding.state in ("ok", "unknown") or finding.remedies, finding


# ── what is printed

FULL = Finding("Disk", "warning", "7.0 GiB free in /var/lib/docker", ("docker system df", "docker image prune"))


class Terminal(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_a_finding_comes_with_what_fixes_it_unless_it_is_ok() -> None:
    assert render(text(FULL)).splitlines() == [
        "! Disk                7.0 GiB free in /var/lib/docker",
        "                      → docker system df",
        "                      → docker image prune",
    ]
    fixed = dataclasses.replace(FULL, state="ok", fixed="pruned")
    assert render(text(fixed)).splitlines()[1:] == ["                      done: pruned"]


def test_through_a_pipe_nothing_is_cut_and_on_a_terminal_all_lines_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    long = dataclasses.replace(FULL, text="word " * 60)
    assert len(render(text(long)).splitlines()[0]) > 300
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    lines = render(text(long), Terminal()).splitlines()
    assert len(lines) > 7
    assert max(map(len, lines)) <= 60
    assert all(line.startswith(" " * 22) for line in lines[1:])


def test_json_has_the_keys_that_it_always_had() -> None:
    printed = data([FULL, dataclasses.replace(FULL, state="problem", remedies=(), fix=lambda: "")]).model_dump()
    assert printed["ok"] is False
    assert printed["findings"][0] == {
        "check": "Disk",
        "state": "warning",
        "text": "7.0 GiB free in /var/lib/docker",
        "fix": ["docker system df", "docker image prune"],
        "can_fix": False,
        "fixed": "",
    }
    assert printed["findings"][1]["can_fix"]
