"""What `edgebake detect` prints."""

from __future__ import annotations

from collections.abc import Iterator

from edgebake.cli.console import Renderable, table
from edgebake.host.fit import Grade
from edgebake.host.machine import Gpu, Machine
from edgebake.host.match import Detection
from edgebake.model.output import machine as published

UNKNOWN = "unknown"
_TITLES = {
    "model": "Model",
    "kind": "Kind",
    "architecture": "Architecture",
    "soc": "SoC",
    "memory": "Memory",
    "l4t": "L4T",
    "jetpack": "JetPack",
    "os": "System",
    "glibc": "C library",
    "python": "Python",
    "driver": "NVIDIA driver",
    "cuda": "Driver's CUDA",
    "toolkit": "CUDA toolkit",
    "cuda_flavour": "CUDA binaries",
}
_KINDS = {"jetson": "Jetson (Tegra)", "sbsa": "Arm server or workstation (SBSA)", "pc": "PC or server"}
_DOUBTS: dict[Grade, str] = {
    "minor": "by CUDA's minor version compatibility, if the image allows it",
    "unproven": "sources disagree whether they run",
}
_OF_JETSONS = ("soc", "l4t", "jetpack")
_OF_GPUS = ("driver", "cuda", "cuda_flavour")


def text(detection: Detection) -> Renderable:
    """Return a table of facts, each with its source."""
    return table(("FACT", "VALUE", "FROM"), rows(detection), wrap=("VALUE", "FROM"))


def data(detection: Detection) -> published.Detect:
    """Return what `--json` prints. Sizes are in bytes."""
    board = detection.board.name if detection.board else None
    return published.Detect.of(detection.machine, version=1, board=board, targets=detection.targets)


def rows(detection: Detection) -> list[tuple[str, str, str]]:
    """Return each fact's name, value and source."""
    machine = detection.machine
    result = [_row(name, machine) for name in _TITLES if _is_expected(name, machine)]
    result.insert(1, ("Board profile", *_board(detection)))
    result += [(f"GPU {number}", *_gpu(gpu, machine)) for number, gpu in enumerate(machine.gpus)]
    if not machine.gpus:
        result.append(("GPU", "no NVIDIA GPU was found", ""))
    result += [("Containers", *_runtime(machine)), *_targets(detection)]
    return [*result, *(("Note", note, "") for note in machine.notes)]


def _is_expected(name: str, machine: Machine) -> bool:
    """Tell whether a fact makes sense here: a PC has no L4T. One that is expected and missing is unknown."""
    if getattr(machine, name) is not None or machine.kind is None:
        return True
    if name in _OF_JETSONS:
        return machine.is_jetson
    return bool(machine.gpus) if name in _OF_GPUS else True


def _row(name: str, machine: Machine) -> tuple[str, str, str]:
    fact = getattr(machine, name)
    if fact is None:
        return _TITLES[name], UNKNOWN, ""
    value = fact.value
    if name == "memory":
        value = _size(value)
    if name == "kind":
        value = _KINDS[value]
    return _TITLES[name], value, fact.source


def _board(detection: Detection) -> tuple[str, str]:
    machine, board = detection.machine, detection.board
    if board is not None:
        own = [part for part in machine.parts if part in board.modules]
        return board.name, f"module {', '.join(own)}, memory"
    if not machine.is_jetson:
        return "none: profiles are for Jetson boards", ""
    parts = ", ".join(machine.parts) or "no known part"
    return UNKNOWN, f"no profile has {parts} and this memory"


def _targets(detection: Detection) -> Iterator[tuple[str, str, str]]:
    if not detection.targets:
        yield "Targets", "none fits", ""
        return
    yield "Targets", ", ".join(one.name for one in detection.targets if one.grade not in _DOUBTS), ""
    for doubt, reason in _DOUBTS.items():
        names = [one.name for one in detection.targets if one.grade == doubt]
        if names:
            yield "", ", ".join(names), reason


def _gpu(gpu: Gpu, machine: Machine) -> tuple[str, str]:
    name = gpu.name or ("integrated" if machine.is_jetson else UNKNOWN)
    parts = [name, f"sm {gpu.sm or UNKNOWN}"]
    if gpu.memory is not None:
        parts.append(_size(gpu.memory))
    elif machine.is_jetson:
        parts.append("shares the memory")
    return ", ".join(parts), ", ".join(gpu.sources)


def _runtime(machine: Machine) -> tuple[str, str]:
    runtime = machine.runtime
    if not runtime.docker:
        return "Docker was not found", ""
    parts = ["Docker"]
    if runtime.nvidia_runtime:
        known = ", Docker's default" if runtime.default else "" if runtime.configured else ", unknown to Docker"
        parts.append(f"NVIDIA's runtime{known}")
    if runtime.cdi:
        parts.append(f"CDI ({', '.join(runtime.cdi)})")
    if runtime.host_files:
        parts.append(f"{len(runtime.host_files)} lists of mounted files")
    return "; ".join(parts), runtime.nvidia_runtime or ""


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
