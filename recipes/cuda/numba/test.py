"""Compiles a loop, a ufunc and a parallel sum, and compares them with known results; a kernel on a GPU, too."""

from pathlib import Path

import numba
import numpy as np


@numba.njit
def primes_below(limit):
    composite = np.zeros(limit, np.bool_)
    count = 0
    for number in range(2, limit):
        if not composite[number]:
            count += 1
            for multiple in range(number * number, limit, number):
                composite[multiple] = True
    return count


@numba.vectorize(["float64(float64, float64)"])
def hypotenuse(a, b):
    return (a * a + b * b) ** 0.5


@numba.njit(parallel=True)
def squares(n):
    total = 0
    for i in numba.prange(n):
        total += i * i
    return total


assert primes_below(10_000) == 1229
assert primes_below.signatures, "nothing was compiled"
assert np.allclose(hypotenuse(np.array([3.0, 5.0]), np.array([4.0, 12.0])), [5, 13])
assert squares(1000) == 332833500

place = "CPU"
if Path("/dev/nvidia0").exists():
    from numba import cuda

    @cuda.jit
    def double(values):
        i = cuda.grid(1)
        if i < values.size:
            values[i] *= 2

    values = cuda.to_device(np.arange(100.0))
    double[4, 32](values)
    assert values.copy_to_host().sum() == 9900
    place = "CPU and GPU"
print(f"numba: {numba.__version__} on {place}")
