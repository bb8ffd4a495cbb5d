"""Reads the default configuration, and turns points of a map into the network's numbers and back."""

import importlib
import os
import subprocess

import torch

checked = subprocess.run(
    ["driving-infer", "--check-config", os.environ["DRIVING_CONFIG"]], stdout=subprocess.PIPE, check=True
)
assert b"(read by mmcv)" in checked.stdout, checked.stdout

importlib.import_module("projects.mmdet3d_plugin")
points = importlib.import_module("projects.mmdet3d_plugin.maptr.assigners.maptr_assigner")
area = [-15.0, -30.0, -2.0, 15.0, 30.0, 2.0]
corners = torch.tensor([[-15.0, -30.0], [0.0, 0.0], [15.0, 15.0]])
numbers = points.normalize_2d_pts(corners, area)
assert torch.allclose(numbers, torch.tensor([[0.0, 0.0], [0.5, 0.5], [1.0, 0.75]])), numbers
assert torch.allclose(points.denormalize_2d_pts(numbers, area), corners, atol=1e-4)

kernel = importlib.import_module("GeometricKernelAttention")
assert [name for name in dir(kernel) if "geometric_kernel_attn" in name], dir(kernel)
print("maptr: configuration, points and kernel are there")
