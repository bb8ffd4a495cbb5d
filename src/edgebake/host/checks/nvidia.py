"""NVIDIA's driver, and its runtime for containers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.errors import EdgebakeError
from edgebake.host.finding import Finding
from edgebake.host.flags import TOOLKIT
from edgebake.system.docker import last_line

if TYPE_CHECKING:
    from edgebake.host.doctor import Surroundings

_SPECIFICATION = Path("/etc/cdi/nvidia.yaml")


def driver(this: Surroundings) -> Iterator[Finding]:
    """Look for a GPU, and whether its driver works."""
    machine = this.machine
    if not machine.gpus:
        yield Finding("GPU", "ok", "no NVIDIA GPU was found: images for CPUs run")
        return
    names = ", ".join(gpu.name or f"sm {gpu.sm}" for gpu in machine.gpus)
    if machine.cuda is None:
        mend = (
            "sudo ubuntu-drivers install   (Ubuntu)",
            "or: https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/",
        )
        yield Finding("GPU", "problem", f"{names}: no NVIDIA driver that is known", mend)
    elif machine.notes:
        text = f"{names}: {'; '.join(machine.notes)}"
        yield Finding("GPU", "warning", text, ("reboot: the driver in the kernel is not the one installed",))
    else:
        version = f"driver {machine.driver.value}, " if machine.driver else ""
        yield Finding("GPU", "ok", f"{names}: {version}CUDA {machine.cuda.value}")


def runtime(this: Surroundings) -> Iterator[Finding]:
    """Look whether containers get the GPU."""
    if not this.machine.gpus:
        return
    found = this.machine.runtime
    known = found.configured or "nvidia" in (this.info.get("Runtimes") or {})
    if known or found.cdi:
        how = "NVIDIA's runtime" if known else f"CDI ({', '.join(found.cdi)})"
        yield Finding("GPU in containers", "ok", how)
        return
    if this.files.in_path("nvidia-ctk") is None:
        text = "NVIDIA's container toolkit is not installed"
        yield Finding("GPU in containers", "problem", text, (f"install it: {TOOLKIT}",))
        return
    mend = (
        "sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker",
        f"or: sudo nvidia-ctk cdi generate --output={_SPECIFICATION}",
    )
    may = this.files.running and os.geteuid() == 0 and not _SPECIFICATION.exists()
    yield Finding(
        "GPU in containers", "problem", "Docker does not know NVIDIA's runtime", mend, _generate if may else None
    )


def _generate() -> str:
    """Write a CDI specification where there is none; nothing that is there changes."""
    command = ["nvidia-ctk", "cdi", "generate", f"--output={_SPECIFICATION}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise EdgebakeError(last_line(done.stderr))
    return f"wrote {_SPECIFICATION} with nvidia-ctk"
