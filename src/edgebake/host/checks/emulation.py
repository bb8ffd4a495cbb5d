"""Emulation of other platforms: QEMU, and its registration with the kernel (binfmt_misc).

https://docs.kernel.org/admin-guide/binfmt-misc.html
"""

from __future__ import annotations

import re
import subprocess

from edgebake.dataclasses import dataclass
from edgebake.host.checks import Finding, Surroundings
from edgebake.host.files import Files

_FOLDER = "/proc/sys/fs/binfmt_misc"
_OTHER = {"amd64": ("arm64", "aarch64"), "arm64": ("amd64", "x86_64")}
_FLAGS = {"F": "its interpreter is not found in containers", "P": "programs that ask for their own name fail"}
"""Flags that a handler needs, and what happens without."""
OLDEST_QEMU = 10
"""With QEMU 7.2 emulated software for AI crashes, or hangs, when it starts; with 10 and 11 it runs (tried)."""


@dataclass(frozen=True)
class Handler:
    """How the kernel starts programs of another architecture."""

    enabled: bool
    interpreter: str
    flags: str


def parse_handler(text: str) -> Handler:
    """Return what a file in binfmt_misc says."""
    interpreter = re.search(r"^interpreter (.+)$", text, re.MULTILINE)
    flags = re.search(r"^flags: ([A-Z]*)$", text, re.MULTILINE)
    return Handler(text.startswith("enabled"), interpreter[1] if interpreter else "", flags[1] if flags else "")


def parse_qemu(text: str) -> int | None:
    """Return the major version in what `qemu-… --version` says."""
    match = re.search(r"version (\d+)\.", text)
    return int(match[1]) if match else None


def emulation(this: Surroundings) -> list[Finding]:
    """Look whether programs of the other architecture run."""
    architecture = this.machine.architecture.value if this.machine.architecture else ""
    if architecture not in _OTHER:
        return []
    arch, machine = _OTHER[architecture]
    name, path = f"Emulation of {arch}", f"{_FOLDER}/qemu-{machine}"
    remedies = (
        "sudo apt install qemu-user-binfmt   (Debian 13, Ubuntu 25.04 and later: QEMU 10)",
        f"or: docker run --privileged --rm tonistiigi/binfmt --install {arch}",
    )
    text = this.files.text(path)
    if text is None:
        return [Finding(name, "warning", "not installed: builds for it need a builder with such a node", remedies)]
    handler = parse_handler(text)
    if not handler.enabled:
        fix = (f"echo 1 | sudo tee {path}",)
        return [Finding(name, "warning", "switched off", fix, lambda: switch_on(this.files, path))]
    lacking = next((flag for flag in _FLAGS if flag not in handler.flags), None)
    if lacking:
        text = f"the handler lacks the flag {lacking}: {_FLAGS[lacking]} (flags: {handler.flags or 'none'})"
        return [Finding(name, "problem", text, remedies)]
    return [_version(name, handler, remedies)]


def switch_on(files: Files, path: str) -> str:
    """Switch a handler on, and say so."""
    place = files.place(path)
    if place is None:
        raise OSError(f"{path} not found")
    place.write_text("1")
    return f"wrote 1 to {path}"


def _version(name: str, handler: Handler, remedies: tuple[str, ...]) -> Finding:
    try:
        command = [handler.interpreter, "--version"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        found = parse_qemu(done.stdout)
    except (OSError, subprocess.TimeoutExpired):
        found = None  # with the flag F it may lie in an image that is gone
    if found is None:
        text = f"QEMU of an unknown version ({handler.interpreter}): version 10 or later is needed"
        return Finding(name, "unknown", text)
    if found < OLDEST_QEMU:
        text = f"QEMU {found} is too old: AI software hangs or crashes with versions before {OLDEST_QEMU}"
        return Finding(name, "problem", text, remedies)
    return Finding(name, "ok", f"QEMU {found}, flags {handler.flags}")
