"""Turns and compares boxes in space, and runs the operators; on a GPU too, if there is one."""

import math
from pathlib import Path

import mmdet3d
import networkx
import torch
import trimesh
from mmdet3d.core.bbox import LiDARInstance3DBoxes

GPU = Path("/dev/nvidia0").exists()
assert networkx.__version__ == "2.2", networkx.__version__
assert trimesh.creation.box((1, 2, 3)).volume == 6

# x, y, z of the bottom's centre, three sizes, and the angle around the vertical axis
boxes = LiDARInstance3DBoxes(
    torch.tensor([[0.0, 0.0, 0.0, 2.0, 4.0, 1.0, 0.0], [5.0, 0.0, 1.0, 1.0, 1.0, 2.0, 0.0]])
)
assert boxes.volume.tolist() == [8.0, 2.0]
assert boxes.gravity_center[:, 2].tolist() == [0.5, 2.0]
assert boxes.corners[0].abs().amax(0).tolist() == [1.0, 2.0, 1.0]
boxes.rotate(math.pi / 2)
assert torch.allclose(boxes.bottom_center[1].abs(), torch.tensor([0.0, 5.0, 1.0]), atol=1e-5), boxes

if mmdet3d.__version__.startswith("0."):  # its own operators; later ones are mmcv's
    from mmdet3d.ops import Voxelization
else:
    from mmcv.ops import Voxelization
points = torch.tensor([[0.5, 0.5, 0.5, 1.0], [0.6, 0.5, 0.5, 2.0], [3.5, 0.5, 0.5, 3.0]])
voxels = Voxelization([1, 1, 1], [0, 0, 0, 4, 4, 4], max_num_points=5, max_voxels=10)
for device in ["cpu", "cuda"] if GPU else ["cpu"]:
    found, places, counts = voxels(points.to(device))
    assert sorted(counts.tolist()) == [1, 2], counts
    assert sorted(places.tolist()) == [[0, 0, 0], [0, 0, 3]], places
print(f"mmdet3d: {mmdet3d.__version__} on {'a GPU' if GPU else 'the CPU'}")
