"""Sizes an image as Qwen does, and runs a tiny Qwen2.5-VL, whose answer is known when all weights are zero."""

import math
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
GPU = any(Path("/dev", device).exists() for device in ("nvidia0", "nvhost-gpu", "nvgpu"))

try:
    import torch
except ImportError as error:
    # Jetson's builds load the board's driver, which no build has; there the test runs in the image.
    if GPU or "libcuda.so" not in str(error):
        raise
    print(f"qwen-vl: not run, because the driver is only on the board ({error})")
    sys.exit(0)

import transformers  # noqa: E402 - after the one above has had its say
from PIL import Image  # noqa: E402
from qwen_vl_utils import process_vision_info, smart_resize  # noqa: E402

# Both sides become multiples of 28 with the area near to what it was.
assert smart_resize(100, 200, factor=28) == (112, 196), smart_resize(100, 200, factor=28)
picture = Image.new("RGB", (56, 56), (255, 0, 0))
message = {"role": "user", "content": [{"type": "image", "image": picture}, {"type": "text", "text": "?"}]}
images, videos = process_vision_info([message])
assert videos is None
assert [image.size for image in images] == [(56, 56)], images

device = "cuda" if GPU and torch.cuda.is_available() else "cpu"
IMAGE, START, END = 8, 9, 10
config = transformers.Qwen2_5_VLConfig(
    text_config={
        "vocab_size": 11, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 64,
        "rope_scaling": {"type": "mrope", "rope_type": "default", "mrope_section": [1, 1, 2]},
    },
    vision_config={
        "depth": 2, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 16,
        "fullatt_block_indexes": [1], "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2,
    },
    image_token_id=IMAGE, vision_start_token_id=START, vision_end_token_id=END,
)  # fmt: skip
torch.manual_seed(0)
model = transformers.Qwen2_5_VLForConditionalGeneration(config).eval().to(device)
# 56 by 56 pixels are 4 by 4 patches of 3 x 2 x 14 x 14 values, of which 2 by 2 become one word.
grid = torch.tensor([[1, 4, 4]], device=device)
patches = torch.ones(16, 3 * 2 * 14 * 14, device=device)
words = torch.tensor([[1, START, *[IMAGE] * 4, END, 2]], device=device)
kinds = (words == IMAGE).int()
extra = {"mm_token_type_ids": kinds} if int(transformers.__version__.split(".")[0]) >= 5 else {}
with torch.no_grad():
    answers = [
        model(input_ids=words, pixel_values=patches * light, image_grid_thw=grid, **extra).logits[0, -1]
        for light in (0.0, 1.0)
    ]
    assert not torch.allclose(answers[0], answers[1], atol=1e-7), "the picture does not reach the answer"
    for parameter in model.parameters():
        parameter.zero_()
    even = model(input_ids=words, pixel_values=patches, image_grid_thw=grid, **extra).logits[0, -1].softmax(-1)
assert torch.allclose(even.log(), torch.full_like(even, -math.log(11)), atol=1e-5), even
print(f"qwen-vl: transformers {transformers.__version__} on {device}")
