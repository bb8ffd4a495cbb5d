"""Measures how well a segmentation fits, and enlarges a map as a decoder does."""

import mmseg
import numpy as np
import torch
from mmseg.core.evaluation import mean_iou
from mmseg.ops import resize

truth = np.array([[0, 0, 1, 1], [0, 0, 1, 255]])
found = np.array([[0, 0, 1, 0], [0, 0, 1, 1]])
result = mean_iou([found], [truth], num_classes=2, ignore_index=255)
values = [np.asarray(value) for value in (result.values() if isinstance(result, dict) else result)]
# Class 0: 4 of 5; class 1: 2 of 3; what is 255 does not count.
assert any(value.shape == (2,) and np.allclose(value, [4 / 5, 2 / 3]) for value in values), result

small = torch.tensor([[[[0.0, 2.0]]]])
large = resize(small, size=(1, 3), mode="bilinear", align_corners=True)
assert torch.allclose(large, torch.tensor([[[[0.0, 1.0, 2.0]]]])), large
print(f"mmsegmentation: {mmseg.__version__}")
