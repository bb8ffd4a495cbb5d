"""Suppresses boxes with mmcv's compiled operator, on a GPU too if there is one, and merges configurations."""

import tempfile
from pathlib import Path

import mmcv
import numpy as np
import torch
from mmcv.ops import nms

GPU = Path("/dev/nvidia0").exists()
boxes = torch.tensor([[0, 0, 10, 10], [1, 1, 11, 11], [50, 50, 60, 60]], dtype=torch.float32)
scores = torch.tensor([0.9, 0.8, 0.95])
for device in ["cpu", "cuda"] if GPU else ["cpu"]:
    kept, order = nms(boxes.to(device), scores.to(device), 0.5)
    assert order.tolist() == [2, 0], order
    assert kept.shape == (2, 5)

image = np.zeros((4, 6, 3), dtype=np.uint8)
image[:, :3] = 255
assert mmcv.imflip(image)[0, :, 0].tolist() == [0, 0, 0, 255, 255, 255]

with tempfile.TemporaryDirectory() as folder:
    Path(folder, "base.py").write_text("model = dict(depth=50, width=1)\n")
    Path(folder, "own.py").write_text("_base_ = './base.py'\nmodel = dict(depth=101)\n")
    assert mmcv.Config.fromfile(str(Path(folder, "own.py"))).model == {"depth": 101, "width": 1}
print(f"mmcv: {mmcv.__version__} on {'a GPU' if GPU else 'the CPU'}")
