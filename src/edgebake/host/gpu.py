"""GPUs: by NVML, by nvidia-smi, by the driver's files, by the device tree, and by the PCI bus."""

from __future__ import annotations

import csv
import re
import subprocess
from collections.abc import Sequence

from edgebake.dataclasses import dataclass
from edgebake.host.files import Files
from edgebake.host.machine import Gpu
from edgebake.host.tables import GPU_BRANDS, GPU_SM, SOC_SM, first_match

TIMEOUT = 20  # seconds; waking a GPU up takes some
_NVIDIA = "0x10de"  # PCI vendor
_DISPLAY = ("0x0300", "0x0302")  # PCI classes: VGA and 3D controllers
_QUERY = "name,compute_cap,memory.total,driver_version"


@dataclass(frozen=True)
class Seen:
    """What one source says. `cuda`: the newest CUDA that the driver knows."""

    gpus: tuple[Gpu, ...] = ()
    driver: str | None = None
    cuda: str | None = None
    note: str = ""


def by_nvidia_smi() -> Seen:
    """Ask nvidia-smi, of the running machine."""
    command = ["nvidia-smi", f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except FileNotFoundError:
        return Seen()
    except (OSError, subprocess.TimeoutExpired) as error:
        return Seen(note=f"nvidia-smi: {error}")
    if done.returncode != 0:
        lines = (done.stdout.strip() or done.stderr.strip()).splitlines()
        return Seen(note=f"nvidia-smi: {lines[0] if lines else f'exit code {done.returncode}'}")
    return parse_nvidia_smi(done.stdout)


def parse_nvidia_smi(text: str) -> Seen:
    """Return what nvidia-smi's lines (CSV of `_QUERY`) say; "[N/A]" is not known."""
    gpus, driver = [], None
    for row in csv.reader(text.splitlines(), skipinitialspace=True):
        if len(row) != len(_QUERY.split(",")):
            continue
        name, sm, memory, driver = (None if re.fullmatch(r"\[.*\]|N/A", cell) else cell for cell in row)
        size = int(memory) << 20 if memory and memory.isdigit() else None
        gpus.append(gpu(name, sm.replace(".", "") if sm else None, size, None, "nvidia-smi"))
    return Seen(tuple(gpus), driver)


def by_files(files: Files) -> Seen:
    """Read what the driver says of its GPUs in /proc."""
    found = []
    for folder in files.names("/proc/driver/nvidia/gpus"):
        path = f"{folder}/information"
        match = re.search(r"^Model:\s*(.+?)\s*$", files.text(path) or "", re.MULTILINE)
        found.append(gpu(match[1] if match else None, None, None, None, path))
    version = re.search(r"^NVRM version:.*?\s(\d+\.[\d.]+)\s", f"{files.text('/proc/driver/nvidia/version')} ")
    return Seen(tuple(found), version[1] if version else None)


def by_soc(soc: str | None) -> Seen:
    """Return the GPU that is a part of a Tegra."""
    sm = SOC_SM.get(soc or "")
    return Seen((gpu(None, sm, None, None, "/proc/device-tree/compatible"),) if sm else ())


def by_pci(files: Files) -> Seen:
    """Look for NVIDIA's devices on the PCI bus: all that is known without a driver."""
    found = []
    for folder in files.names("/sys/bus/pci/devices"):
        kind = (files.text(f"{folder}/class") or "")[:6]
        if files.text(f"{folder}/vendor") == _NVIDIA and kind in _DISPLAY:
            device = files.text(f"{folder}/device") or "unknown"
            found.append(gpu(f"NVIDIA PCI device {device}", None, None, None, folder))
    return Seen(tuple(found))


def gpu(name: str | None, sm: str | None, memory: int | None, brand: str | None, source: str) -> Gpu:
    """Return a GPU; what its source does not say is taken from its name, if NVIDIA lists that."""
    sm, brand = sm or first_match(GPU_SM, name or ""), brand or first_match(GPU_BRANDS, name or "")
    return Gpu(name, sm, memory, brand, (source,))


def merged(sources: Sequence[Seen]) -> Seen:
    """Return what several sources say together; the first that knows a thing has the word.

    GPUs are joined by their place if the sources count the same number, as each counts in the order of the bus.
    """
    gpus: tuple[Gpu, ...] = ()
    for seen in sources:
        if not gpus:
            gpus = seen.gpus
        elif len(seen.gpus) == len(gpus):
            gpus = tuple(_joined(one, other) for one, other in zip(gpus, seen.gpus, strict=True))
    driver = next((seen.driver for seen in sources if seen.driver), None)
    cuda = next((seen.cuda for seen in sources if seen.cuda), None)
    return Seen(gpus, driver, cuda, "; ".join(seen.note for seen in sources if seen.note))


def _joined(one: Gpu, other: Gpu) -> Gpu:
    memory = one.memory if one.memory is not None else other.memory
    sources = (*one.sources, *other.sources)
    return Gpu(one.name or other.name, one.sm or other.sm, memory, one.brand or other.brand, sources)
