"""Runs a tiny SegFormer whose answer is known: with one weight set, every pixel is of the class that it is for."""

import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
assert os.environ.get("HF_HOME") == "/models", "models would not be kept in the volume"
GPU = any(Path("/dev", device).exists() for device in ("nvidia0", "nvhost-gpu", "nvgpu"))

try:
    import torch
except ImportError as error:
    # Jetson's builds load the board's driver, which no build has; there the test runs in the image.
    if GPU or "libcuda.so" not in str(error):
        raise
    print(f"segformer: not run, because the driver is only on the board ({error})")
    sys.exit(0)

import numpy as np  # noqa: E402 - after the one above has had its say
from PIL import Image  # noqa: E402
from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerImageProcessor  # noqa: E402

device = "cuda" if GPU and torch.cuda.is_available() else "cpu"
config = SegformerConfig(
    num_labels=5,
    depths=[1, 1, 1, 1],
    hidden_sizes=[8, 8, 8, 8],
    num_attention_heads=[1, 1, 1, 1],
    decoder_hidden_size=8,
)
model = SegformerForSemanticSegmentation(config).eval().to(device)
look = SegformerImageProcessor(size={"height": 64, "width": 64})
picture = Image.fromarray(np.arange(40 * 50 * 3, dtype=np.uint8).reshape(40, 50, 3))
pixels = look(picture, return_tensors="pt")["pixel_values"].to(device)
assert tuple(pixels.shape) == (1, 3, 64, 64), pixels.shape

with torch.no_grad():
    answer = model(pixels)
    assert tuple(answer.logits.shape) == (1, 5, 16, 16), answer.logits.shape  # a quarter of the picture
    assert answer.logits.std() > 0
    model.decode_head.classifier.weight.zero_()
    model.decode_head.classifier.bias.copy_(torch.tensor([0.0, 0, 0, 1, 0]))
    known = model(pixels)
(found,) = look.post_process_semantic_segmentation(known, target_sizes=[(40, 50)])
assert tuple(found.shape) == (40, 50), found.shape
assert bool((found == 3).all()), found.unique()
print(f"segformer: on {device}")
