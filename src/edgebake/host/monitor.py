"""What a container uses while it runs: samples from `docker stats`, and of the GPU's memory from NVML."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import field

from pydantic import ByteSize, TypeAdapter

from edgebake.dataclasses import dataclass
from edgebake.system.docker import docker_process

_Size = TypeAdapter(ByteSize)
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class Usage:
    """Samples: CPU in percent of one core, memory in bytes."""

    cpu: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    gpu_memory: list[int] = field(default_factory=list)
    seconds: float = 0.0


def parse_stats(line: str) -> tuple[float, int] | None:
    """Return CPU (percent of one core) and memory (bytes) of a line of `docker stats`, or None if it has none."""
    try:
        data = json.loads(_ESCAPES.sub("", line))
        cpu = float(data["CPUPerc"].rstrip("%"))
        memory = int(_Size.validate_python(data["MemUsage"].partition("/")[0].strip()))
    except (ValueError, KeyError, TypeError):
        return None
    return (cpu, memory) if memory else None  # all zero: the container has not begun, or has ended


class Monitor:
    """Samples a container from now on, until :meth:`stop`.

    `gpu_memory` returns the bytes in use on the GPUs; None if unknown.
    """

    def __init__(self, name: str, gpu_memory: Callable[[], int | None]) -> None:
        self._usage = Usage()
        self._gpu_memory = gpu_memory
        self._name = name
        self._ended = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._begin = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> Usage:
        """Stop, and return what was sampled."""
        self._usage.seconds = time.monotonic() - self._begin
        self._ended.set()
        if self._process is not None:
            self._process.terminate()
        self._thread.join(timeout=10)
        return self._usage

    def _run(self) -> None:
        words = ("stats", "--no-trunc", "--format", "{{json .}}", self._name)
        while not self._ended.is_set():  # until there is such a container, docker stats ends with an error
            with docker_process(
                *words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, own_session=True
            ) as self._process:
                assert self._process.stdout is not None
                for line in self._process.stdout:
                    self._sample(line)
            self._ended.wait(0.2)

    def _sample(self, line: str) -> None:
        found = parse_stats(line)
        if found is None or self._ended.is_set():
            return
        self._usage.cpu.append(found[0])
        self._usage.memory.append(found[1])
        gpu = self._gpu_memory()
        if gpu is not None:
            self._usage.gpu_memory.append(gpu)
