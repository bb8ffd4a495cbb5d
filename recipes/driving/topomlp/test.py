"""Reads the default configuration, measures how far lanes are apart, and codes a box."""

import math
import os
import subprocess
from pathlib import Path

import numpy as np
import torch
from openlanev2.evaluation.distance import chamfer_distance, pairwise

command = ["driving-infer", "--check-config", os.environ["DRIVING_CONFIG"]]
checked = subprocess.run(command, stdout=subprocess.PIPE, check=True)
assert b"(read by mmcv)" in checked.stdout, checked.stdout

lane = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
assert np.allclose(pairwise([lane], [lane, lane + np.array([0, 3, 4])], chamfer_distance), [[0, 5]])

# The whole plugin loads flash-attn's kernels, which need the driver; the code of boxes is read by itself.
path = Path(os.environ["PYTHONPATH"], "projects/topomlp/core/bbox/util.py")
coding = {}
text = path.read_text()
start = text.index("def normalize_bbox")
exec(compile("import torch\n" + text[start:], str(path), "exec"), coding)
box = torch.tensor([[1.0, 2.0, 3.0, 1.0, math.e, 1.0, math.pi / 6]])  # centre, sizes, angle
numbers = coding["normalize_bbox"](box, None)
expected = torch.tensor([[1.0, 2.0, 0.0, 1.0, 3.0, 0.0, 0.5, 0.75**0.5]])
assert torch.allclose(numbers, expected, atol=1e-5), numbers
print("topomlp: the configuration, the distances and the boxes' code are as they should be")
