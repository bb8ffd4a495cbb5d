"""The machine that benches run on: what the engine says of it, and what is known of this one, if it is the same."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from edgebake.host.detect import MACHINES, detect
from edgebake.host.files import Files
from edgebake.host.machine import Machine
from edgebake.model.bench import BenchMachine
from edgebake.system.docker import docker, last_line, unreachable


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
        uname, info = os.uname(), self._info
        is_here = (uname.release, uname.nodename) == (info.get("KernelVersion"), info.get("Name"))
        self.machine: Machine | None = detect(Files()) if is_here else None
        """This machine, if the engine runs on it."""

    @property
    def platform(self) -> str:
        """The platform of what runs natively."""
        name = self._info.get("Architecture", "")
        return f"{self._info.get('OSType', 'linux')}/{MACHINES.get(name, name)}"

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
    text = files.text("/proc/cpuinfo") or ""
    names = ("model name", "CPU implementer", "CPU part")
    model, maker, part = (re.search(rf"^{name}\s*:(.*)$", text, re.MULTILINE) for name in names)
    if model:
        return " ".join(model[1].split())
    return f"Arm {maker[1].strip() if maker else '?'} {part[1].strip()}" if part else None


def load() -> float:
    """Return the mean number of waiting programs over the last minute."""
    return round(os.getloadavg()[0], 2)
