"""Runs a tiny SAM on two points: the masks' shape, the place of the points, and masks that are brought to size."""

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
    print(f"sam: not run, because the driver is only on the board ({error})")
    sys.exit(0)

import numpy as np  # noqa: E402 - after the one above has had its say
from PIL import Image  # noqa: E402
from transformers import (  # noqa: E402
    Sam2Model,
    SamConfig,
    SamImageProcessor,
    SamMaskDecoderConfig,
    SamModel,
    SamProcessor,
    SamPromptEncoderConfig,
    SamVisionConfig,
)

assert Sam2Model.__name__ == "Sam2Model", "transformers is too old for SAM 2"
device = "cuda" if GPU and torch.cuda.is_available() else "cpu"
torch.manual_seed(0)
config = SamConfig(
    vision_config=SamVisionConfig(
        hidden_size=16, output_channels=8, num_hidden_layers=1, num_attention_heads=2, image_size=64, patch_size=16,
        window_size=2, global_attn_indexes=[0], mlp_dim=16, num_pos_feats=4,
    ).to_dict(),
    prompt_encoder_config=SamPromptEncoderConfig(hidden_size=8, image_size=64, patch_size=16).to_dict(),
    mask_decoder_config=SamMaskDecoderConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=2, mlp_dim=16,
        iou_head_hidden_dim=8, iou_head_depth=2,
    ).to_dict(),
)  # fmt: skip
model = SamModel(config).eval().to(device)
processor = SamProcessor(
    SamImageProcessor(
        size={"longest_edge": 64}, pad_size={"height": 64, "width": 64}, mask_size={"longest_edge": 16}
    )
)
picture = Image.fromarray(np.arange(48 * 96 * 3, dtype=np.uint8).reshape(48, 96, 3))
inputs = processor(picture, input_points=[[[48, 24], [90, 40]]], return_tensors="pt")
# The picture becomes 64 wide and 32 high, and the points with it.
assert inputs["reshaped_input_sizes"].tolist() == [[32, 64]], inputs["reshaped_input_sizes"]
assert np.allclose(np.asarray(inputs["input_points"]).reshape(-1, 2), [[32, 16], [60, 80 / 3]])

with torch.no_grad():
    answer = model(**{name: value.to(device) for name, value in inputs.items() if torch.is_tensor(value)})
assert tuple(answer.pred_masks.shape) == (1, 1, 3, 16, 16), answer.pred_masks.shape
assert tuple(answer.iou_scores.shape) == (1, 1, 3), answer.iou_scores.shape

left = torch.full((1, 1, 1, 16, 16), -1.0)
left[..., :8] = 1.0  # the left half is the thing
(mask,) = processor.image_processor.post_process_masks(
    left, inputs["original_sizes"], inputs["reshaped_input_sizes"]
)
assert tuple(mask.shape) == (1, 1, 48, 96), mask.shape
columns = mask[0, 0].all(dim=0).nonzero().flatten().tolist()
assert columns == list(range(48)), columns
print(f"sam: on {device}")
