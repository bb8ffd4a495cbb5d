"""Feeds recorded input of NVML, nvidia-smi and Jetsons' kernels to the command, and checks what it computes."""

import ctypes
import json
import subprocess
import sys
import tempfile
import urllib.request
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

COMMAND = "/usr/local/bin/gpu-memory"
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
sys.dont_write_bytecode = True
loader = SourceFileLoader("gpu_memory", COMMAND)
gpu_memory = module_from_spec(spec_from_loader("gpu_memory", loader))
loader.exec_module(gpu_memory)

MEMINFO = "MemTotal:        7803136 kB\nMemFree:          512000 kB\nMemAvailable:    4194304 kB\n"
CLIENTS = """CLIENT                        PROCESS      PID        SIZE
user                  VLLM::EngineCor     7979    2097152K
user                      gnome-shell     2831       5384K
user                      gnome-shell     2831        616K
user                     my program 7     1012       1024K
total                                              2104176K
"""
CLIENTS_WITH_PSS = """CLIENT                        PROCESS      PID         PSS        SIZE
user                   nvargus-daemon     4678          0K         76K
total                                                  64K         76K
"""
SMI = """#!/bin/sh
case "$1" in
    --query-gpu=*) cat <<'END'
0, NVIDIA L4, GPU-aaaa, 23034, 5000, 17564
1, NVIDIA Thor, GPU-bbbb, [N/A], [N/A], [N/A]
END
    ;;
    --query-compute-apps=*) cat <<'END'
GPU-aaaa, 4242, /usr/bin/python3, 4096
GPU-bbbb, 77, /usr/bin/ollama, 3891
GPU-bbbb, 78, "/opt/with, comma", 1000
GPU-aaaa, 4243, [Not Found], [N/A]
END
    ;;
esac
"""
SMI_WITHOUT_DRIVER = "#!/bin/sh\necho 'NVIDIA-SMI has failed: no driver.'\nexit 9\n"


def machine(folder, files):
    """Return the root of a machine with these files."""
    root = Path(tempfile.mkdtemp(dir=folder))
    for name, text in files.items():
        root.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        root.joinpath(name).write_text(text)
    return root


def run(*arguments):
    """Run the command without the machine's own GPU; return its exit code and what it says."""
    command = [
        sys.executable,
        COMMAND,
        "--nvml",
        "/no/library",
        "--nvidia-smi",
        "/no/program",
        *map(str, arguments),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        said, errors = child.communicate(timeout=60)
    return child.returncode, said.decode(), errors.decode()


def asked(*arguments):
    code, said, errors = run("--json", *arguments)
    assert code == 0, errors
    return json.loads(said)


class Library:
    """NVML with its C interface. `gpus`: name, memory or status, compute processes, graphics processes."""

    def __init__(self, gpus, version, kind):
        self.gpus = gpus
        number, handle = ctypes.POINTER(ctypes.c_uint), ctypes.c_void_p
        text = (handle, ctypes.c_void_p, ctypes.c_uint)
        processes = (handle, number, ctypes.POINTER(kind))
        functions = {
            "nvmlInit_v2": ((), lambda: 0),
            "nvmlDeviceGetCount_v2": ((number,), self.count),
            "nvmlDeviceGetHandleByIndex_v2": ((ctypes.c_uint, ctypes.POINTER(handle)), self.device),
            "nvmlDeviceGetName": (text, lambda device, *to: self.write(self.gpus[device - 1][0], *to)),
            "nvmlDeviceGetUUID": (text, lambda device, *to: self.write(f"GPU-{device}", *to)),
            "nvmlDeviceGetMemoryInfo": ((handle, ctypes.POINTER(gpu_memory.Memory)), self.memory),
            f"nvmlDeviceGetComputeRunningProcesses{version}": (processes, lambda *to: self.running(2, *to)),
            f"nvmlDeviceGetGraphicsRunningProcesses{version}": (processes, lambda *to: self.running(3, *to)),
        }
        for name, (types, function) in functions.items():
            setattr(self, name, ctypes.CFUNCTYPE(ctypes.c_int, *types)(function))

    def count(self, count):
        count[0] = len(self.gpus)
        return 0

    def device(self, index, device):
        device[0] = index + 1  # a handle; 0 would be none
        return 0

    def write(self, text, to, room):
        assert len(text) < room
        ctypes.memmove(to, text.encode() + b"\0", len(text) + 1)
        return 0

    def memory(self, device, to):
        sizes = self.gpus[device - 1][1]
        if isinstance(sizes, int):
            return sizes
        to[0].total, to[0].used, to[0].free = sizes
        return 0

    def running(self, column, device, count, to):
        processes = self.gpus[device - 1][column]
        if count[0] < len(processes):
            count[0] = len(processes)
            return 7  # NVML_ERROR_INSUFFICIENT_SIZE
        count[0] = len(processes)
        for place, (pid, used) in enumerate(processes):
            to[place].pid, to[place].used = pid, used
        return 0


def test_nvml(folder):
    root = machine(folder, {"proc/4242/comm": "python3\n", "proc/meminfo": MEMINFO})
    kernel = gpu_memory.Kernel(root)
    first = ("NVIDIA L4", (24 * GIB, 5 * GIB, 19 * GIB), [(4242, 3 * GIB), (9, (1 << 64) - 1)], [(4242, 3 * GIB)])
    second = ("NVIDIA Thor", 3, [(77, 3 * GIB)], [(78, GIB)])  # NVML_ERROR_NOT_SUPPORTED
    for version, kind in (("_v3", gpu_memory.ProcessV2), ("_v2", gpu_memory.ProcessV2), ("", gpu_memory.ProcessV1)):
        reading = gpu_memory.Nvml(Library([first, second], version, kind), kernel).read()
        one, other = reading.gpus
        assert one[:7] == (0, "NVIDIA L4", "GPU-1", 24 * GIB, 5 * GIB, 19 * GIB, False), one
        assert [tuple(p) for p in one.processes] == [(9, "?", None), (4242, "python3", 3 * GIB)], one
        assert other[3:7] == (7803136 * KIB, 4 * GIB, 4 * GIB, True), other
    text = gpu_memory.as_text(reading).splitlines()
    assert text[0] == "GPU 0 NVIDIA L4: 5120 MiB of 24576 MiB used, 19456 MiB free", text
    assert "no GPU" in why_not(Library([], "", gpu_memory.ProcessV1), kernel)
    assert "no nvmlInit_v2" in why_not(object(), kernel)


def why_not(library, kernel):
    try:
        gpu_memory.Nvml(library, kernel)
    except gpu_memory.UnavailableError as error:
        return str(error)
    return "it is available"


def test_nvidia_smi(folder):
    root = machine(folder, {"smi": SMI, "broken": SMI_WITHOUT_DRIVER, "proc/meminfo": MEMINFO})
    for program in ("smi", "broken"):
        root.joinpath(program).chmod(0o755)
    one, other = asked("--nvidia-smi", root / "smi", "--root", root)["gpus"]
    assert (one["total"], one["used"], one["free"]) == (23034 * MIB, 5000 * MIB, 17564 * MIB), one
    assert one["processes"][0] == {"pid": 4242, "name": "python3", "used": 4 * GIB}, one
    assert one["processes"][1]["used"] is None
    assert not one["shared"]
    assert (other["total"], other["used"], other["free"]) == (7803136 * KIB, 4891 * MIB, 4 * GIB), other
    assert other["shared"]
    assert [p["name"] for p in other["processes"]] == ["ollama", "with, comma"]
    code, _, errors = run("--nvidia-smi", root / "broken", "--root", root)
    assert code == 3
    assert "NVIDIA-SMI has failed: no driver." in errors, errors


def test_jetson(folder):
    orin = {"proc/meminfo": MEMINFO + "NvMapMemUsed:    2104320 kB\n", gpu_memory.NVMAP_CLIENTS: CLIENTS}
    orin["proc/device-tree/model"] = "NVIDIA Jetson Orin Nano Developer Kit\0"
    root = machine(folder, orin)
    reading = asked("--root", root)
    assert reading["source"] == "jetson"
    (gpu,) = reading["gpus"]
    assert gpu["name"] == "NVIDIA Jetson Orin Nano Developer Kit"
    assert (gpu["total"], gpu["used"], gpu["free"]) == (7803136 * KIB, 2104320 * KIB, 4 * GIB), gpu
    assert {p["pid"]: (p["name"], p["used"]) for p in gpu["processes"]} == {
        1012: ("my program 7", MIB),
        2831: ("gnome-shell", 6000 * KIB),
        7979: ("VLLM::EngineCor", 2 * GIB),
    }

    # An older kernel does not count in /proc/meminfo; without debugfs nobody does.
    nano = machine(folder, {"proc/meminfo": MEMINFO, "dev/nvmap": "", gpu_memory.NVMAP_CLIENTS: CLIENTS_WITH_PSS})
    (gpu,) = asked("--root", nano)["gpus"]
    assert (gpu["used"], gpu["processes"]) == (
        76 * KIB,
        [{"pid": 4678, "name": "nvargus-daemon", "used": 76 * KIB}],
    )
    nano.joinpath(gpu_memory.NVMAP_CLIENTS).unlink()
    reading = asked("--root", nano)
    assert (reading["gpus"][0]["used"], len(reading["notes"])) == (None, 2), reading
    return root


def test_command(folder, orin):
    code, said, errors = run("--root", machine(folder, {"proc/meminfo": MEMINFO}))
    assert (code, said) == (3, ""), (code, said)
    assert "there is no GPU to be seen" in errors, errors
    assert run("--watch", "0")[0] == 2
    assert run("--watch", "1", "--serve", "9836")[0] == 2

    options = ["--nvml", "/no/library", "--nvidia-smi", "/no/program", "--root", str(orin)]
    command = [sys.executable, COMMAND, *options]
    with subprocess.Popen([*command, "--json", "--watch", "0.1"], stdout=subprocess.PIPE) as child:
        times = [json.loads(child.stdout.readline().decode())["time"] for _ in range(3)]
        child.kill()
    assert times[0] < times[1] < times[2], times

    served = [*command, "--address", "127.0.0.1", "--serve", "0"]
    with subprocess.Popen(served, stderr=subprocess.PIPE) as child:
        try:
            url = f"http://127.0.0.1:{child.stderr.readline().decode().split()[-1]}"
            assert urllib.request.urlopen(f"{url}/health", timeout=20).read() == b"ok\n"
            metrics = urllib.request.urlopen(f"{url}/metrics", timeout=20).read().decode()
        finally:
            child.kill()
    values = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if not line.startswith("#"))
    labels = 'gpu="0",name="NVIDIA Jetson Orin Nano Developer Kit",uuid=""'
    assert values["gpu_memory_up"] == "1"
    assert values[f"gpu_memory_used_bytes{{{labels}}}"] == str(2104320 * KIB), values
    process = f'{{{labels},pid="7979",process="VLLM::EngineCor"}}'
    assert values[f"gpu_memory_process_used_bytes{process}"] == str(2 * GIB), values
    assert gpu_memory.as_metrics(None).splitlines()[-1] == "gpu_memory_up 0"


with tempfile.TemporaryDirectory() as folder:
    test_nvml(folder)
    test_nvidia_smi(folder)
    test_command(folder, test_jetson(folder))

if Path("/dev/nvidia0").exists() or Path("/dev/nvhost-gpu").exists():
    own = json.loads(subprocess.check_output([COMMAND, "--json"]).decode())
    assert all(gpu["total"] and (gpu["used"] or 0) <= gpu["total"] for gpu in own["gpus"]), own
    print(f"gpu-memory: {own['source']}, {len(own['gpus'])} GPUs")
else:
    print("gpu-memory: recorded input of NVML, nvidia-smi and Jetsons; this machine has no GPU")
