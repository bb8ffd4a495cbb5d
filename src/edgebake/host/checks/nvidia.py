"""NVIDIA's driver, and its runtime for containers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from edgebake.errors import EdgebakeError
from edgebake.host.checks import Finding, Surroundings
from edgebake.host.flags import TOOLKIT
from edgebake.system.docker import last_line

_SPECIFICATION = Path("/etc/cdi/nvidia.yaml")


def driver(this: Surroundings) -> list[Finding]:
    """Look for a GPU, and whether its driver works."""
    machine = this.machine
    if not machine.gpus:
        return [Finding("GPU", "ok", "no NVIDIA GPU found: images for CPUs run")]
    names = ", ".join(gpu.name or f"sm {gpu.sm}" for gpu in machine.gpus)
    if machine.cuda is None:
        remedies = (
            "sudo ubuntu-drivers install   (Ubuntu)",
            "or: https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/",
        )
        return [Finding("GPU", "problem", f"{names}: no NVIDIA driver found", remedies)]
    if machine.notes:
        text = f"{names}: {'; '.join(machine.notes)}"
        return [Finding("GPU", "warning", text, ("reboot: the kernel's driver is not the installed one",))]
    version = f"driver {machine.driver.value}, " if machine.driver else ""
    return [Finding("GPU", "ok", f"{names}: {version}CUDA {machine.cuda.value}")]


def runtime(this: Surroundings) -> list[Finding]:
    """Look whether containers get the GPU."""
    if not this.machine.gpus:
        return []
    found = this.machine.runtime
    known = found.configured or "nvidia" in (this.info.get("Runtimes") or {})
    if known or found.cdi:
        how = "NVIDIA's runtime" if known else f"CDI ({', '.join(found.cdi)})"
        return [Finding("GPU in containers", "ok", how)]
    if this.files.in_path("nvidia-ctk") is None:
        text = "NVIDIA's container toolkit is not installed"
        return [Finding("GPU in containers", "problem", text, (f"install it: {TOOLKIT}",))]
    remedies = (
        "sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker",
        f"or: sudo nvidia-ctk cdi generate --output={_SPECIFICATION}",
    )
    may = this.files.running and os.geteuid() == 0 and not _SPECIFICATION.exists()
    text, fix = "Docker does not know NVIDIA's runtime", _generate if may else None
    return [Finding("GPU in containers", "problem", text, remedies, fix)]


def _generate() -> str:
    """Write a CDI specification where none exists."""
    command = ["nvidia-ctk", "cdi", "generate", f"--output={_SPECIFICATION}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise EdgebakeError(last_line(done.stderr))
    return f"wrote {_SPECIFICATION} with nvidia-ctk"
