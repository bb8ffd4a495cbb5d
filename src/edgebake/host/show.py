"""What `edgebake detect` prints: as text, and as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgebake.host.built import for_target
from edgebake.host.fit import GRADES, Grade, judge
from edgebake.host.machine import Gpu, Machine
from edgebake.model.board import Board
from edgebake.model.target import Target
from edgebake.text.table import as_table

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


@dataclass(frozen=True)
class Found:
    """A machine, the board profile that it is, and the targets that run on it."""

    machine: Machine
    board: Board | None
    targets: tuple[tuple[str, Grade], ...]
    """Names of the targets, and how near they are to the machine; those for its GPU first, the nearest first."""


def found(machine: Machine, board: Board | None, targets: Sequence[Target]) -> Found:
    """Return a machine with the targets whose images run on it."""
    verdicts = [(target, judge(for_target(target), machine)) for target in targets]
    fitting = [(target, verdict.grade) for target, verdict in verdicts if verdict.fits]
    fitting.sort(key=lambda one: (one[0].cuda is None, GRADES.index(one[1]), one[0].name))
    return Found(machine, board, tuple((target.name, grade) for target, grade in fitting))


def as_text(this: Found) -> str:
    """Return a table: each fact, and where it comes from."""
    machine = this.machine
    rows = [_row(name, machine) for name in _TITLES if _asked(name, machine)]
    rows.insert(1, ("Board profile", *_board(this)))
    rows += [(f"GPU {number}", *_gpu(gpu, machine)) for number, gpu in enumerate(machine.gpus)]
    if not machine.gpus:
        rows.append(("GPU", "no NVIDIA GPU was found", ""))
    rows += [("Containers", *_runtime(machine)), *_targets(this)]
    rows += [("Note", note, "") for note in machine.notes]
    return as_table([("FACT", "VALUE", "FROM"), *rows])


def _asked(name: str, machine: Machine) -> bool:
    """Tell whether a fact has a sense here: a PC has no L4T. What should be known is shown as unknown."""
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


def _board(this: Found) -> tuple[str, str]:
    if this.board is not None:
        own = [part for part in this.machine.parts if part in this.board.modules]
        return this.board.name, f"module {', '.join(own)}, memory"
    if not this.machine.is_jetson:
        return "none: profiles are for Jetson boards", ""
    parts = ", ".join(this.machine.parts) or "no part that is known"
    return UNKNOWN, f"no profile has {parts} and this memory"


def _targets(this: Found) -> list[tuple[str, str, str]]:
    if not this.targets:
        return [("Targets", "none fits", "")]
    rows = [("Targets", ", ".join(name for name, grade in this.targets if grade not in _DOUBTS), "")]
    for doubt, text in _DOUBTS.items():
        names = [name for name, grade in this.targets if grade == doubt]
        rows += [("", ", ".join(names), text)] if names else []
    return rows


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


def as_data(this: Found) -> dict[str, Any]:
    """Return the same for JSON; what is not known is null. Sizes in bytes."""
    machine, runtime = this.machine, this.machine.runtime
    facts = {name: {"value": fact.value, "source": fact.source} if fact else None for name, fact in machine.facts()}
    return {
        "version": 1,
        "board": this.board.name if this.board else None,
        "parts": list(machine.parts),
        **facts,
        "gpus": [
            {"name": g.name, "sm": g.sm, "memory": g.memory, "brand": g.brand, "sources": list(g.sources)}
            for g in machine.gpus
        ],
        "runtime": {
            "docker": runtime.docker,
            "nvidia_runtime": runtime.nvidia_runtime,
            "configured": runtime.configured,
            "default": runtime.default,
            "cdi": list(runtime.cdi),
            "host_files": list(runtime.host_files),
        },
        "targets": [{"name": name, "grade": grade} for name, grade in this.targets],
        "notes": list(machine.notes),
    }
