"""Reads the default configuration, and codes a box as the network has it and back."""

import ctypes
import importlib
import math
import os
import subprocess
from pathlib import Path

import torch

command = ["driving-infer", "--check-config", os.environ["DRIVING_CONFIG"]]
checked = subprocess.run(command, stdout=subprocess.PIPE, check=True)
assert b"(read by mmcv)" in checked.stdout, checked.stdout

try:
    ctypes.CDLL("libcuda.so.1")
    importlib.import_module("projects.mmdet3d_plugin")  # it loads flash-attn's kernels
except OSError:  # they need the driver, which only the host has
    assert not Path("/dev/nvidia0").exists()

# The code of boxes needs none of that, and is read by itself.
path = Path(os.environ["PYTHONPATH"], "projects/mmdet3d_plugin/core/bbox/util.py")
coding = {}
exec(compile(path.read_text(), str(path), "exec"), coding)
box = torch.tensor([[1.0, 2.0, 3.0, 1.0, math.e, 1.0, math.pi / 6]])  # centre, sizes, angle
numbers = coding["normalize_bbox"](box, None)
expected = torch.tensor([[1.0, 2.0, 3.0, 0.0, 1.0, 0.0, 0.5, 0.75**0.5]])
assert torch.allclose(numbers, expected, atol=1e-5), numbers
assert torch.allclose(coding["denormalize_bbox"](numbers, None), box, atol=1e-5)
print("streampetr: the configuration and the boxes' code are as they should be")
