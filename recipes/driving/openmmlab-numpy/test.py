"""Compiles a function with Numba over old numpy's arrays, and checks that the old names of types are there."""

import numba
import numpy as np

PAIRS = {"0.48.0": "1.19.5", "0.53.0": "1.23.5"}
assert np.__version__ == PAIRS[numba.__version__], (np.__version__, numba.__version__)
assert np.__file__.startswith("/opt/openmmlab-numpy/"), np.__file__


@numba.jit(nopython=True)
def area(corners):
    """Return a polygon's area, by the shoelace formula."""
    total = 0.0
    for i in range(corners.shape[0]):
        j = (i + 1) % corners.shape[0]
        total += corners[i, 0] * corners[j, 1] - corners[j, 0] * corners[i, 1]
    return abs(total) / 2


assert area(np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 3.0]])) == 6.0
assert np.ones(3, dtype=np.bool).sum() == 3  # gone from 1.24 on
print(f"openmmlab-numpy: numpy {np.__version__}, Numba {numba.__version__}")
