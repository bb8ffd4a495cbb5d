"""Asks the library for its version; where there is a GPU, makes a communicator on it."""

import ctypes
from importlib import metadata
from pathlib import Path

names = [name for name in ("nvidia-nccl-cu12", "nvidia-nccl-cu13") if any(metadata.distributions(name=name))]
wanted = metadata.version(names[0])
nccl = ctypes.CDLL("libnccl.so.2")
found = ctypes.c_int()
assert nccl.ncclGetVersion(ctypes.byref(found)) == 0
major, minor, patch = (int(part) for part in wanted.split(".")[:3])
assert found.value == 10000 * major + 100 * minor + patch, f"NCCL {found.value}, not {wanted}"

if Path("/dev/nvidia0").exists():
    communicator = ctypes.c_void_p()
    device = ctypes.c_int(0)
    assert nccl.ncclCommInitAll(ctypes.byref(communicator), 1, ctypes.byref(device)) == 0
    size = ctypes.c_int()
    assert nccl.ncclCommCount(communicator, ctypes.byref(size)) == 0
    assert size.value == 1
    nccl.ncclCommDestroy(communicator)
print(f"nccl: {wanted}")
