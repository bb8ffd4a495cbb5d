"""Compares boxes, assigns them to objects, and codes one as a detector does."""

import mmdet
import torch
from mmdet.core import DeltaXYWHBBoxCoder, MaxIoUAssigner, bbox_overlaps

boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0]])
found = torch.tensor([[0.0, 0.0, 10.0, 5.0], [20.0, 20.0, 30.0, 30.0], [50.0, 50.0, 60.0, 60.0]])
assert torch.allclose(bbox_overlaps(boxes, found), torch.tensor([[0.5, 0.0, 0.0], [0.0, 1.0, 0.0]]))

assigned = MaxIoUAssigner(pos_iou_thr=0.7, neg_iou_thr=0.3, min_pos_iou=0.6).assign(found, boxes)
assert assigned.gt_inds.tolist() == [-1, 2, 0], assigned.gt_inds  # neither, the second object, background

coder = DeltaXYWHBBoxCoder()
deltas = coder.encode(boxes[:1], found[:1])
assert torch.allclose(deltas, torch.tensor([[0.0, -0.25, 0.0, -0.6931]]), atol=1e-4), deltas
assert torch.allclose(coder.decode(boxes[:1], deltas), found[:1], atol=1e-4)
print(f"mmdet: {mmdet.__version__}")
