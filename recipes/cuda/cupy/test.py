"""Solves a system, transforms a wave and runs a kernel of its own on the GPU, with known results."""

import cupy as cp

solution = cp.linalg.solve(cp.array([[4.0, 1.0], [2.0, 3.0]]), cp.array([1.0, 2.0]))
assert cp.allclose(solution, cp.array([0.1, 0.6])), solution

spectrum = cp.abs(cp.fft.rfft(cp.sin(2 * cp.pi * 5 * cp.arange(64) / 64)))
assert int(spectrum.argmax()) == 5, spectrum

# Compiled by NVRTC when it is first called.
square = cp.ElementwiseKernel("float32 x", "float32 y", "y = x * x + 1", "square_and_one")
assert float(square(cp.arange(4, dtype=cp.float32)).sum()) == 18.0
name = cp.cuda.runtime.getDeviceProperties(0)["name"].decode()
print(f"cupy: {cp.__version__} on {name}")
