"""Asks the runtime library for its version and, where a GPU is, fills and reads back its memory."""

import ctypes
import os
from pathlib import Path

major, minor = (int(part) for part in os.environ["CUDA_VERSION"].split(".")[:2])
cudart = ctypes.CDLL("libcudart.so.11.0" if major == 11 else f"libcudart.so.{major}")
found = ctypes.c_int()
assert cudart.cudaRuntimeGetVersion(ctypes.byref(found)) == 0
assert found.value == 1000 * major + 10 * minor, f"CUDA {found.value}, not {major}.{minor}"

if any(Path("/dev", device).exists() for device in ("nvhost-gpu", "nvgpu")):
    size = 4096
    memory, copy = ctypes.c_void_p(), (ctypes.c_ubyte * size)()
    assert cudart.cudaMalloc(ctypes.byref(memory), ctypes.c_size_t(size)) == 0, "no memory on the GPU"
    assert cudart.cudaMemset(memory, 0x5A, ctypes.c_size_t(size)) == 0
    assert cudart.cudaMemcpy(copy, memory, ctypes.c_size_t(size), 2) == 0  # 2: device to host
    assert bytes(copy) == b"\x5a" * size
    assert cudart.cudaFree(memory) == 0
print(f"cuda: runtime {found.value}")
