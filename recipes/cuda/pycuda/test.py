"""Compiles a kernel, which needs no GPU; where there is one, computes with the kernel and with arrays."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

GPU = any(Path("/dev", device).exists() for device in ("nvidia0", "nvhost-gpu", "nvgpu"))
SOURCE = "__global__ void twice(float *values) { values[threadIdx.x] *= 2; }"


def check_compiler():
    from pycuda import compiler

    architecture = os.environ["CUDAARCHS"].split(";")[0]
    ptx = compiler.compile(SOURCE, arch=f"sm_{architecture}", target="ptx")
    assert b".visible .entry twice" in ptx, ptx


def check_gpu():
    """Return the GPU's name."""
    import numpy as np
    import pycuda.autoinit
    from pycuda import compiler, driver, gpuarray

    values = np.arange(64, dtype=np.float32)
    twice = compiler.SourceModule(SOURCE).get_function("twice")
    twice(driver.InOut(values), block=(64, 1, 1), grid=(1, 1))
    assert values.tolist() == [2 * i for i in range(64)], values
    array = gpuarray.to_gpu(values)
    assert float(gpuarray.sum(array * array).get()) == 4 * sum(i * i for i in range(64))
    return pycuda.autoinit.device.name()


if not GPU and "PYCUDA_TEST" not in os.environ:
    # Without the machine's driver, the toolkit's stand-in for it is good enough to compile.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "libcuda.so.1").symlink_to(Path(os.environ["CUDA_HOME"], "lib64", "stubs", "libcuda.so"))
        again = {**os.environ, "LD_LIBRARY_PATH": folder, "PYCUDA_TEST": "1", "PYCUDA_CACHE_DIR": folder}
        sys.exit(subprocess.run([sys.executable, *sys.argv], env=again, check=False).returncode)

check_compiler()
print(f"pycuda: on {check_gpu()}" if GPU else "pycuda: without a GPU")
