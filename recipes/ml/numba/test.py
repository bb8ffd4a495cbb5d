"""Compiles a loop, and sees that it is machine code that gives the sum."""

import numba
import numpy as np


@numba.njit
def weighted(values):
    total = 0.0
    for index in range(values.size):
        total += values[index] * index
    return total


values = np.arange(1000, dtype=np.float64)
assert weighted(values) == 332_833_500.0, weighted(values)  # the sum of squares below 1000
assert len(weighted.signatures) == 1
assert "add" in next(iter(weighted.inspect_llvm().values()))
print(f"numba: {numba.__version__}")
