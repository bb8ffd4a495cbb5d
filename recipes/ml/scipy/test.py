"""Integrates, finds a minimum and a root, and solves a sparse system, each with a known result."""

import math

import numpy as np
import scipy
from scipy import integrate, optimize, sparse, special, stats
from scipy.sparse.linalg import spsolve

area, _ = integrate.quad(lambda x: math.exp(-x * x), -np.inf, np.inf)
assert abs(area - math.sqrt(math.pi)) < 1e-9, area

found = optimize.minimize(lambda p: (p[0] - 3) ** 2 + 2 * (p[1] + 1) ** 2, [0.0, 0.0])
assert np.allclose(found.x, [3, -1], atol=1e-4), found
root = optimize.brentq(lambda x: x * x - 2, 0, 2)
assert abs(root - math.sqrt(2)) < 1e-9, root

# -u'' = 2 on (0, 1) with u = 0 at both ends is u = x (1 - x), which differences of second order give exactly.
points = 99
step = 1 / (points + 1)
matrix = sparse.diags([-1.0, 2.0, -1.0], [-1, 0, 1], shape=(points, points), format="csc") / step**2
x = np.linspace(step, 1 - step, points)
assert np.allclose(spsolve(matrix.tocsc(), np.full(points, 2.0)), x * (1 - x))

assert special.gamma(6) == 120.0
assert abs(stats.norm.cdf(1.96) - 0.9750021) < 1e-6
print(f"scipy: {scipy.__version__}")
