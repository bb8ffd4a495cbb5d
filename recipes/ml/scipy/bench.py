"""Solves a sparse system, filters a signal, and looks for neighbours."""

import numpy as np
from edgebake_bench import measure
from scipy import sparse
from scipy.signal import butter, sosfilt
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

side = 64
line = sparse.diags([-1.0, 4.0, -1.0], [-1, 0, 1], shape=(side, side))
plane = sparse.kron(sparse.eye(side), line) + sparse.kron(
    sparse.diags([-1.0, -1.0], [-1, 1], shape=(side, side)), sparse.eye(side)
)
matrix, right = plane.tocsc(), np.ones(side * side)
random = np.random.RandomState(0)
points, questions = random.rand(20000, 3), random.rand(200, 3)
tree = cKDTree(points)
low_pass = butter(4, 0.1, output="sos")
signal = random.rand(1 << 16)

measure("sparse solution, 4,096 unknowns", lambda: splu(matrix).solve(right), unit="solutions")
measure("200 nearest neighbours among 20,000 points", lambda: tree.query(questions), items=200, unit="queries")
measure("low-pass filter, 65,536 samples", lambda: sosfilt(low_pass, signal), items=1 << 16, unit="samples")
