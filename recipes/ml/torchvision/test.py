"""Suppresses boxes with torchvision's compiled operator, and runs an untrained model; on a GPU, if there is one."""

import sys
from pathlib import Path

GPU = any(Path("/dev", device).exists() for device in ("nvidia0", "nvhost-gpu", "nvgpu"))

try:
    import torch
    import torchvision
except ImportError as error:
    # Jetson's builds load the board's driver, which no build has; there the test runs in the image.
    if GPU or "libcuda.so" not in str(error):
        raise
    print(f"torchvision: not run, because the driver is only on the board ({error})")
    sys.exit(0)

device = "cuda" if GPU and torch.cuda.is_available() else "cpu"
boxes = torch.tensor([[0, 0, 10, 10], [1, 1, 11, 11], [50, 50, 60, 60]], dtype=torch.float32, device=device)
scores = torch.tensor([0.9, 0.8, 0.95], device=device)
assert torchvision.ops.nms(boxes, scores, 0.5).tolist() == [2, 0]
assert torchvision.ops.nms(boxes, scores, 0.7).tolist() == [2, 0, 1]

image = torch.arange(48, dtype=torch.uint8).reshape(3, 4, 4)
flipped = torchvision.transforms.functional.hflip(image)
assert flipped[0, 0].tolist() == [3, 2, 1, 0]

model = torchvision.models.resnet18().eval().to(device)
with torch.no_grad():
    result = model(torch.zeros(2, 3, 64, 64, device=device))
assert result.shape == (2, 1000)
assert torch.allclose(result[0], result[1], atol=1e-4)
print(f"torchvision: {torchvision.__version__} on {device}")
