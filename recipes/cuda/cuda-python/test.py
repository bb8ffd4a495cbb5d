"""Compiles a kernel with NVRTC, which needs no GPU; where there is one, runs it and checks the result."""

import ctypes
from pathlib import Path

try:
    from cuda.bindings import driver, nvrtc
except ImportError:  # 11.x
    from cuda import cuda as driver
    from cuda import nvrtc

GPU = any(Path("/dev", device).exists() for device in ("nvidia0", "nvhost-gpu", "nvgpu"))
SOURCE = b'extern "C" __global__ void twice(int *values) { values[threadIdx.x] *= 2; }'


def call(result):
    """Return the values of a call, or fail with its error."""
    assert result[0].value == 0, result[0]
    return result[1] if len(result) == 2 else result[1:]


program = call(nvrtc.nvrtcCreateProgram(SOURCE, b"twice.cu", 0, [], []))
call(nvrtc.nvrtcCompileProgram(program, 0, []))
ptx = b" " * call(nvrtc.nvrtcGetPTXSize(program))
call(nvrtc.nvrtcGetPTX(program, ptx))
assert b".visible .entry twice" in ptx, ptx

place = "without a GPU"
if GPU:
    call(driver.cuInit(0))
    device = call(driver.cuDeviceGet(0))
    context = call(driver.cuDevicePrimaryCtxRetain(device))
    call(driver.cuCtxSetCurrent(context))
    kernel = call(driver.cuModuleGetFunction(call(driver.cuModuleLoadData(ptx)), b"twice"))
    values = (ctypes.c_int * 32)(*range(32))
    size = ctypes.sizeof(values)
    memory = call(driver.cuMemAlloc(size))
    call(driver.cuMemcpyHtoD(memory, ctypes.addressof(values), size))
    call(driver.cuLaunchKernel(kernel, 1, 1, 1, 32, 1, 1, 0, 0, ((int(memory),), (ctypes.c_void_p,)), 0))
    call(driver.cuMemcpyDtoH(ctypes.addressof(values), memory, size))
    assert list(values) == [2 * number for number in range(32)], list(values)
    place = "on a GPU"
print(f"cuda-python: NVRTC {'.'.join(map(str, call(nvrtc.nvrtcVersion())))} {place}")
