#!/usr/bin/env python3
"""Shows how much memory NVIDIA's GPUs have, how much is used, and by which processes.

It asks NVML (libnvidia-ml.so.1), else nvidia-smi, else the kernel of a Jetson, whose GPU shares the CPU's
memory. Exit codes: 0; 2 for wrong arguments; 3 if there is no GPU to be seen.
"""

# Needs nothing but Python 3.6, which JetPack 4 has; therefore it names no types.

import argparse
import csv
import ctypes
import json
import re
import subprocess
import sys
import time
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

EXIT_NO_GPU = 3
KIB, MIB = 1 << 10, 1 << 20
NVMAP_CLIENTS = "sys/kernel/debug/nvmap/iovmm/clients"

Process = namedtuple("Process", "pid name used")
"""A process that holds memory of a GPU; `used` in bytes, None if nobody tells."""

Gpu = namedtuple("Gpu", "index name uuid total used free shared processes")
"""A GPU's memory in bytes, None where nobody tells. `shared`: it is the CPU's memory, too."""

Reading = namedtuple("Reading", "source gpus notes")
"""What a source says at one moment; `notes` say what it cannot."""


class UnavailableError(Exception):
    """A source does not exist on this machine; the text says why."""


# ── the kernel's files


class Kernel:
    """The files in which a kernel tells of memory and processes.

    Args:
        root: the folder that has its /proc, /sys and /dev.
    """

    def __init__(self, root):
        self._root = Path(root)

    def text(self, path):
        """Return a file's text; None if it is not there or may not be read."""
        try:
            return (self._root / path).read_text(errors="replace")
        except OSError:
            return None

    def memory(self):
        """Return /proc/meminfo in bytes."""
        found = re.findall(r"^(\S+):\s+(\d+) kB$", self.text("proc/meminfo") or "", re.MULTILINE)
        return {name: int(number) * KIB for name, number in found}

    def name_of(self, pid):
        """Return a process' name; "?" if this container does not see it."""
        return (self.text(f"proc/{pid}/comm") or "?").strip()

    def is_jetson(self):
        """Tell whether this is a Tegra. Containers mostly do not see the device tree."""
        if "nvidia,tegra" in (self.text("proc/device-tree/compatible") or ""):
            return True
        return "NvMapMemUsed" in self.memory() or (self._root / "dev/nvmap").exists()


_SIZE = r"(?P<size>\d+)(?P<unit>[KMG]?)$"
_PSS = r"(?:\d+[KMG]\s+)?"  # a column that some kernels have before the size
_CLIENT = re.compile(r"\S+\s+(?P<name>\S.*?)\s+(?P<pid>\d+)\s+" + _PSS + _SIZE)
_TOTAL = re.compile(r"total\s+" + _PSS + _SIZE)
_UNITS = {"": 1, "K": KIB, "M": KIB**2, "G": KIB**3}


def nvmap_clients(table):
    """Return the processes of nvmap's table, and its total; None if it has none."""
    found, total = {}, None
    for line in table.splitlines():
        match = _TOTAL.match(line.strip()) or _CLIENT.match(line.strip())
        if match is None:
            continue
        size = int(match.group("size")) * _UNITS[match.group("unit")]
        if match.re is _TOTAL:
            total = size
        else:
            pid = int(match.group("pid"))
            known = found[pid].used if pid in found else 0  # one process can be several clients
            found[pid] = Process(pid, match.group("name"), known + size)
    return tuple(found[pid] for pid in sorted(found)), total


def sharing(gpu, kernel):
    """Return a GPU that shares the CPU's memory, with what the kernel tells of that.

    All memory is the GPU's, too; free is what a program could still get. Used is what the kernel counts, on Orin;
    else what nvmap or the processes add up to: nvmap alone tells on older boards, and sees nothing on Thor.
    """
    memory = kernel.memory()
    clients, total = nvmap_clients(kernel.text(NVMAP_CLIENTS) or "")
    processes = gpu.processes or clients
    known = [one.used for one in processes if one.used is not None]
    sums = [*([] if total is None else [total]), *([sum(known)] if known else [])]
    used = memory.get("NvMapMemUsed", max(sums) if sums else None)
    free = memory.get("MemAvailable")
    return gpu._replace(total=memory.get("MemTotal"), used=used, free=free, shared=True, processes=processes)


# ── NVML


class Memory(ctypes.Structure):
    """nvmlMemory_t."""

    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


class ProcessV1(ctypes.Structure):
    """nvmlProcessInfo_v1_t."""

    _fields_ = [("pid", ctypes.c_uint), ("used", ctypes.c_ulonglong)]


class ProcessV2(ctypes.Structure):
    """nvmlProcessInfo_v2_t, which the functions of version 3 fill, too."""

    _fields_ = [
        ("pid", ctypes.c_uint),
        ("used", ctypes.c_ulonglong),
        ("gpu_instance", ctypes.c_uint),
        ("compute_instance", ctypes.c_uint),
    ]


class Nvml:
    """NVIDIA's management library, which comes with the driver.

    Args:
        library: the opened library: an object that has its functions.
        kernel: for what NVML does not tell.

    Raises:
        UnavailableError: there is no driver, or no GPU.
    """

    SUCCESS, NOT_SUPPORTED, INSUFFICIENT_SIZE = 0, 3, 7
    NO_VALUE = (1 << 64) - 1
    _VERSIONS = (("_v3", ProcessV2), ("_v2", ProcessV2), ("", ProcessV1))  # a driver has some of them

    def __init__(self, library, kernel):
        self._library = library
        self._kernel = kernel
        self._call("nvmlInit_v2")
        count = ctypes.c_uint()
        self._call("nvmlDeviceGetCount_v2", ctypes.byref(count))
        if not count.value:
            raise UnavailableError("NVML sees no GPU")
        self._devices = []
        for index in range(count.value):
            device = ctypes.c_void_p()
            self._call("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(device))
            self._devices.append(device)

    @classmethod
    def open(cls, path, kernel):
        """Open the library at `path`, or of that name.

        Raises:
            UnavailableError: it is not there, or of no use.
        """
        try:
            library = ctypes.CDLL(path)
        except OSError:
            raise UnavailableError(f"there is no {path}") from None
        return cls(library, kernel)

    def read(self):
        """Return what NVML says now.

        Raises:
            UnavailableError: it no longer answers.
        """
        return Reading("nvml", tuple(self._gpu(*numbered) for numbered in enumerate(self._devices)), ())

    def _gpu(self, index, device):
        name, uuid = self._text("nvmlDeviceGetName", device), self._text("nvmlDeviceGetUUID", device)
        gpu = Gpu(index, name, uuid, None, None, None, False, self._processes(device))
        memory = Memory()
        status = self._status("nvmlDeviceGetMemoryInfo", device, ctypes.byref(memory))
        if status == self.NOT_SUPPORTED:  # the GPU has no memory of its own
            return sharing(gpu, self._kernel)
        self._check("nvmlDeviceGetMemoryInfo", status)
        return gpu._replace(total=memory.total, used=memory.used, free=memory.free)

    def _processes(self, device):
        found = {}
        for kind in ("Compute", "Graphics"):
            for pid, used in self._running(f"nvmlDeviceGet{kind}RunningProcesses", device):
                # What computes and draws is in both lists, with the same memory.
                known = [size for size in (found.get(pid), used) if size is not None]
                found[pid] = max(known) if known else None
        return tuple(Process(pid, self._kernel.name_of(pid), used) for pid, used in sorted(found.items()))

    def _running(self, function, device):
        """Return process ids and memory of one list; nothing where the GPU has no such list."""
        there = [version for version in self._VERSIONS if hasattr(self._library, function + version[0])]
        if not there:
            return []
        suffix, kind = there[0]
        room = 0
        while True:
            count = ctypes.c_uint(room)
            entries = (kind * room)() if room else None
            status = self._status(function + suffix, device, ctypes.byref(count), entries)
            if status != self.INSUFFICIENT_SIZE or count.value < room:
                break
            room = count.value + 8  # for those that start meanwhile
        if status != self.SUCCESS or entries is None:
            return []
        told = entries[: min(count.value, room)]
        return [(one.pid, None if one.used == self.NO_VALUE else one.used) for one in told]

    def _text(self, function, device):
        text = ctypes.create_string_buffer(96)  # as long as NVML's texts can be
        status = self._status(function, device, text, ctypes.c_uint(len(text)))
        return text.value.decode(errors="replace") if status == self.SUCCESS else ""

    def _status(self, function, *values):
        try:
            return getattr(self._library, function)(*values)
        except AttributeError:
            raise UnavailableError(f"the NVML library has no {function}") from None

    def _check(self, function, status):
        if status != self.SUCCESS:
            raise UnavailableError(f"{function} fails with status {status}")

    def _call(self, function, *values):
        self._check(function, self._status(function, *values))


# ── nvidia-smi


class NvidiaSmi:
    """NVIDIA's program for the command line.

    Args:
        program: its path, or its name.
        kernel: for what it does not tell.
    """

    _GPUS = "--query-gpu=index,name,uuid,memory.total,memory.used,memory.free"
    _PROCESSES = "--query-compute-apps=gpu_uuid,pid,process_name,used_memory"

    def __init__(self, program, kernel):
        self._program = program
        self._kernel = kernel

    def read(self):
        """Return what nvidia-smi says now.

        Raises:
            UnavailableError: it is not there, or sees no GPU.
        """
        rows = self._ask(self._GPUS)
        if not rows:
            raise UnavailableError(f"{self._program} sees no GPU")
        processes = {}
        for uuid, pid, name, used in self._ask(self._PROCESSES):
            process = Process(int(pid), Path(name).name or "?", self._bytes(used))
            processes.setdefault(uuid, []).append(process)
        return Reading("nvidia-smi", tuple(self._gpu(row, processes.get(row[2], [])) for row in rows), ())

    def _gpu(self, row, processes):
        index, name, uuid, *sizes = row
        total, used, free = (self._bytes(size) for size in sizes)
        gpu = Gpu(int(index), name, uuid, total, used, free, False, tuple(sorted(processes, key=lambda p: p.pid)))
        return sharing(gpu, self._kernel) if used is None else gpu  # the GPU has no memory of its own

    def _ask(self, query):
        """Return the rows that answer a query; lines of another form are messages."""
        command = [self._program, query, "--format=csv,noheader,nounits"]
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
        except (OSError, subprocess.SubprocessError):
            raise UnavailableError(f"there is no {self._program} that runs") from None
        lines = done.stdout.decode(errors="replace").strip().splitlines()
        if done.returncode:
            raise UnavailableError(f"{self._program}: {lines[0] if lines else f'status {done.returncode}'}")
        columns = query.count(",") + 1
        return [row for row in csv.reader(lines, skipinitialspace=True) if len(row) == columns]

    @staticmethod
    def _bytes(mebibytes):
        """Return a size in bytes; None for [N/A], [Not Supported] and the like."""
        return int(mebibytes) * MIB if mebibytes.strip().isdigit() else None


# ── Jetson


class Jetson:
    """The kernel of a Jetson: /proc/meminfo, and nvmap's table of processes where it may be read.

    Args:
        kernel: the kernel's files.
    """

    def __init__(self, kernel):
        self._kernel = kernel

    def read(self):
        """Return what the kernel says now.

        Raises:
            UnavailableError: it is not a Jetson's.
        """
        if not self._kernel.is_jetson():
            raise UnavailableError("the kernel is not a Jetson's")
        name = (self._kernel.text("proc/device-tree/model") or "NVIDIA Jetson").strip("\0\n ")
        gpu = sharing(Gpu(0, name, "", None, None, None, True, ()), self._kernel)
        notes = []
        if self._kernel.text(NVMAP_CLIENTS) is None:
            notes.append(f"to see processes it needs root, and the host's /{NVMAP_CLIENTS}")
        if gpu.used is None:
            notes.append("this kernel does not count what the GPU uses")
        return Reading("jetson", (gpu,), tuple(notes))


# ── the source that works


class Sources:
    """The sources of this machine.

    Args:
        kernel: the kernel's files.
        nvml: path or name of NVML's library.
        nvidia_smi: path or name of nvidia-smi.
        only: one source, or "auto" for all.
    """

    NAMES = ("nvml", "nvidia-smi", "jetson")  # in the order in which they are asked

    def __init__(self, kernel, nvml, nvidia_smi, only="auto"):
        self._kernel = kernel
        self._library = nvml
        self._opened = None
        ways = (self._nvml, NvidiaSmi(nvidia_smi, kernel).read, Jetson(kernel).read)
        self._ways = [way for name, way in zip(self.NAMES, ways) if only in (name, "auto")]

    def read(self):
        """Return what the first source says that knows what is used, else the first that knows anything.

        Raises:
            UnavailableError: none works; the text has the reason of each.
        """
        readings, reasons = [], []
        for way in self._ways:
            try:
                readings.append(way())
            except UnavailableError as error:
                reasons.append(str(error))
                continue
            if all(gpu.used is not None for gpu in readings[-1].gpus):
                return readings[-1]
        if not readings:
            raise UnavailableError("; ".join(reasons))
        return readings[0]

    def _nvml(self):
        if self._opened is None:
            self._opened = Nvml.open(self._library, self._kernel)
        try:
            return self._opened.read()
        except UnavailableError:
            self._opened = None  # the driver may come back
            raise


# ── how it is told


def as_text(reading):
    """Return a reading for people."""
    lines = []
    for gpu in reading.gpus:
        shared = ", shared with the CPU" if gpu.shared else ""
        sizes = f"{_mebibytes(gpu.used)} of {_mebibytes(gpu.total)} used, {_mebibytes(gpu.free)} free"
        lines.append(f"GPU {gpu.index} {gpu.name or '?'}: {sizes}{shared}")
        lines += [f"  {_mebibytes(one.used):>11}  PID {one.pid:<8} {one.name}" for one in gpu.processes]
    return "\n".join([*lines, *(f"note: {note}" for note in reading.notes)])


def _mebibytes(size):
    return "?" if size is None else f"{round(size / MIB)} MiB"


def as_json(reading):
    """Return a reading as one line of JSON, with sizes in bytes."""
    gpus = [{**gpu._asdict(), "processes": [one._asdict() for one in gpu.processes]} for gpu in reading.gpus]
    whole = {"source": reading.source, "time": round(time.time(), 3), "gpus": gpus, "notes": reading.notes}
    return json.dumps(whole)


def as_metrics(reading):
    """Return a reading as Prometheus takes it; None says that nothing could be read."""
    families = [("up", "Whether the memory of GPUs could be read.", [({}, int(reading is not None))])]
    gpus = (
        [(gpu, {"gpu": gpu.index, "name": gpu.name, "uuid": gpu.uuid}) for gpu in reading.gpus] if reading else []
    )
    for field, text in (
        ("total", "Memory of the GPU."),
        ("used", "Memory of the GPU that is used."),
        ("free", "Memory of the GPU that a program could still get."),
    ):
        families.append((f"{field}_bytes", text, [(labels, getattr(gpu, field)) for gpu, labels in gpus]))
    shared = [(labels, int(gpu.shared)) for gpu, labels in gpus]
    families.append(("shared", "Whether the GPU's memory is the CPU's, too.", shared))
    held = [
        ({**labels, "pid": one.pid, "process": one.name}, one.used) for gpu, labels in gpus for one in gpu.processes
    ]
    families.append(("process_used_bytes", "Memory of the GPU that a process holds.", held))
    return "".join(f"{line}\n" for family in families for line in _metric_lines(*family))


def _metric_lines(name, text, samples):
    """Yield a metric's lines; none if no value of it is known."""
    known = [(labels, value) for labels, value in samples if value is not None]
    if known:
        yield f"# HELP gpu_memory_{name} {text}"
        yield f"# TYPE gpu_memory_{name} gauge"
    for labels, value in known:
        pairs = ",".join(f'{label}="{_escaped(said)}"' for label, said in labels.items())
        yield f"gpu_memory_{name}{{{pairs}}} {value}" if pairs else f"gpu_memory_{name} {value}"


def _escaped(value):
    return str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


# ── the command


class Handler(BaseHTTPRequestHandler):
    """Answers requests for /metrics and /health; its server has the sources."""

    timeout = 10  # seconds for a client that says nothing

    def do_GET(self):
        path = self.path.split("?")[0]
        if path not in ("/metrics", "/health"):
            self.send_error(404, "there are /metrics and /health")
            return
        try:
            reading = self.server.sources.read()
        except UnavailableError:
            reading = None
        if path == "/metrics":
            self._answer(200, as_metrics(reading))
        else:
            self._answer(*((503, "no GPU\n") if reading is None else (200, "ok\n")))

    def _answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Write no line for each request."""


def serve(sources, address, port):
    """Answer requests until the process ends."""
    sources.read()  # a machine without a GPU is told at once
    with HTTPServer((address, port), Handler) as server:
        server.sources = sources
        print(f"gpu-memory: /metrics on port {server.server_address[1]}", file=sys.stderr, flush=True)
        server.serve_forever()


def watch(sources, shown, seconds):
    """Print a reading every so many seconds, until the process ends."""
    due = time.monotonic()
    while True:
        print(shown(sources.read()), flush=True)
        due = max(due + seconds, time.monotonic())
        time.sleep(max(due - time.monotonic(), 0))


def interval(text):
    """Read a number of seconds."""
    value = float(text)
    if not 0 < value < 1e6:
        raise ValueError(text)
    return value


def arguments(given=None):
    """Return the command line, read."""
    parser = argparse.ArgumentParser(
        prog="gpu-memory", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--json", action="store_true", help="print JSON, one line for each reading")
    add("--source", choices=["auto", *Sources.NAMES], default="auto", help="ask this one only")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--watch", type=interval, metavar="SECONDS", help="go on, with so many seconds in between")
    what.add_argument("--serve", type=int, metavar="PORT", help="serve metrics for Prometheus")
    add("--address", default="0.0.0.0", help="where --serve listens (%(default)s)")
    add("--nvml", default="libnvidia-ml.so.1", metavar="LIBRARY", help="path or name of NVML (%(default)s)")
    add("--nvidia-smi", default="nvidia-smi", metavar="PROGRAM", help="path or name (%(default)s)")
    add("--root", default="/", metavar="FOLDER", help="where /proc, /sys and /dev are (%(default)s)")
    return parser.parse_args(given)


def main(given=None):
    """Run the command, and return its exit code."""
    options = arguments(given)
    sources = Sources(Kernel(options.root), options.nvml, options.nvidia_smi, options.source)
    shown = as_json if options.json else as_text
    try:
        if options.serve is not None:
            serve(sources, options.address, options.serve)
        elif options.watch is not None:
            watch(sources, shown, options.watch)
        else:
            print(shown(sources.read()))
    except UnavailableError as error:
        print(f"gpu-memory: there is no GPU to be seen: {error}", file=sys.stderr)
        return EXIT_NO_GPU
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
