"""Makes YOLO11 without its weights, of the size that upstream states, and suppresses boxes that cover others."""

import os
import sys
from pathlib import Path

GPU = any(Path("/dev", device).exists() for device in ("nvidia0", "nvhost-gpu", "nvgpu"))

try:
    import torch
except ImportError as error:
    # Jetson's builds load the board's driver, which no build has; there the test runs in the image.
    if GPU or "libcuda.so" not in str(error):
        raise
    print(f"ultralytics: not run, because the driver is only on the board ({error})")
    sys.exit(0)

os.environ["YOLO_OFFLINE"] = "true"
from ultralytics import YOLO, __version__  # noqa: E402 - after the one above has had its say
from ultralytics.utils.nms import non_max_suppression  # noqa: E402

device = "cuda" if GPU and torch.cuda.is_available() else "cpu"
model = YOLO("yolo11n.yaml").model.eval().to(device)
parameters = sum(parameter.numel() for parameter in model.parameters())
assert parameters == 2_624_080, parameters

with torch.no_grad():
    answer = model(torch.zeros(1, 3, 64, 64, device=device))[0]
# 80 classes and a box for each cell of 8, 16 and 32 pixels.
assert tuple(answer.shape) == (1, 84, 8 * 8 + 4 * 4 + 2 * 2), answer.shape

# Middle, size, and the scores of two classes; the second box covers the first, the third stands apart.
boxes = torch.tensor([[20, 20, 20, 20, 0.9, 0.0], [22, 20, 20, 20, 0.8, 0.0], [80, 80, 10, 10, 0.0, 0.7]])
(kept,) = non_max_suppression(boxes.T[None].to(device), conf_thres=0.5, iou_thres=0.5)
expected = torch.tensor([[10, 10, 30, 30, 0.9, 0], [75, 75, 85, 85, 0.7, 1]])
assert torch.allclose(kept.cpu(), expected, atol=1e-4), kept
print(f"ultralytics: {__version__} on {device}")
