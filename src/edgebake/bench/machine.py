"""The machine that benches run on: what the engine says of it, and what is known of this one, if it is the same."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from edgebake.host.detect import detect
from edgebake.host.files import Files
from edgebake.host.machine import Machine
from edgebake.model.bench import BenchMachine
from edgebake.system.docker import docker, last_line, unreachable

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # as `docker info` has them, and as OCI has them


class Engine:
    """The Docker Engine, and the machine that it runs on.

    Raises:
        EdgebakeError: there is no Docker, or no engine that it reaches.
    """

    def __init__(self) -> None:
        done = docker("info", "--format", "{{json .}}")
        if done.returncode != 0:
            raise unreachable(last_line(done.stderr))
        self._info: Mapping[str, Any] = json.loads(done.stdout)
        self.machine: Machine | None = detect(Files()) if self._is_here() else None
        """This machine, if the engine runs on it."""

    @property
    def platform(self) -> str:
        """The platform of what runs natively."""
        name = self._info.get("Architecture", "")
        return f"{self._info.get('OSType', 'linux')}/{_ARCHITECTURES.get(name, name)}"

    def _is_here(self) -> bool:
        here = os.uname()
        return (here.release, here.nodename) == (self._info.get("KernelVersion"), self._info.get("Name"))

    def facts(self) -> BenchMachine:
        """Return what is kept of the machine, without its load."""
        info, machine = self._info, self.machine
        known: dict[str, Any] = {}
        if machine is not None:
            names = ("model", "l4t", "driver")
            known = {name: fact.value for name in names if (fact := getattr(machine, name)) is not None}
            known["gpus"] = tuple(gpu.name or f"sm {gpu.sm}" for gpu in machine.gpus)
            known["cpu"] = processor(Files())
        return BenchMachine(
            cores=info.get("NCPU", 0),
            memory=info.get("MemTotal", 0),
            architecture=self.platform.partition("/")[2],
            os=info.get("OperatingSystem", ""),
            kernel=info.get("KernelVersion", ""),
            engine=info.get("ServerVersion", ""),
            **known,
        )


def processor(files: Files) -> str | None:
    """Return the processor's name; on Arm, where the kernel has none, the maker's and the part's number."""
    pairs: dict[str, str] = {}
    for line in (files.text("/proc/cpuinfo") or "").splitlines():
        name, separator, value = line.partition(":")
        if separator:
            pairs.setdefault(name.strip(), value.strip())
    if "model name" in pairs:
        return " ".join(pairs["model name"].split())
    if "CPU part" in pairs:
        return f"Arm {pairs.get('CPU implementer', '?')} {pairs['CPU part']}"
    return None


def load() -> float:
    """Return the mean number of waiting programs over the last minute."""
    return round(os.getloadavg()[0], 2)
