"""Multiplies matrices, sums along rows, sorts, and transforms: what the linear algebra behind NumPy gives here."""

import numpy as np
from edgebake_bench import measure

random = np.random.RandomState(0)
a, b = (random.rand(512, 512).astype(np.float32) for _ in range(2))
signal = random.rand(1 << 18).astype(np.float32)

measure("matrix product, float32 512 x 512", lambda: a @ b, items=2 * 512**3 / 1e9, unit="GFLOP")
measure("fft of 262,144 values", lambda: np.fft.rfft(signal))
measure("sort of 262,144 values", lambda: np.sort(signal))
